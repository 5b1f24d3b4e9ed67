//! Steps along the gradient of part of the samples.

mod random;

use brink_linearize::{Batch, LinearizeError, Objective};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

pub use random::{Draws, RandomBatches};

/// In which order an epoch goes through the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Batch j has the samples [jb, (j+1)b).
    Sequential,
    /// By a random permutation, a new one each epoch, without replacement.
    Shuffled {
        /// Seed of the permutations.
        seed: u64,
    },
}

/// Which samples each step takes: epoch by epoch, the last short batch kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    /// Samples n, at least 1.
    pub samples: usize,
    /// Samples b of a batch, from 1 to n.
    pub size: usize,
    /// Their order.
    pub order: Order,
}

impl Sampling {
    /// The samples of the step's batch.
    pub fn batch(&self, step: u64) -> Vec<usize> {
        let batches = self.samples.div_ceil(self.size) as u64;
        let from = (step % batches) as usize * self.size;
        let to = (from + self.size).min(self.samples);
        match self.order {
            Order::Sequential => (from..to).collect(),
            Order::Shuffled { seed } => {
                permutation(self.samples, seed, step / batches)[from..to].to_vec()
            }
        }
    }
}

/// A permutation of 0..n, by Fisher and Yates.
fn permutation(n: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(epoch);
    let mut all: Vec<usize> = (0..n).collect();
    for last in (1..n).rev() {
        // Of 2⁶⁴ numbers: the remainder's bias is below 10⁻¹³ for a million samples.
        let other = (generator.next_u64() % (last as u64 + 1)) as usize;
        all.swap(last, other);
    }
    all
}

/// Gives the samples of the given places as a batch.
pub type Take = Box<dyn Fn(&[usize]) -> Batch>;

/// The loss over the batch of each step.
pub struct Minibatches<const D: usize> {
    sampling: Sampling,
    take: Take,
    whole: Objective<D>,
    /// For the last batch of an epoch, if it is shorter.
    rest: Option<Objective<D>>,
    /// The step whose batch is bound.
    bound: Option<u64>,
}

impl<const D: usize> Minibatches<D> {
    /// The loss that `trace` makes of a batch; `take` gives the samples of the given places.
    ///
    /// # Errors
    /// Those of `trace`.
    pub fn new(
        sampling: Sampling,
        take: Take,
        trace: impl Fn(&Batch) -> Result<Objective<D>, LinearizeError>,
    ) -> Result<Self, LinearizeError> {
        let first = |size: usize| trace(&take(&(0..size).collect::<Vec<_>>()));
        let short = sampling.samples % sampling.size;
        Ok(Self {
            whole: first(sampling.size)?,
            rest: (short > 0).then(|| first(short)).transpose()?,
            sampling,
            take,
            bound: None,
        })
    }

    /// The loss over the step's batch.
    ///
    /// # Errors
    /// [`LinearizeError::Shape`] if the samples taken have another shape than the first ones.
    pub fn at(&mut self, step: u64) -> Result<&Objective<D>, LinearizeError> {
        let batch = (self.bound != Some(step)).then(|| self.sampling.batch(step));
        let batches = self.sampling.samples.div_ceil(self.sampling.size) as u64;
        let objective = match &mut self.rest {
            Some(rest) if step % batches == batches - 1 => rest,
            _ => &mut self.whole,
        };
        if let Some(batch) = batch {
            objective.bind(&(self.take)(&batch))?;
            self.bound = Some(step);
        }
        Ok(objective)
    }

    /// Calls by name, of all batches.
    pub fn counters(&self) -> Vec<(String, u64)> {
        let mut counters = self.whole.counters().snapshot().to_vec();
        if let Some(rest) = &self.rest {
            for (counter, (_, more)) in counters.iter_mut().zip(rest.counters().snapshot()) {
                counter.1 += more;
            }
        }
        let named = counters.into_iter();
        named
            .map(|(name, count)| (format!("minibatch_{name}"), count))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequential_batches_keep_the_last_short_one() {
        let sampling = Sampling {
            samples: 7,
            size: 3,
            order: Order::Sequential,
        };
        let batches: Vec<_> = (0..4).map(|step| sampling.batch(step)).collect();
        let first = vec![0, 1, 2];
        assert_eq!(batches, [first.clone(), vec![3, 4, 5], vec![6], first]);
    }

    #[test]
    fn every_epoch_takes_every_sample_once_in_an_order_of_its_own() {
        let sampling = |seed| Sampling {
            samples: 50,
            size: 8,
            order: Order::Shuffled { seed },
        };
        let epoch = |seed, epoch: u64| -> Vec<usize> {
            let steps = 7 * epoch..7 * (epoch + 1);
            steps.flat_map(|step| sampling(seed).batch(step)).collect()
        };
        let mut sorted = epoch(1, 3);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<_>>());
        assert_eq!(epoch(1, 3), epoch(1, 3));
        assert_ne!(epoch(1, 3), epoch(1, 4));
        assert_ne!(epoch(1, 3), epoch(2, 3));
        // Each place is taken by each sample about as often.
        let firsts = (0..5000).map(|e| sampling(9).batch(7 * e)[0]);
        let mut counts = [0; 50];
        firsts.for_each(|sample| counts[sample] += 1);
        assert!(
            counts.iter().all(|count| (60..150).contains(count)),
            "{counts:?}"
        );
    }
}
