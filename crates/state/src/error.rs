//! Why a state cannot be saved or restored.

/// A state that cannot be saved, or a file that does not hold one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Numbers could not be read from the device.
    #[error("{name} could not be read from the device: {message}")]
    ReadBack {
        /// What.
        name: String,
        /// The backend's message.
        message: String,
    },
    /// An element type that is not saved.
    #[error("{name} has elements of type {dtype}: float32 and float64 are saved")]
    Element {
        /// What.
        name: String,
        /// Its type.
        dtype: String,
    },
    /// A value that is no JSON.
    #[error("{name} cannot be saved as JSON")]
    Json {
        /// What.
        name: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The format cannot hold it.
    #[error("it cannot be written as safetensors: {message}")]
    Encode {
        /// Why.
        message: String,
    },
    /// The file is cut short, damaged, or something else.
    #[error("it is no whole safetensors file: {message}")]
    Malformed {
        /// What does not fit.
        message: String,
    },
    /// A safetensors file of another kind.
    #[error("it is a safetensors file, but not one that holds a saved state")]
    Foreign,
    /// It was written by another version.
    #[error("it has version {found} of the format, and this build reads version {expected}")]
    Version {
        /// Its version.
        found: u64,
        /// The version of this build.
        expected: u64,
    },
    /// Its content is not what was written.
    #[error("its content has the checksum {found}, and {expected} was written: it is damaged")]
    Checksum {
        /// SHA-256 of what is there.
        found: String,
        /// SHA-256 of what was written.
        expected: String,
    },
    /// Something that should be there is not.
    #[error("it has no {name}")]
    Missing {
        /// What.
        name: String,
    },
    /// A number, word or array of another kind than expected.
    #[error("its {name} is not what is expected: {message}")]
    Unsuitable {
        /// What.
        name: String,
        /// What was found and expected.
        message: String,
    },
}
