//! Different lists of tokens, drawn at random.

use std::collections::HashSet;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::{Error, SelectionError};

/// Keeps these streams apart from any other use of the same seed.
const DOMAIN: [u8; 24] = *b"brink token sequences v1";

/// Up to so many lists all are counted, and shuffled; of more, lists are drawn until enough differ.
const COUNTED: u128 = 1 << 20;

/// `samples` different lists of `length` numbers below `vocabulary`, or all of them, in an order
/// that the seed decides.
///
/// # Errors
/// Fewer such lists than asked for, or all of more than a million.
pub fn lists(
    [length, vocabulary]: [usize; 2],
    samples: Option<usize>,
    seed: u64,
) -> Result<Vec<Vec<u32>>, Error> {
    let mut rng = generator(seed);
    let exponent = u32::try_from(length).unwrap_or(u32::MAX);
    let space = (vocabulary as u128).checked_pow(exponent);
    match space.filter(|space| *space <= COUNTED) {
        Some(space) => {
            let space = space as usize;
            let wanted = samples.unwrap_or(space);
            if wanted > space {
                return Err(Error::Selection(SelectionError::TooFewSamples {
                    asked: wanted,
                    available: space,
                }));
            }
            let mut order: Vec<usize> = (0..space).collect();
            for place in 0..wanted {
                let other = place + below(&mut rng, space - place);
                order.swap(place, other);
            }
            let digits = |mut number: usize| {
                let mut list = vec![0; length];
                for digit in list.iter_mut().rev() {
                    *digit = (number % vocabulary) as u32;
                    number /= vocabulary;
                }
                list
            };
            Ok(order[..wanted]
                .iter()
                .map(|&number| digits(number))
                .collect())
        }
        None => {
            let wanted = samples.ok_or(Error::Selection(SelectionError::AllOfTooMany))?;
            // Each draw is new with a chance above one half, as long as half of them are not taken.
            if wanted as u128 > COUNTED / 2 {
                return Err(Error::Selection(SelectionError::TooFewSamples {
                    asked: wanted,
                    available: (COUNTED / 2) as usize,
                }));
            }
            let mut seen = HashSet::with_capacity(wanted);
            let mut lists = Vec::with_capacity(wanted);
            while lists.len() < wanted {
                let draw = || below(&mut rng, vocabulary) as u32;
                let list: Vec<u32> = std::iter::repeat_with(draw).take(length).collect();
                if seen.insert(list.clone()) {
                    lists.push(list);
                }
            }
            Ok(lists)
        }
    }
}

fn generator(seed: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..].copy_from_slice(&DOMAIN);
    ChaCha8Rng::from_seed(key)
}

/// A number below `bound`, each as likely as the others to 1 in 2⁴⁰.
fn below(rng: &mut ChaCha8Rng, bound: usize) -> usize {
    ((u128::from(rng.next_u64()) * bound as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lists_are_there_once_each() {
        let mut all = lists([3, 4], None, 1).unwrap();
        assert_eq!(all.len(), 64);
        assert_ne!(all, lists([3, 4], None, 2).unwrap());
        assert_eq!(all[..10], lists([3, 4], Some(10), 1).unwrap());
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 64);
        assert!(all.iter().flatten().all(|&token| token < 4));
    }

    #[test]
    fn of_many_lists_different_ones_are_drawn() {
        let mut some = lists([30, 10], Some(2000), 0).unwrap();
        let mean = some.iter().flatten().map(|&t| f64::from(t)).sum::<f64>() / 60_000.0;
        // Uniform on 0 to 9: deviation 2.87, of the mean of 60,000 draws 0.012.
        assert!((mean - 4.5).abs() < 0.06, "{mean}");
        some.sort();
        some.dedup();
        assert_eq!(some.len(), 2000);
    }

    #[test]
    fn more_than_there_are_is_refused() {
        assert!(lists([2, 3], Some(10), 0).is_err());
        assert!(lists([2, 3], Some(9), 0).is_ok());
        assert!(lists([100, 100], None, 0).is_err());
    }
}
