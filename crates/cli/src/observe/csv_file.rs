//! A CSV file that can be read while it grows.

use std::fs::File;
use std::num::FpCategory;
use std::path::{Path, PathBuf};

use crate::atomic::WriteError;

/// A CSV file: header once, then rows, each handed to the system as soon as it is complete.
#[derive(Debug)]
pub struct CsvFile {
    path: PathBuf,
    writer: csv::Writer<File>,
}

impl CsvFile {
    /// Creates the file, which must not exist, and writes its header.
    pub fn create<H: AsRef<[u8]>>(
        path: &Path,
        header: impl IntoIterator<Item = H>,
    ) -> Result<Self, WriteError> {
        let file = File::create_new(path).map_err(|source| WriteError {
            path: path.to_owned(),
            source,
        })?;
        let mut csv = Self {
            path: path.to_owned(),
            writer: csv::Writer::from_writer(file),
        };
        csv.row(header)?;
        csv.flush()?;
        Ok(csv)
    }

    /// Appends a row; [`Self::flush`] makes it visible.
    pub fn row<F: AsRef<[u8]>>(
        &mut self,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<(), WriteError> {
        let written = self.writer.write_record(fields);
        written.map_err(|error| self.fail(error.into()))
    }

    /// Hands what was written to the system.
    pub fn flush(&mut self) -> Result<(), WriteError> {
        let flushed = self.writer.flush();
        flushed.map_err(|error| self.fail(error))
    }

    fn fail(&self, source: std::io::Error) -> WriteError {
        WriteError {
            path: self.path.clone(),
            source,
        }
    }
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
