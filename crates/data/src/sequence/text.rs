//! A text, character by character.

use std::collections::BTreeSet;
use std::path::PathBuf;

use brink_files::ReadFault;

use super::{MAX_VOCABULARY, Sequences};
use crate::{DataConfig, Error};

/// The largest text read.
const LIMIT: u64 = 1 << 28;

/// A text that makes no samples.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// The file cannot be read, or is not UTF-8.
    #[error("cannot read the text {}: {cause}; `data.text` is a file in UTF-8", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        cause: ReadFault,
    },
    /// Fewer characters than one sample needs.
    #[error(
        "{} has {characters} characters, and a sample takes {needed}: `data.length` and the one \
         after", path.display()
    )]
    Short {
        /// The file.
        path: PathBuf,
        /// Its characters.
        characters: usize,
        /// Those of one sample.
        needed: usize,
    },
    /// Fewer than two different characters, or a great many.
    #[error(
        "{} has {distinct} different characters; a text has from 2 to {MAX_VOCABULARY}",
        path.display()
    )]
    Vocabulary {
        /// The file.
        path: PathBuf,
        /// Its different characters.
        distinct: usize,
    },
}

/// Pieces of `length` characters one behind the other; the target at each is the next character. The
/// tokens are the text's characters in the order of their code points.
pub fn make(config: &DataConfig, samples: Option<usize>) -> Result<Sequences, Error> {
    let path = config.text.clone().unwrap_or_default();
    let length = config.length.unwrap_or(1);
    let text = brink_files::read_text(&path, LIMIT).map_err(|cause| TextError::Read {
        path: path.clone(),
        cause,
    })?;
    let characters: Vec<char> = text.chars().collect();
    let vocabulary: Vec<char> = BTreeSet::from_iter(characters.iter().copied())
        .into_iter()
        .collect();
    if characters.len() <= length {
        return Err(TextError::Short {
            path,
            characters: characters.len(),
            needed: length + 1,
        }
        .into());
    }
    if !(2..=MAX_VOCABULARY).contains(&vocabulary.len()) {
        return Err(TextError::Vocabulary {
            path,
            distinct: vocabulary.len(),
        }
        .into());
    }
    let token = |c: &char| vocabulary.binary_search(c).unwrap_or(0) as u32;
    let available = (characters.len() - 1) / length;
    let taken = samples.unwrap_or(available).min(available);
    let tokens: Vec<u32> = characters[..=taken * length].iter().map(token).collect();
    Ok(Sequences {
        length,
        vocabulary: vocabulary.len(),
        classes: vocabulary.len(),
        positions: length,
        labels: tokens[1..].to_vec(),
        tokens: tokens[..taken * length].to_vec(),
        files: vec![path],
    })
}
