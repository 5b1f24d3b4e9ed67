//! Batches drawn at random, each from all samples.

use brink_linearize::{Batch, LinearizeError, Objective};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::Take;

/// The loss over batches of `size` samples, drawn without replacement within a batch; what one batch
/// has says nothing of the next.
///
/// It is traced once. A step has a stream of random numbers of its own, so that its batches do not
/// depend on what was drawn at others.
pub struct RandomBatches<const D: usize> {
    samples: usize,
    size: usize,
    seed: u64,
    take: Take,
    objective: Objective<D>,
}

impl<const D: usize> RandomBatches<D> {
    /// The loss that `trace` makes of a batch of `size` of the `samples`, 1 ≤ size ≤ samples; `take`
    /// gives those of the given places.
    ///
    /// # Errors
    /// Those of `trace`.
    pub fn new(
        [samples, size]: [usize; 2],
        seed: u64,
        take: Take,
        trace: impl FnOnce(&Batch) -> Result<Objective<D>, LinearizeError>,
    ) -> Result<Self, LinearizeError> {
        let objective = trace(&take(&(0..size).collect::<Vec<_>>()))?;
        Ok(Self {
            samples,
            size,
            seed,
            take,
            objective,
        })
    }

    /// Whether a batch is all samples.
    pub fn is_whole(&self) -> bool {
        self.size == self.samples
    }

    /// The batches of a step.
    pub fn of(&mut self, step: u64) -> Draws<'_, D> {
        Draws {
            places: Places::new([self.samples, self.size], self.seed, step),
            batches: self,
        }
    }
}

/// The batches of one step, one after the other.
pub struct Draws<'r, const D: usize> {
    batches: &'r mut RandomBatches<D>,
    places: Places,
}

impl<const D: usize> Draws<'_, D> {
    /// The loss over the next batch.
    ///
    /// # Errors
    /// [`LinearizeError::Shape`] if the samples taken have another shape than the first ones.
    pub fn draw(&mut self) -> Result<&Objective<D>, LinearizeError> {
        let batch = (self.batches.take)(self.places.draw());
        self.batches.objective.bind(&batch)?;
        Ok(&self.batches.objective)
    }
}

/// Random subsets of a size.
struct Places {
    generator: ChaCha8Rng,
    order: Vec<usize>,
    size: usize,
}

impl Places {
    fn new([samples, size]: [usize; 2], seed: u64, step: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        // From the last stream down: the epochs of a run's own batches have the first ones.
        generator.set_stream(u64::MAX - step);
        Self {
            generator,
            order: (0..samples).collect(),
            size,
        }
    }

    /// The first places of a shuffle by Fisher and Yates, from whichever order the last one left.
    fn draw(&mut self) -> &[usize] {
        let samples = self.order.len();
        for place in 0..self.size {
            let left = (samples - place) as u64;
            let other = place + (self.generator.next_u64() % left) as usize;
            self.order.swap(place, other);
        }
        &self.order[..self.size]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_subsets_of_its_own() {
        let drawn = |seed, step| {
            let mut places = Places::new([30, 7], seed, step);
            let all: Vec<Vec<usize>> = (0..5).map(|_| places.draw().to_vec()).collect();
            all
        };
        for batch in drawn(1, 2) {
            let mut sorted = batch.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), 7, "{batch:?}");
        }
        assert_eq!(drawn(1, 2), drawn(1, 2));
        assert_ne!(drawn(1, 2), drawn(1, 3));
        assert_ne!(drawn(1, 2), drawn(2, 2));
    }

    #[test]
    fn every_pair_is_drawn_as_often() {
        let mut places = Places::new([6, 2], 3, 0);
        let mut counts = [[0; 6]; 6];
        for _ in 0..15_000 {
            let pair = places.draw();
            counts[pair[0].min(pair[1])][pair[0].max(pair[1])] += 1;
        }
        for (low, counts) in counts.iter().enumerate() {
            // 1000 each, with a deviation of 31.
            let fair = counts[low + 1..].iter().all(|c| (850..1150).contains(c));
            assert!(fair && counts[..=low].iter().all(|c| *c == 0), "{counts:?}");
        }
    }
}
