//! What only tells a person something.
//!
//! A run must not end because nobody listens any more: a closed pipe, a full disk behind a log or a
//! terminal that went away. So these never fail, unlike `eprintln!`, which panics. What is a
//! command's product, such as the list of `brink config keys`, is written with `writeln!` instead.

use std::fmt::Display;
use std::io::Write;

/// A line on standard error, if it can be written.
pub fn tell(line: impl Display) {
    tell_to(&mut std::io::stderr(), line);
}

/// A line on `out`, if it can be written.
pub fn tell_to(out: &mut impl Write, line: impl Display) {
    // In one write, so that lines of two threads do not mix.
    let _ = out.write_all(format!("{line}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_to_listen() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
        }
        tell_to(&mut Gone, "a line");
        let mut out = Vec::new();
        tell_to(&mut out, 7);
        assert_eq!(out, b"7\n");
    }
}
