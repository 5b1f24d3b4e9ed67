//! What is wrong with a config, shown at the place where it was written.

use std::fmt;
use std::path::PathBuf;

use brink_files::ReadFault;
use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

use super::source::Origin;

/// One fault in a config, with its place and what to write instead.
#[derive(Debug, Clone)]
pub struct Problem {
    message: String,
    label: String,
    help: Option<String>,
    origin: Origin,
    code: NamedSource<String>,
}

impl Problem {
    /// A fault at `origin`: `message` is the headline, `label` stands at the place itself.
    pub fn new(message: impl Into<String>, label: impl Into<String>, origin: Origin) -> Self {
        let code = NamedSource::new(&origin.source.name, origin.source.text.clone());
        Self {
            message: message.into(),
            label: label.into(),
            help: None,
            origin,
            code,
        }
    }

    /// Adds what to do about it.
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The headline.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn help_text(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The name of the file or argument at fault.
    pub fn source_name(&self) -> &str {
        &self.origin.source.name
    }

    /// Line and column, both counted from 1.
    pub fn line_column(&self) -> (usize, usize) {
        self.origin.line_column()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.code)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = LabeledSpan::new_with_span(Some(self.label.clone()), self.origin.visible());
        Some(Box::new(std::iter::once(label)))
    }
}

/// Why a config cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the config {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: ReadFault,
    },
    /// It was read, and something in it is wrong.
    #[error("{}", first.message())]
    Invalid {
        /// The first fault.
        first: Box<Problem>,
        /// The others that could be found in one go.
        rest: Vec<Problem>,
    },
}

impl ConfigError {
    /// All faults of a config that could be read.
    pub fn problems(&self) -> Vec<&Problem> {
        match self {
            Self::Read { .. } => Vec::new(),
            Self::Invalid { first, rest } => std::iter::once(&**first).chain(rest).collect(),
        }
    }
}

impl From<Box<Problem>> for ConfigError {
    fn from(first: Box<Problem>) -> Self {
        Self::Invalid {
            first,
            rest: Vec::new(),
        }
    }
}

impl Diagnostic for ConfigError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        match self {
            Self::Read { .. } => Some(Box::new(
                "the argument is the path of a TOML file, for instance configs/quickstart.toml",
            )),
            Self::Invalid { first, .. } => first.help(),
        }
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        match self {
            Self::Read { .. } => None,
            Self::Invalid { first, .. } => first.source_code(),
        }
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        match self {
            Self::Read { .. } => None,
            Self::Invalid { first, .. } => first.labels(),
        }
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        match self {
            Self::Invalid { rest, .. } if !rest.is_empty() => Some(Box::new(
                rest.iter().map(|problem| problem as &dyn Diagnostic),
            )),
            _ => None,
        }
    }
}
