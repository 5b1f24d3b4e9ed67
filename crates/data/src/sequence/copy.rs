//! Lists that are to be repeated.

use super::{Sequences, draw};
use crate::{DataConfig, Error};

/// Lists of `length` tokens, each followed by itself: see [`answered`].
pub fn make(config: &DataConfig, samples: Option<usize>) -> Result<Sequences, Error> {
    answered(config, samples, |list| list.to_vec())
}

/// Lists of `length` tokens and, of each, an answer as long.
///
/// The network reads the list and all but the last token of the answer, 2·length − 1 tokens; at each
/// of the last `length` positions the target is the next token of the answer. So it is the network
/// that must not look ahead (as minGPT's sorting demo has it).
pub fn answered(
    config: &DataConfig,
    samples: Option<usize>,
    answer: impl Fn(&[u32]) -> Vec<u32>,
) -> Result<Sequences, Error> {
    let (length, vocabulary) = (config.length.unwrap_or(1), config.vocabulary.unwrap_or(2));
    let lists = draw::lists([length, vocabulary], samples, config.seed)?;
    let (mut tokens, mut labels) = (Vec::new(), Vec::new());
    for list in &lists {
        let answer = answer(list);
        tokens.extend(list);
        tokens.extend(&answer[..length - 1]);
        labels.extend(answer);
    }
    Ok(Sequences {
        length: 2 * length - 1,
        vocabulary,
        classes: vocabulary,
        positions: length,
        tokens,
        labels,
        files: Vec::new(),
    })
}
