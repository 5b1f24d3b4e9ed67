//! A CSV file that can be read while it grows.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::num::FpCategory;
use std::path::{Path, PathBuf};

/// A CSV file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}", path.display())]
pub struct CsvError {
    /// The file.
    pub path: PathBuf,
    /// What the system says.
    pub source: std::io::Error,
}

/// A CSV file: header once, then rows, each handed to the system as soon as it is complete.
///
/// A row that could not be written whole, on a full disk, is taken back: what is left can be read.
#[derive(Debug)]
pub struct CsvFile {
    path: PathBuf,
    file: File,
    /// Rows that the system does not have yet.
    pending: Vec<u8>,
    /// Bytes of the file's whole rows.
    whole: u64,
}

impl CsvFile {
    /// Creates the file, which must not exist, and writes its header.
    pub fn create<H: AsRef<[u8]>>(
        path: &Path,
        header: impl IntoIterator<Item = H>,
    ) -> Result<Self, CsvError> {
        let file = File::create_new(path).map_err(|source| CsvError {
            path: path.to_owned(),
            source,
        })?;
        let mut csv = Self::opened(path, file, 0);
        csv.row(header)?;
        csv.flush()?;
        Ok(csv)
    }

    /// A file that is open behind its `whole` bytes.
    pub(crate) fn opened(path: &Path, file: File, whole: u64) -> Self {
        Self {
            path: path.to_owned(),
            file,
            pending: Vec::new(),
            whole,
        }
    }

    /// Appends a row; [`Self::flush`] makes it visible.
    pub fn row<F: AsRef<[u8]>>(
        &mut self,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<(), CsvError> {
        let row = line(fields).map_err(|error| self.fail(error))?;
        self.pending.extend(row);
        Ok(())
    }

    /// Hands what was written to the system.
    pub fn flush(&mut self) -> Result<(), CsvError> {
        let written = self.file.write_all(&self.pending);
        if written.is_ok() {
            self.whole += self.pending.len() as u64;
        } else {
            // The first error is the one to report.
            let _ = self.file.set_len(self.whole);
            let _ = self.file.seek(SeekFrom::Start(self.whole));
        }
        self.pending.clear();
        written.map_err(|error| self.fail(error))
    }

    fn fail(&self, source: std::io::Error) -> CsvError {
        CsvError {
            path: self.path.clone(),
            source,
        }
    }
}

/// A row as the file has it, with its end.
pub(crate) fn line<F: AsRef<[u8]>>(
    fields: impl IntoIterator<Item = F>,
) -> std::io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut writer = csv::Writer::from_writer(&mut line);
    writer.write_record(fields)?;
    writer.flush()?;
    drop(writer);
    Ok(line)
}

/// The value that a file has for a value: zero has no sign, and a subnormal number, below 2.3e-308,
/// which has lost digits, is zero.
pub fn written(value: f64) -> f64 {
    match value.classify() {
        FpCategory::Zero | FpCategory::Subnormal => 0.0,
        _ => value,
    }
}

/// The shortest decimal that reads back as the same float64; `NaN`, `inf` and `-inf` otherwise.
pub fn number(value: f64) -> String {
    // Debug, unlike Display, has exponents: 1e-300 stays six characters.
    format!("{:?}", written(value))
}

/// A number, or an empty cell.
pub fn cell(value: Option<f64>) -> String {
    value.map_or_else(String::new, number)
}
