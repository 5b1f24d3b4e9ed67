//! `brink devices`.

use std::io::Write;

use miette::Diagnostic;

use crate::backend::{Backend, BackendError};

/// Lists backends and their adapters.
pub fn run(out: &mut impl Write) -> std::io::Result<()> {
    let default = Backend::default_of_build().ok();
    for backend in Backend::ALL {
        let note = if default == Some(backend) {
            " (the default)"
        } else {
            ""
        };
        writeln!(out, "{backend}{note}: {}", backend.description())?;
        if !backend.is_compiled() {
            writeln!(
                out,
                "    not compiled in; to get it: cargo run --release --features {backend} -- …"
            )?;
            continue;
        }
        let adapters = backend.adapters();
        for (at, adapter) in adapters.iter().enumerate() {
            writeln!(out, "    {at}: {adapter}")?;
            if let Some(driver) = &adapter.driver {
                writeln!(out, "       driver {driver}")?;
            }
        }
        if adapters.is_empty() {
            let missing = BackendError::NoAdapter { backend };
            let help = missing.help().map(|help| help.to_string());
            writeln!(out, "    no GPU found: {}", help.unwrap_or_default())?;
        }
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_backend_is_listed() {
        let mut out = Vec::new();
        run(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        for backend in Backend::ALL {
            let line = text
                .lines()
                .position(|line| line.starts_with(backend.name()))
                .unwrap();
            let next = text.lines().nth(line + 1).unwrap();
            assert_eq!(
                next.contains("not compiled in"),
                !backend.is_compiled(),
                "{text}"
            );
        }
    }
}
