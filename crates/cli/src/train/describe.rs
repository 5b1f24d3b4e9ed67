//! A run in one line, for its figure's title.

use std::path::Path;

use brink_data::{Class, Origin, Provenance, Targets, Task};
use brink_model::{BuildError, Loss};
use brink_plot::ticks::short;

use crate::config::{Config, OptimizerConfig, OptimizerKind, StepSizesKind};

/// What is trained on what: `tanh 3072-200-200-10 · CIFAR-10, n = 1000 · MSE, κ = 0.5 · η = 0.05`.
pub fn describe(
    config: &Config,
    task: &brink_model::Task,
    provenance: &Provenance,
) -> Result<String, BuildError> {
    let loss = match config.loss.loss()? {
        Loss::Mse { factor } => format!("MSE, κ = {}", short(factor)),
        Loss::CrossEntropy { smoothing: 0.0, .. } => "cross-entropy".to_owned(),
        Loss::CrossEntropy { smoothing, .. } => {
            format!("cross-entropy, smoothed by {}", short(smoothing))
        }
        Loss::Logistic => "logistic loss".to_owned(),
    };
    let parts = [
        config.model.describe(task)?,
        data(config, provenance),
        loss,
        rule(&config.optimizer),
    ];
    Ok(parts.join(" · "))
}

/// `adam, β₁ = 0.9, β₂ = 0.999, η = 0.001`; for gradient descent `η = 0.05` alone.
fn rule(optimizer: &OptimizerConfig) -> String {
    let mut parts = match optimizer.kind {
        OptimizerKind::GradientDescent => Vec::new(),
        kind => vec![kind.name().to_owned()],
    };
    for (name, value) in [
        ("β", optimizer.momentum),
        ("β₁", optimizer.beta1),
        ("β₂", optimizer.beta2),
        ("ρ", optimizer.radius),
        ("η", Some(optimizer.step_size)),
        (
            "w",
            (optimizer.weight_decay > 0.0).then_some(optimizer.weight_decay),
        ),
    ] {
        parts.extend(value.map(|value| format!("{name} = {}", short(value))));
    }
    if let Some(minibatch) = &optimizer.minibatch {
        parts.push(format!("batches of {}", minibatch.size));
    }
    match optimizer.schedule.as_ref().map(|schedule| schedule.kind) {
        None | Some(StepSizesKind::Constant) => {}
        Some(StepSizesKind::LinearWarmup) => parts.push("warm-up".to_owned()),
        Some(StepSizesKind::Steps) => parts.push("in steps".to_owned()),
        Some(StepSizesKind::Cosine) => parts.push("cosine".to_owned()),
    }
    parts.join(", ")
}

/// A file by its name.
fn named(file: Option<&Path>) -> String {
    let name = file.and_then(Path::file_name);
    name.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn sequences(config: &Config) -> String {
    let data = &config.data;
    let (length, vocabulary) = (data.length.unwrap_or(0), data.vocabulary.unwrap_or(0));
    match data.task {
        Some(Task::Sort) => format!("sorting {length} of {vocabulary}"),
        Some(Task::Copy) => format!("copying {length} of {vocabulary}"),
        Some(Task::ModularAddition) => format!("a + b mod {vocabulary}"),
        Some(Task::Text) => format!("{}, {length} characters", named(data.text.as_deref())),
        None => "sequences".to_owned(),
    }
}

fn data(config: &Config, provenance: &Provenance) -> String {
    let source = match (provenance.source, provenance.fell_back()) {
        (Origin::Cifar10, _) => "CIFAR-10".to_owned(),
        (Origin::Synthetic, true) => "synthetic images (CIFAR-10 not found)".to_owned(),
        (Origin::Synthetic, false) => "synthetic images".to_owned(),
        (Origin::Cifar100, _) => "CIFAR-100".to_owned(),
        (Origin::Mnist, _) => "MNIST".to_owned(),
        (Origin::File, _) => named(config.data.file.as_deref()),
        (Origin::Sequence, _) => sequences(config),
    };
    let classes = match (&config.data.classes, config.data.targets) {
        (Some(classes), Targets::Binary) if classes.len() == 2 => {
            let classes = provenance.targets.classes().into_iter();
            let in_words = |class: Class| class.name().map_or(class.to_string(), str::to_owned);
            format!(", {}", classes.map(in_words).collect::<Vec<_>>().join("/"))
        }
        (Some(classes), _) => format!(", {} classes", classes.len()),
        (None, _) => String::new(),
    };
    format!("{source}{classes}, n = {}", provenance.train.samples)
}
