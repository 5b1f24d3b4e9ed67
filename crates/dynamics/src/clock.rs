//! Wall time by stage.

use std::time::{Duration, Instant};

/// Adds up the time spent in each of a few named stages.
#[derive(Debug, Default)]
pub struct Clock {
    stages: Vec<(&'static str, Duration)>,
}

impl Clock {
    /// Runs `work` and adds its time to `stage`.
    pub fn time<T>(&mut self, stage: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        let elapsed = start.elapsed();
        match self.stages.iter_mut().find(|(name, _)| *name == stage) {
            Some((_, total)) => *total += elapsed,
            None => self.stages.push((stage, elapsed)),
        }
        result
    }

    /// Seconds by stage, in the order in which stages first ran.
    pub fn seconds(&self) -> Vec<(String, f64)> {
        self.stages
            .iter()
            .map(|(name, total)| ((*name).to_owned(), total.as_secs_f64()))
            .collect()
    }
}
