//! Files from outside, read within a bound.
//!
//! What a person names as a config, a trace or a weight file may be anything: a folder, a device
//! that never ends, a pipe that nobody writes to, a file larger than the memory. Here such a thing
//! is refused before it is read, or once it turns out to be longer than it said.

use std::fs::{self, File, FileType};
use std::io::{self, Read};
use std::path::Path;

/// Why a file was not read. It does not name the file: whoever asked for it knows the name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadFault {
    /// The system refuses.
    #[error(transparent)]
    System(#[from] io::Error),
    /// Something that has no size of its own.
    #[error("it is {kind}, not a file")]
    NotAFile {
        /// What it is, with its article.
        kind: &'static str,
    },
    /// More bytes than such a file can need.
    #[error("it has {} bytes, and at most {limit} are read: is it the right file?", at_least(*bytes))]
    TooLarge {
        /// Its size; none if it grew, or has more than it says.
        bytes: Option<u64>,
        /// The most that are read.
        limit: u64,
    },
    /// Bytes that are no text.
    #[error("it is no text: byte {offset} is not UTF-8")]
    NotText {
        /// The first byte that is none, counted from 0.
        offset: usize,
    },
}

impl ReadFault {
    /// Whether there is nothing of that name.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::System(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

fn at_least(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "more".to_owned(), |bytes| bytes.to_string())
}

/// Opens a file that has a size, and says which.
///
/// # Errors
/// [`ReadFault::System`], [`ReadFault::NotAFile`].
pub fn open(path: &Path) -> Result<(File, u64), ReadFault> {
    // Looked at before it is opened: opening a pipe waits for somebody to write to it.
    regular(fs::metadata(path)?.file_type())?;
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    regular(metadata.file_type())?;
    Ok((file, metadata.len()))
}

/// The bytes of a file of at most `limit` of them.
///
/// # Errors
/// [`ReadFault`], but for [`ReadFault::NotText`].
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ReadFault> {
    let (file, size) = open(path)?;
    if size > limit {
        return Err(ReadFault::TooLarge {
            bytes: Some(size),
            limit,
        });
    }
    // A file may grow meanwhile, or say that it has no byte, as those that a kernel makes up do.
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(ReadFault::TooLarge { bytes: None, limit });
    }
    Ok(bytes)
}

/// The text of a file of at most `limit` bytes.
///
/// # Errors
/// [`ReadFault`].
pub fn read_text(path: &Path, limit: u64) -> Result<String, ReadFault> {
    String::from_utf8(read(path, limit)?).map_err(|error| ReadFault::NotText {
        offset: error.utf8_error().valid_up_to(),
    })
}

fn regular(kind: FileType) -> Result<(), ReadFault> {
    if kind.is_file() {
        return Ok(());
    }
    Err(ReadFault::NotAFile { kind: name(kind) })
}

fn name(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    if kind.is_dir() {
        "a folder"
    } else {
        "something else"
    }
}
