//! `[optimizer]`: how the parameters move, and when a run stops.

use brink_dynamics::minibatch::{Order, Sampling};
use brink_dynamics::optimizer::{Optimizer, StepSizes};
use serde::{Deserialize, Serialize};

use super::rules::OptimizerKind;

/// The table `[optimizer]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerConfig {
    /// The rule.
    pub kind: OptimizerKind,
    /// Step size η.
    pub step_size: f64,
    /// Steps to take unless a goal is reached first.
    pub steps: u64,
    /// β of heavy-ball and nesterov.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,
    /// β₁ of adam.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beta1: Option<f64>,
    /// β₂ of rmsprop and adam.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beta2: Option<f64>,
    /// ε of rmsprop and adam.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<f64>,
    /// Whether rmsprop divides its mean of squares by 1 − β₂^{t+1}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias_correction: Option<bool>,
    /// ρ of sam.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radius: Option<f64>,
    /// w in the penalty (w/2)‖θ‖².
    #[serde(default)]
    pub weight_decay: f64,
    /// Stop once the loss is at or below this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_loss: Option<f64>,
    /// Stop once the share of samples classified right is at or above this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_accuracy: Option<f64>,
    /// Steps along batches of the samples; along all of them without this table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minibatch: Option<MinibatchConfig>,
    /// How η_t follows from η; constant without this table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<StepSizesConfig>,
}

/// The table `[optimizer.minibatch]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MinibatchConfig {
    /// Samples of a batch.
    pub size: usize,
    /// In which order an epoch goes through the samples.
    #[serde(default)]
    pub order: OrderConfig,
    /// Seed of the order.
    #[serde(default)]
    pub seed: u64,
}

/// In which order an epoch goes through the samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderConfig {
    /// By a random permutation, a new one each epoch.
    #[default]
    Shuffled,
    /// As they are.
    Sequential,
}

impl MinibatchConfig {
    /// Which samples each step takes, of so many.
    pub fn sampling(&self, samples: usize) -> Sampling {
        Sampling {
            samples,
            size: self.size,
            order: match self.order {
                OrderConfig::Shuffled => Order::Shuffled { seed: self.seed },
                OrderConfig::Sequential => Order::Sequential,
            },
        }
    }
}

/// The table `[optimizer.schedule]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepSizesConfig {
    /// The schedule.
    pub kind: StepSizesKind,
    /// The first step size of linear-warmup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<f64>,
    /// The steps that linear-warmup takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// The steps at which `steps` changes the step size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Vec<u64>>,
    /// What it is multiplied by there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// What cosine falls to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<f64>,
}

/// How the step size changes along a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepSizesKind {
    /// Not at all.
    Constant,
    /// It rises in a straight line.
    LinearWarmup,
    /// It changes by a factor at given steps.
    Steps,
    /// It falls along half a cosine.
    Cosine,
}

/// A fault of the table: the key and what is wrong.
pub type Fault = (&'static str, String);

impl OptimizerConfig {
    /// The same with the kind's defaults written out, or every fault.
    pub fn resolved(&self) -> Result<Self, Vec<Fault>> {
        let mut resolved = self.clone();
        let mut faults = Vec::new();
        let own = |key: &str| self.kind.keys().iter().find(|(own, _)| *own == key);
        let share: (fn(f64) -> bool, _) = (|v| (0.0..1.0).contains(&v), "at least 0 and below 1");
        let positive: (fn(f64) -> bool, _) =
            (|v| v > 0.0 && v.is_finite(), "a positive, finite number");
        for (key, at, (fits, range)) in [
            ("momentum", &mut resolved.momentum, share),
            ("beta1", &mut resolved.beta1, share),
            ("beta2", &mut resolved.beta2, share),
            ("epsilon", &mut resolved.epsilon, positive),
            ("radius", &mut resolved.radius, positive),
        ] {
            match (own(key), *at) {
                (None, None) => {}
                (None, Some(_)) => faults.push((key, self.has_no_such_key())),
                (Some((_, default)), given) => match given.or(*default) {
                    Some(value) if fits(value) => *at = Some(value),
                    Some(_) => faults.push((key, format!("must be {range}"))),
                    None => faults.push((key, format!("is missing: {range}"))),
                },
            }
        }
        match (own("bias_correction"), self.bias_correction) {
            (None, Some(_)) => faults.push(("bias_correction", self.has_no_such_key())),
            (Some(_), None) => resolved.bias_correction = Some(true),
            _ => {}
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            faults.push((
                "weight_decay",
                "must be 0 or a positive, finite number".into(),
            ));
        }
        match faults.is_empty() {
            true => Ok(resolved),
            false => Err(faults),
        }
    }

    fn has_no_such_key(&self) -> String {
        let kind = self.kind.name();
        format!("the optimizer {kind} has no such key: remove it")
    }

    /// The rule, of a resolved table.
    pub fn rule(&self) -> Box<dyn Optimizer> {
        self.kind.rule(self)
    }

    /// Why the run must not be computed in coordinates of the inputs' span, if there is a reason.
    pub fn forbids_compression(&self) -> Option<&'static str> {
        if !self.rule().is_rotation_equivariant() {
            Some("it moves every coordinate by itself, and a rotation of the inputs changes that")
        } else if self.weight_decay > 0.0 {
            Some("weight decay also moves the weights that the inputs do not reach")
        } else {
            None
        }
    }

    /// How η_t follows from η.
    pub fn step_sizes(&self) -> StepSizes {
        let Some(schedule) = &self.schedule else {
            return StepSizes::Constant;
        };
        match schedule.kind {
            StepSizesKind::Constant => StepSizes::Constant,
            StepSizesKind::LinearWarmup => StepSizes::LinearWarmup {
                from: schedule.from.unwrap_or(0.0),
                steps: schedule.steps.unwrap_or(1),
            },
            StepSizesKind::Steps => StepSizes::Steps {
                at: schedule.at.clone().unwrap_or_default(),
                factor: schedule.factor.unwrap_or(1.0),
            },
            StepSizesKind::Cosine => StepSizes::Cosine {
                end: schedule.end.unwrap_or(0.0),
            },
        }
    }
}

impl StepSizesConfig {
    /// Every fault of the table.
    pub fn faults(&self) -> Vec<Fault> {
        let keys: &[&str] = match self.kind {
            StepSizesKind::Constant => &[],
            StepSizesKind::LinearWarmup => &["from", "steps"],
            StepSizesKind::Steps => &["at", "factor"],
            StepSizesKind::Cosine => &["end"],
        };
        let not_negative = |value: f64| value >= 0.0 && value.is_finite();
        let rising = |at: &Vec<u64>| !at.is_empty() && at.is_sorted_by(|a, b| a < b);
        let mut faults = Vec::new();
        for (key, given, fits, range) in [
            (
                "from",
                self.from.is_some(),
                self.from.is_some_and(not_negative),
                "0 or a positive, finite number",
            ),
            (
                "steps",
                self.steps.is_some(),
                self.steps.is_some_and(|steps| steps >= 1),
                "at least 1",
            ),
            (
                "at",
                self.at.is_some(),
                self.at.as_ref().is_some_and(rising),
                "one or more steps, each after the one before",
            ),
            (
                "factor",
                self.factor.is_some(),
                self.factor.is_some_and(|f| f > 0.0 && f.is_finite()),
                "a positive, finite number",
            ),
            (
                "end",
                self.end.is_some(),
                self.end.is_some_and(not_negative),
                "0 or a positive, finite number",
            ),
        ] {
            match (keys.contains(&key), given, fits) {
                (false, true, _) => {
                    faults.push((key, "this schedule has no such key: remove it".to_owned()))
                }
                (true, false, _) => faults.push((key, format!("is missing: {range}"))),
                (true, true, false) => faults.push((key, format!("must be {range}"))),
                _ => {}
            }
        }
        faults
    }
}
