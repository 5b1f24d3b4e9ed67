//! The columns of a run's trace.

use serde::Serialize;

/// A column: its name, and what it holds, in which unit and by which source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its name in the trace.
    pub name: String,
    /// What it holds, and when it is empty.
    pub meaning: String,
}

impl Column {
    /// A column of that name and meaning.
    pub fn new(name: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            meaning: meaning.into(),
        }
    }
}
