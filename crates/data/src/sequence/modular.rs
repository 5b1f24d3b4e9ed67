//! Sums modulo p, as in Power et al., "Grokking" (2022).

use super::{Sequences, draw};
use crate::{DataConfig, Error};

/// Pairs (a, b) below p = `vocabulary`: the tokens a, b and an equals sign, which is p, and at the
/// last position the target (a + b) mod p.
pub fn make(config: &DataConfig, samples: Option<usize>) -> Result<Sequences, Error> {
    let modulus = config.vocabulary.unwrap_or(2);
    let pairs = draw::lists([2, modulus], samples, config.seed)?;
    let (mut tokens, mut labels) = (Vec::new(), Vec::new());
    for pair in &pairs {
        tokens.extend(pair);
        tokens.push(modulus as u32);
        labels.push(pair.iter().sum::<u32>() % modulus as u32);
    }
    Ok(Sequences {
        length: 3,
        vocabulary: modulus + 1,
        classes: modulus,
        positions: 1,
        tokens,
        labels,
        files: Vec::new(),
    })
}
