//! The config's tables as the run's settings.

use brink_dynamics::measurement::Schedule;
use brink_dynamics::{Between, EigenvalueSettings, Settings, eigen};

use crate::config::{Config, EigenvaluesConfig, Stale};

/// What a config asks the run to do.
pub fn settings(config: &Config) -> Settings {
    Settings {
        step_size: config.optimizer.step_size,
        steps: config.optimizer.steps,
        stop_loss: config.optimizer.stop_loss,
        stop_accuracy: config.optimizer.stop_accuracy,
        eigenvalues: config.measure.eigenvalues.as_ref().map(eigenvalues),
    }
}

fn eigenvalues(config: &EigenvaluesConfig) -> EigenvalueSettings {
    EigenvalueSettings {
        solver: eigen::Params {
            count: config.count,
            relative_tolerance: config.relative_tolerance,
            max_iterations: config.max_iterations,
            guard: config.guard,
            probe_every: config.probe_every,
            ..eigen::Params::default()
        },
        smallest: config.smallest,
        schedule: Schedule {
            every: config.every,
            from: config.from,
        },
        between: match config.stale {
            Stale::Skip => Between::Skip,
            Stale::RayleighQuotient => Between::RayleighQuotient,
        },
    }
}
