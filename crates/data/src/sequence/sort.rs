//! Lists that are to be sorted, as in Cohen et al., "Understanding Optimization in Deep Learning with
//! Central Flows" (ICLR 2025).

use super::Sequences;
use super::copy::answered;
use crate::{DataConfig, Error};

/// Lists of `length` tokens, each followed by the same in order.
pub fn make(config: &DataConfig, samples: Option<usize>) -> Result<Sequences, Error> {
    answered(config, samples, |list| {
        let mut sorted = list.to_vec();
        sorted.sort_unstable();
        sorted
    })
}
