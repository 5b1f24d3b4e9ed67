//! What can be wrong with a file of arrays.

use std::path::{Path, PathBuf};

use brink_files::ReadFault;

/// A file of arrays that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: Box<FileFault>,
}

impl FileError {
    pub(super) fn new(path: &Path, fault: FileFault) -> Self {
        Self {
            path: path.to_owned(),
            fault: Box::new(fault),
        }
    }
}

/// What is wrong with a file of arrays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileFault {
    /// Not a file of a known kind.
    #[error(
        "name a .npz or .safetensors file with the arrays `inputs` and `targets`, or x.npy beside \
         x-targets.npy"
    )]
    Extension,
    /// The system refused to read.
    #[error("cannot be read: {cause}")]
    Read {
        /// The reason.
        cause: ReadFault,
    },
    /// A file beside it cannot be read.
    #[error("needs {} beside it, which cannot be read: {cause}", path.display())]
    ReadBeside {
        /// The file.
        path: PathBuf,
        /// The reason.
        cause: ReadFault,
    },
    /// A file that is not what its name says.
    #[error("cannot be understood{}: {message}", of(array))]
    Malformed {
        /// The array, if it is one's fault.
        array: Option<&'static str>,
        /// What the reader says.
        message: String,
    },
    /// An array that is not there.
    #[error("has no array `{array}`; it has {}", if found.is_empty() { "none".to_owned() } else { found.join(", ") })]
    Missing {
        /// The array.
        array: &'static str,
        /// Those that are there.
        found: Vec<String>,
    },
    /// Elements that are no real numbers.
    #[error("`{array}` holds {dtype}: save it as float32, float64, integers or booleans")]
    Dtype {
        /// The array.
        array: &'static str,
        /// Its type.
        dtype: String,
    },
    /// Fewer or more values than the shape says.
    #[error(
        "`{array}` of shape {shape:?} does not have as many values: it was cut off, or damaged"
    )]
    Length {
        /// The array.
        array: &'static str,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// Arrays of different numbers of samples.
    #[error(
        "`inputs` has shape {inputs:?} and `targets` {targets:?}: the first dimension, one entry a \
         sample, must be the same"
    )]
    Samples {
        /// The inputs' shape.
        inputs: Vec<usize>,
        /// The targets' shape.
        targets: Vec<usize>,
    },
    /// An array without values.
    #[error("`{array}` of shape {shape:?} is empty")]
    Empty {
        /// The array.
        array: &'static str,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// A value that is infinite or NaN.
    #[error("`{array}` is {value} at {at:?}: repair it, or leave the sample out")]
    NotFinite {
        /// The array.
        array: &'static str,
        /// The index of the value.
        at: Vec<usize>,
        /// The value.
        value: f64,
    },
    /// Reals where whole numbers are needed.
    #[error("`{array}` holds real numbers, and whole ones are needed: save it as integers")]
    NotWhole {
        /// The array.
        array: &'static str,
    },
    /// A whole number that stands for nothing.
    #[error("`{array}` is {value} at {at:?}: whole numbers here go from 0 to below {bound}")]
    OutOfRange {
        /// The array.
        array: &'static str,
        /// The index of the value.
        at: Vec<usize>,
        /// The value.
        value: i64,
        /// The bound.
        bound: u64,
    },
    /// Real targets under `targets = "binary"`.
    #[error(
        "`targets` holds real numbers, and data.targets = \"binary\" needs the integers 0 and 1, or \
         -1 and 1"
    )]
    BinaryValues,
    /// Tokens that are no list a sample.
    #[error("`inputs` has shape {shape:?}: with data.vocabulary it must be [samples, length]")]
    TokensShape {
        /// The inputs' shape.
        shape: Vec<usize>,
    },
    /// Sequences that are too long, or of too many tokens.
    #[error(
        "sequences of {length} tokens out of {vocabulary}: at most {} of {} are taken",
        crate::sequence::MAX_LENGTH,
        crate::sequence::MAX_VOCABULARY
    )]
    TokensSize {
        /// Tokens of a sample.
        length: usize,
        /// How many different ones.
        vocabulary: usize,
    },
    /// More targets than positions.
    #[error(
        "`targets` has {targets} classes a sample, and its inputs have {length} position{}: give one \
         target a position at most", if *length == 1 { "" } else { "s" }
    )]
    Positions {
        /// Classes of a sample.
        targets: usize,
        /// Positions of a sample.
        length: usize,
    },
}

fn of(array: &Option<&'static str>) -> String {
    array.map_or(String::new(), |array| format!(" in `{array}`"))
}
