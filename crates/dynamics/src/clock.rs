//! Wall time by stage.

use std::time::{Duration, Instant};

use brink_state::{Loader, Memory, Saver, StateError};

/// Adds up the time spent in each of a few named stages.
#[derive(Debug, Default)]
pub struct Clock {
    stages: Vec<(String, Duration)>,
}

impl Clock {
    /// Runs `work` and adds its time to `stage`.
    pub fn time<T>(&mut self, stage: &str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.add(stage, start.elapsed());
        result
    }

    /// Adds to the time of `stage`.
    pub fn add(&mut self, stage: &str, time: Duration) {
        match self.stages.iter_mut().find(|(name, _)| name == stage) {
            Some((_, total)) => *total += time,
            None => self.stages.push((stage.to_owned(), time)),
        }
    }

    /// Seconds by stage, in the order in which stages first ran.
    pub fn seconds(&self) -> Vec<(String, f64)> {
        self.stages
            .iter()
            .map(|(name, total)| (name.clone(), total.as_secs_f64()))
            .collect()
    }
}

impl Memory for Clock {
    fn save(&mut self, to: &mut Saver<'_>) -> Result<(), StateError> {
        to.value(&self.stages)
    }

    fn restore(&mut self, from: &Loader<'_>) -> Result<(), StateError> {
        self.stages = from.value()?;
        Ok(())
    }
}
