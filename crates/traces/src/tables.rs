//! The tables of measurements: a CSV file each, `<name>.csv`, whose first column is `step`.

use std::path::PathBuf;

use brink_dynamics::observer::{Observer, ObserverError};
use brink_dynamics::record::{RunHeader, StepRecord};
use brink_dynamics::{Cell, Table};

use crate::continued::Left;
use crate::csv_file::{CsvError, CsvFile, number};

/// Writes the tables of a run's measurements as it goes.
#[derive(Debug)]
pub struct TablesCsv {
    folder: PathBuf,
    files: Vec<(&'static str, CsvFile)>,
}

/// The name of a table's file.
pub fn table_file(table: &str) -> String {
    format!("{table}.csv")
}

impl TablesCsv {
    /// Files in `folder`, which must not exist when the run starts, unless it is resumed.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            files: Vec::new(),
        }
    }

    fn open(&self, table: &Table, header: &RunHeader) -> Result<CsvFile, ObserverError> {
        let path = self.folder.join(table_file(table.name));
        let names = table.columns.iter().map(|column| column.name.as_str());
        let names: Vec<&str> = std::iter::once("step").chain(names).collect();
        Ok(match header.next_step > header.first_step {
            true => {
                let mut left = Left::open(&path, &names)?;
                left.keep_before(header.next_step, |_, _| Ok(()))?;
                left.cut()?
            }
            false => CsvFile::create(&path, &names)?,
        })
    }
}

fn written(cell: &Cell) -> String {
    match cell {
        Cell::Number(value) => number(*value),
        Cell::Word(word) => (*word).to_owned(),
    }
}

impl Observer for TablesCsv {
    fn name(&self) -> &'static str {
        "the tables of measurements"
    }

    fn start(&mut self, header: &RunHeader) -> Result<(), ObserverError> {
        for table in &header.tables {
            let file = self.open(table, header)?;
            self.files.push((table.name, file));
        }
        Ok(())
    }

    fn step(&mut self, record: &StepRecord) -> Result<(), ObserverError> {
        for rows in &record.tables {
            let file = self.files.iter_mut().find(|(name, _)| *name == rows.table);
            let Some((_, file)) = file else {
                continue;
            };
            let step = record.step.to_string();
            let mut all = rows.rows.iter();
            all.try_for_each(|row| -> Result<(), CsvError> {
                let cells = row.iter().map(written);
                file.row(std::iter::once(step.clone()).chain(cells))
            })?;
            // The rows of a step together: none of them is read without the others.
            file.flush()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use brink_dynamics::{Column, Rows};

    use super::*;
    use crate::testing::{header, record};

    fn with_table(next_step: u64) -> RunHeader {
        let columns = ["operator", "lambda"].map(|name| Column::new(name, "…"));
        RunHeader {
            next_step,
            tables: vec![Table {
                name: "spectrum",
                columns: columns.into(),
            }],
            ..header()
        }
    }

    fn follow(folder: &std::path::Path, steps: std::ops::Range<u64>) {
        let mut tables = TablesCsv::new(folder);
        tables.start(&with_table(steps.start)).unwrap();
        for step in steps {
            let mut record = record(step);
            if step % 2 == 0 {
                let row = |lambda| vec![Cell::Word("hessian"), Cell::Number(lambda)];
                record.tables = vec![Rows {
                    table: "spectrum",
                    rows: vec![row(step as f64), row(0.1 + 0.2)],
                }];
            }
            tables.step(&record).unwrap();
        }
    }

    #[test]
    fn rows_of_a_step_and_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        follow(folder.path(), 0..3);
        let text = std::fs::read_to_string(folder.path().join("spectrum.csv")).unwrap();
        assert_eq!(
            text,
            "step,operator,lambda\n0,hessian,0.0\n0,hessian,0.30000000000000004\n\
             2,hessian,2.0\n2,hessian,0.30000000000000004\n"
        );
    }

    #[test]
    fn a_table_goes_on_at_any_step_as_if_it_had_not_ended() {
        let whole = tempfile::tempdir().unwrap();
        follow(whole.path(), 0..9);
        let expected = std::fs::read_to_string(whole.path().join("spectrum.csv")).unwrap();
        for next_step in 1..9 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("spectrum.csv");
            // The last row was not finished.
            std::fs::write(&path, &expected[..expected.len() - 3]).unwrap();
            follow(folder.path(), next_step..9);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
        }
    }

    #[test]
    fn another_table_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spectrum.csv");
        std::fs::write(&path, "step,lambda\n0,1.0\n").unwrap();
        for next_step in [0, 1] {
            let refused = TablesCsv::new(folder.path()).start(&with_table(next_step));
            assert!(refused.unwrap_err().to_string().contains("spectrum.csv"));
        }
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "step,lambda\n0,1.0\n"
        );
    }
}
