//! The config's tables as the run's settings.

use brink_dynamics::measurement::Schedule;
use brink_dynamics::{Above, Between, EigenvalueSettings, Settings, eigen};

use crate::backend::MatmulCheck;
use crate::config::{Config, EigenvaluesConfig, Fusion, Stale};

/// What a config asks the run to do, on a device whose products were checked.
pub fn settings(config: &Config, check: Option<MatmulCheck>) -> Settings {
    Settings {
        optimizer: config.optimizer.rule(),
        step_size: config.optimizer.step_size,
        step_sizes: config.optimizer.step_sizes(),
        weight_decay: config.optimizer.weight_decay,
        steps: config.optimizer.steps,
        stop_loss: config.optimizer.stop_loss,
        stop_accuracy: config.optimizer.stop_accuracy,
        eigenvalues: config
            .measure
            .eigenvalues
            .as_ref()
            .map(|measured| eigenvalues(measured, config.run.fusion, check)),
        preconditioned: config
            .measure
            .preconditioned
            .as_ref()
            .map(|measured| eigenvalues(measured, config.run.fusion, check)),
    }
}

fn eigenvalues(
    config: &EigenvaluesConfig,
    fusion: Fusion,
    check: Option<MatmulCheck>,
) -> EigenvalueSettings {
    EigenvalueSettings {
        solver: eigen::Params {
            count: config.count,
            relative_tolerance: config.relative_tolerance,
            max_iterations: config.max_iterations,
            guard: config.guard,
            largest_guard: config.largest_guard,
            guard_every: config.guard_every,
            probe_every: config.probe_every,
            follow_every: config.follow_every,
            dense: config.dense,
            fusion: fusion == Fusion::Auto,
            product_epsilon: check.and_then(MatmulCheck::epsilon),
            ..eigen::Params::default()
        },
        above: config.above.map(|share| Above {
            share,
            largest_count: config.most(),
        }),
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
