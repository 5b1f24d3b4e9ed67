//! The whole lines of a file that a run left, read as a stream: a file may be larger than the memory.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Take};
use std::path::Path;

/// Bytes that are looked at together.
const PIECE: u64 = 1 << 16;

/// Whole rows of a trace: as many steps as it has from its first one on.
///
/// # Errors
/// The system refuses.
pub fn steps_in(path: &Path) -> std::io::Result<u64> {
    let mut file = BufReader::with_capacity(PIECE as usize, File::open(path)?);
    let mut lines = 0_u64;
    loop {
        let bytes = file.fill_buf()?;
        if bytes.is_empty() {
            // One is the header.
            return Ok(lines.saturating_sub(1));
        }
        lines += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        let read = bytes.len();
        file.consume(read);
    }
}

/// The whole lines of a file: one without its end was being written when the run was killed.
///
/// # Errors
/// The system refuses.
pub fn whole_lines(path: &Path) -> std::io::Result<Take<File>> {
    let mut file = File::open(path)?;
    let mut end = file.metadata()?.len();
    let mut piece = Vec::with_capacity(PIECE as usize);
    // From the end to the last line's end.
    while end > 0 {
        let start = end.saturating_sub(PIECE);
        file.seek(SeekFrom::Start(start))?;
        piece.clear();
        file.by_ref().take(end - start).read_to_end(&mut piece)?;
        if let Some(last) = piece.iter().rposition(|byte| *byte == b'\n') {
            end = start + last as u64 + 1;
            break;
        }
        end = start;
    }
    file.rewind()?;
    Ok(file.take(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_its_end_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let piece = PIECE as usize;
        let long = |length: usize| "x".repeat(length);
        let cases = [
            (String::new(), 0),
            (String::from("\n"), 1),
            (long(3), 0),
            (long(3 * piece), 0),
            (long(piece - 1) + "\n", piece),
            (long(piece - 1) + "\n" + &long(piece), piece),
            (long(piece) + "\n" + &long(piece - 1), piece + 1),
            (String::from("a\nb\n") + &long(2 * piece + 5), 4),
        ];
        for (text, expected) in cases {
            std::fs::write(&path, &text).unwrap();
            let mut whole = String::new();
            whole_lines(&path)
                .unwrap()
                .read_to_string(&mut whole)
                .unwrap();
            assert!(whole == text[..expected], "{} bytes", text.len());
            let rows = text.matches('\n').count().saturating_sub(1);
            assert_eq!(steps_in(&path).unwrap(), rows as u64);
        }
    }
}
