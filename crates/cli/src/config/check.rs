//! What types cannot say of a config: values that are possible alone and impossible in place.

use brink_data::{DataConfig, Encoding, Targets};
use brink_model::{LossConfig, LossKind, ModelConfig};

use super::document::Node;
use super::keys;
use super::problem::{ConfigError, Problem};
use super::{Compression, Config, Dtype, EigenvaluesConfig, OptimizerConfig, StepSizesConfig};

/// Finds every impossible value at once, and fills in the defaults that depend on other values.
pub fn check(config: Config, document: &Node) -> Result<Config, ConfigError> {
    let mut faults = Faults {
        document,
        problems: Vec::new(),
    };
    faults.name(&config.name);
    let data = faults.data(&config);
    let (model, loss) = faults.model(&config);
    let optimizer = faults.optimizer(&config.optimizer);
    if let Some(eigenvalues) = &config.measure.eigenvalues {
        faults.eigenvalues(eigenvalues, "measure.eigenvalues");
    }
    if let Some(eigenvalues) = &config.measure.preconditioned {
        faults.eigenvalues(eigenvalues, "measure.preconditioned");
    }
    faults.measurements(&config);
    faults.measured_by_rule(&config);
    faults.run(&config);
    faults.precision(&config);
    let mut problems = faults.problems.into_iter();
    match problems.next() {
        None => Ok(Config {
            data,
            model,
            loss,
            optimizer,
            ..config
        }),
        Some(first) => Err(ConfigError::Invalid {
            first: Box::new(first),
            rest: problems.collect(),
        }),
    }
}

/// Parameters of the largest operator that may be decomposed whole.
const MOST_DENSE: usize = 4096;

struct Faults<'a> {
    document: &'a Node,
    problems: Vec<Problem>,
}

impl Faults<'_> {
    /// Reports an impossible value at a path, or at the nearest table if it was left out.
    fn add(&mut self, path: &str, label: impl Into<String>) {
        let keys: Vec<&str> = path.split('.').collect();
        let origin = (1..=keys.len())
            .rev()
            .find_map(|depth| self.document.entry(&keys[..depth]))
            .map_or(&self.document.origin, |entry| &entry.node.origin);
        let problem = Problem::new(
            format!("impossible value for `{path}`"),
            label,
            origin.clone(),
        );
        self.problems.push(match keys::meaning(path) {
            Some(meaning) => problem.with_help(format!("`{path}`: {meaning}")),
            None => problem,
        });
    }

    fn require(&mut self, holds: bool, path: &str, label: &str) {
        if !holds {
            self.add(path, label);
        }
    }

    fn name(&mut self, name: &str) {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        self.require(
            !name.is_empty() && name.len() <= 100 && name.chars().all(plain),
            "name",
            "must be 1 to 100 letters, digits, - _ or .",
        );
        self.require(
            !name.starts_with('.'),
            "name",
            "a folder of that name would be hidden",
        );
    }

    /// The data with classes by their numbers.
    fn data(&mut self, config: &Config) -> DataConfig {
        if let Err(error) = config.data.validate() {
            self.add(&format!("data.{}", error.key()), error.to_string());
        }
        let wanted = match config.loss.kind {
            LossKind::Mse => None,
            LossKind::CrossEntropy => Some((
                Targets::OneHot,
                "cross-entropy compares probabilities: it needs one-hot targets",
            )),
            LossKind::Logistic => Some((
                Targets::Binary,
                "the logistic loss is one of targets -1 and +1: it needs binary targets",
            )),
        };
        if let Some((kind, reason)) = wanted {
            self.require(config.data.targets == kind, "data.targets", reason);
        }
        let one =
            |encoding: &Encoding| encoding.targets() == Targets::OneHot && encoding.outputs() == 1;
        if config.loss.kind == LossKind::CrossEntropy {
            self.require(
                !config.data.encoding().is_ok_and(|encoding| one(&encoding)),
                "data.classes",
                "cross-entropy of one class is 0 whatever the network computes: name two or more",
            );
        }
        // What has no number was reported above.
        let resolved = config.data.resolved();
        resolved.unwrap_or_else(|_| config.data.clone())
    }

    /// The model and the loss with their defaults written out.
    fn model(&mut self, config: &Config) -> (ModelConfig, LossConfig) {
        let model = config.model.resolved().unwrap_or_else(|error| {
            self.add(error.key(), error.to_string());
            config.model.clone()
        });
        let loss = config.loss.resolved().unwrap_or_else(|error| {
            self.add(error.key(), error.to_string());
            config.loss
        });
        (model, loss)
    }

    /// The optimizer with its kind's defaults written out.
    fn optimizer(&mut self, optimizer: &OptimizerConfig) -> OptimizerConfig {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        self.require(
            positive(optimizer.step_size),
            "optimizer.step_size",
            "must be a positive, finite number",
        );
        self.require(
            optimizer.steps >= 1,
            "optimizer.steps",
            "must be at least 1",
        );
        self.require(
            optimizer.stop_loss.is_none_or(f64::is_finite),
            "optimizer.stop_loss",
            "must be a finite number",
        );
        self.require(
            optimizer
                .stop_accuracy
                .is_none_or(|goal| goal > 0.0 && goal <= 1.0),
            "optimizer.stop_accuracy",
            "must be above 0 and at most 1",
        );
        self.require(
            optimizer.minibatch.as_ref().is_none_or(|b| b.size >= 1),
            "optimizer.minibatch.size",
            "must be at least 1",
        );
        for (key, fault) in optimizer.schedule.iter().flat_map(StepSizesConfig::faults) {
            self.add(&format!("optimizer.schedule.{key}"), fault);
        }
        optimizer.resolved().unwrap_or_else(|faults| {
            for (key, fault) in faults {
                self.add(&format!("optimizer.{key}"), fault);
            }
            optimizer.clone()
        })
    }

    /// What is defined for some rules only.
    fn measured_by_rule(&mut self, config: &Config) {
        let (measure, optimizer) = (&config.measure, &config.optimizer);
        self.require(
            measure.preconditioned.is_none() || optimizer.rule().is_preconditioned(),
            "measure.preconditioned",
            "needs a rule with a preconditioner: optimizer.kind = \"rmsprop\" or \"adam\"",
        );
    }

    /// The measurements besides the eigenvalues.
    fn measurements(&mut self, config: &Config) {
        let measure = &config.measure;
        for (path, fault) in measure.wrong(config) {
            self.add(&path, fault);
        }
        if let Err(fault) = measure.phases.validate() {
            self.add(
                &format!("measure.phases.{}", fault.key()),
                fault.to_string(),
            );
        }
    }

    /// Numbers that enter the arithmetic have to be numbers in its precision too.
    fn precision(&mut self, config: &Config) {
        if config.run.dtype != Dtype::Float32 {
            return;
        }
        let cap = config.measure.flow.as_ref().and_then(|flow| flow.cap);
        let optimizer = &config.optimizer;
        let schedule = optimizer.schedule.as_ref();
        for (path, value) in [
            ("optimizer.step_size", Some(optimizer.step_size)),
            ("optimizer.epsilon", optimizer.epsilon),
            ("optimizer.radius", optimizer.radius),
            ("optimizer.weight_decay", Some(optimizer.weight_decay)),
            ("optimizer.schedule.from", schedule.and_then(|s| s.from)),
            ("optimizer.schedule.factor", schedule.and_then(|s| s.factor)),
            ("optimizer.schedule.end", schedule.and_then(|s| s.end)),
            ("loss.factor", config.loss.factor),
            ("model.output_factor", Some(config.model.output_factor)),
            ("measure.flow.cap", cap),
        ] {
            // What is no possible value in any precision is reported as such.
            let possible = value.filter(|value| value.is_finite() && *value != 0.0);
            // Below its normal numbers, float32 loses digits, then rounds to 0.
            self.require(
                possible.is_none_or(|value| (value as f32).is_normal()),
                path,
                "float32 has numbers from 1.2e-38 to 3.4e38 in size only: choose one of them, or \
                 set run.dtype = \"float64\"",
            );
        }
    }

    fn run(&mut self, config: &Config) {
        let kind = config.model.network_kind();
        let starts_linear = kind.is_ok_and(|kind| kind.starts_linear);
        self.require(
            config.run.compression != Compression::On || starts_linear,
            "run.compression",
            "holds for networks that begin with a linear layer on the whole input: a convolution \
             sees parts of it",
        );
        if let (Compression::On, Some(reason)) = (
            config.run.compression,
            config.optimizer.forbids_compression(),
        ) {
            let kind = config.optimizer.kind.name();
            self.add(
                "run.compression",
                format!("does not hold for the optimizer {kind}: {reason}"),
            );
        }
        self.require(
            config.run.compression != Compression::On || config.measure.test.is_none(),
            "run.compression",
            "has no coordinates for the samples of [measure.test], which lie outside the span of \
             those trained on: remove the table, or leave the key out",
        );
        self.require(
            config.run.microbatch.is_none() || config.optimizer.minibatch.is_none(),
            "run.microbatch",
            "keeps the samples in pieces that batches cannot be taken from: remove it, or \
             [optimizer.minibatch]",
        );
        self.require(
            config.run.microbatch != Some(0),
            "run.microbatch",
            "must be at least 1; remove the key to compute on all samples at once",
        );
    }

    fn eigenvalues(&mut self, eigenvalues: &EigenvaluesConfig, table: &str) {
        let path = |key: &str| format!("{table}.{key}");
        self.require(
            eigenvalues.count >= 1,
            &path("count"),
            "must be at least 1; remove the table to measure none",
        );
        // The columns of the solver's block beyond which a dense solver would be the better tool.
        for (key, value) in [
            ("count", eigenvalues.count),
            ("smallest", eigenvalues.smallest),
            ("largest_count", eigenvalues.largest_count),
            ("guard", eigenvalues.guard),
            ("largest_guard", eigenvalues.largest_guard),
        ] {
            self.require(value <= 256, &path(key), "must be at most 256");
        }
        self.require(
            eigenvalues
                .above
                .is_none_or(|share| share > 0.0 && share <= 1.0),
            &path("above"),
            "must be more than 0 and at most 1: a share of the stability threshold",
        );
        self.require(
            eigenvalues.above.is_none() || eigenvalues.guard >= 1,
            &path("guard"),
            "must be at least 1 with `above`: a guard shows whether all were found",
        );
        self.require(
            eigenvalues.above.is_none() || eigenvalues.largest_count >= eigenvalues.count,
            &path("largest_count"),
            "must be at least `count`",
        );
        self.require(eigenvalues.every >= 1, &path("every"), "must be at least 1");
        self.require(
            eigenvalues.guard_every >= 1,
            &path("guard_every"),
            "must be at least 1, which is every solve",
        );
        self.require(
            eigenvalues.follow_every >= 1,
            &path("follow_every"),
            "must be at least 1, which is every look outside",
        );
        self.require(
            eigenvalues.dense <= MOST_DENSE,
            &path("dense"),
            "must be at most 4096: a larger operator takes minutes to decompose, at every step",
        );
        self.require(
            eigenvalues.relative_tolerance > 0.0 && eigenvalues.relative_tolerance < 1.0,
            &path("relative_tolerance"),
            "must be between 0 and 1",
        );
        self.require(
            eigenvalues.max_iterations >= 1,
            &path("max_iterations"),
            "must be at least 1",
        );
    }
}
