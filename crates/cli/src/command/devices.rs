//! `brink devices`.

use std::io::Write;

use crate::backend::Backend;

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
            writeln!(
                out,
                "    no adapter found. A GPU needs its Vulkan driver; software Vulkan on Debian or \
                 Ubuntu: apt install mesa-vulkan-drivers libvulkan1"
            )?;
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
