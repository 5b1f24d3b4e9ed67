//! Every key a config may have, for `brink config keys` and for errors.

use std::sync::LazyLock;

use super::model_keys::model_keys;
use crate::measure::TABLES;

/// A key, what it is when left out, and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The key with its tables.
    pub path: &'static str,
    /// Its default as TOML; `required`, or `none` for nothing.
    pub default: &'static str,
    /// What it means and which values it takes.
    pub meaning: &'static str,
}

/// A list of [`Key`]s: path, default and meaning of each.
macro_rules! keys {
    ($($path:literal, $default:literal, $meaning:literal;)*) => {
        [$($crate::config::keys::Key {
            path: $path,
            default: $default,
            meaning: $meaning,
        }),*]
    };
}

pub(crate) use keys;

/// Every key, table by table.
pub fn all() -> &'static [Key] {
    static ALL: LazyLock<Vec<Key>> = LazyLock::new(|| {
        let tables = TABLES.iter().flat_map(|(_, keys)| *keys);
        let model = model_keys();
        let model = model.iter().chain(MODEL);
        let first = FIRST.iter().chain(model).chain(MIDDLE);
        first.chain(tables).chain(LAST).copied().collect()
    });
    &ALL
}

/// The keys before the model's.
const FIRST: &[Key] = &keys! {
    "name", "required", "names the run folders, outputs/<name>-<n>: letters, digits, - _ .";

    "data.source", "\"cifar10\"", "cifar10 | synthetic | auto (CIFAR-10 if it is found, else synthetic) | cifar100 | mnist (or Fashion-MNIST) | file | sequence";
    "data.dir", "none", "folder of the images' files, if not datasets/cifar-10-batches-bin, cifar-100-binary or mnist";
    "data.samples", "1000", "how many training samples, the first in the order of the data, or \"all\"";
    "data.balanced", "false", "as many records of each class instead of the first ones; of images";
    "data.labels", "none", "source cifar100: fine (100 classes; if left out) | coarse (20)";
    "data.classes", "none", "images: the classes to keep, by number or name, such as [0, 1] or [\"cat\", \"dog\"] (mnist: by number); all if left out";
    "data.groups", "none", "images: two lists of classes for binary targets: the first becomes -1, the second +1";
    "data.targets", "\"one-hot\"", "one-hot | binary (-1 and +1: two classes, or the two groups) | values (whole numbers of a file as they are; its real numbers always are)";
    "data.standardise", "\"cifar10\"", "cifar10 (its published figures, and of other images theirs) | subset (the subset's own) | none";
    "data.seed", "0", "seed of the synthetic images, and of sequences that are drawn at random; CIFAR-10 does not use it";
    "data.file", "none", "source file: a .npz or .safetensors file with the arrays inputs [n, ...] and targets [n] or [n, m], or x.npy beside x-targets.npy; whole numbers are classes";
    "data.test_samples", "none", "sources file and sequence: how many samples after those trained on make the test set";
    "data.task", "none", "source sequence: sort | copy (lists, then their answers) | modular-addition (a + b mod p) | text (by characters)";
    "data.length", "none", "tokens that are sorted or copied, or characters of a text that are read at a time";
    "data.vocabulary", "none", "how many different tokens are sorted or copied; the modulus of the addition; of a file, that its inputs are so many different tokens [n, length]";
    "data.text", "none", "a text in UTF-8, for the task of that name";
};

/// Those of `[model]` that every kind of network has, after those of some.
const MODEL: &[Key] = &keys! {
    "model.output_factor", "1.0", "multiplies the outputs: 1/√width for the neural-tangent-kernel parametrisation";
    "model.init", "\"uniform-fan-in\"", "uniform-fan-in (±1/√fan_in) | xavier | he | standard-normal: distribution of the initial weights";
    "model.seed", "0", "seed of the initial weights";
    "model.weights", "none", "a .safetensors file of initial weights, instead of init and seed";
};

/// The keys between the model's and those of the measurements.
const MIDDLE: &[Key] = &keys! {
    "loss.kind", "\"mse\"", "mse | cross-entropy | logistic (binary targets)";
    "loss.factor", "1.0", "κ in L = κ/n ‖F − Y‖²; mse only";
    "loss.label_smoothing", "0.0", "the share of each label that all classes get alike, from 0 to below 1; cross-entropy only";

    "optimizer.kind", "required", "gd | heavy-ball | nesterov | rmsprop | adam | sam, by PyTorch's formulas";
    "optimizer.step_size", "required", "η, a positive number";
    "optimizer.steps", "required", "how many steps, at least 1";
    "optimizer.momentum", "0.9", "β, from 0 to below 1; heavy-ball and nesterov only";
    "optimizer.beta1", "0.9", "β₁, from 0 to below 1; adam only";
    "optimizer.beta2", "0.999", "β₂, from 0 to below 1; adam, and rmsprop, where it is 0.99";
    "optimizer.epsilon", "1e-8", "ε, a positive number; rmsprop and adam only";
    "optimizer.bias_correction", "true", "whether the mean of squares is divided by 1 - β₂^(t+1); rmsprop only";
    "optimizer.radius", "none", "ρ, a positive number that sam needs, and no other kind has";
    "optimizer.weight_decay", "0.0", "w of the penalty (w/2)‖θ‖², over all parameters: loss, gradient and Hessian include it";
    "optimizer.stop_loss", "none", "stop once the loss is at or below this";
    "optimizer.stop_accuracy", "none", "stop once the training accuracy is at or above this, from 0 to 1";

    "optimizer.minibatch.size", "required", "samples of a batch; epoch by epoch without replacement, the last short batch kept";
    "optimizer.minibatch.order", "\"shuffled\"", "shuffled (anew each epoch) | sequential";
    "optimizer.minibatch.seed", "0", "seed of the shuffled order";

    "optimizer.schedule.kind", "required", "constant | linear-warmup | steps | cosine: how the step size η_t follows from η";
    "optimizer.schedule.from", "none", "linear-warmup: η_t = from + (η - from)·min(1, t/steps)";
    "optimizer.schedule.steps", "none", "linear-warmup: how many steps it takes, at least 1";
    "optimizer.schedule.at", "none", "steps: where η_t changes, such as [100, 200]";
    "optimizer.schedule.factor", "none", "steps: what η_t is multiplied by there";
    "optimizer.schedule.end", "none", "cosine: η_t falls to it, end + (η - end)·(1 + cos(πt/steps of the run))/2";

    "measure.eigenvalues.count", "required", "how many of the Hessian's largest eigenvalues, from 1 to the number of parameters";
    "measure.eigenvalues.every", "1", "measure at every so many steps";
    "measure.eigenvalues.from", "0", "the first step to measure at";
    "measure.eigenvalues.relative_tolerance", "1e-3", "bound on an eigenvalue's error, relative to it, or to a thousandth of the largest where that is more, between 0 and 1; what is smaller than rounding, about 1e-6 of the largest in float32 and 2e-15 in float64, is not reached: the eigenvalue is marked as not converged";
    "measure.eigenvalues.above", "none", "follow all eigenvalues above this share of the stability threshold besides, more than 0 and at most 1, such as 0.75";
    "measure.eigenvalues.largest_count", "16", "how many eigenvalues `above` may follow, the first `count` among them";
    "measure.eigenvalues.smallest", "0", "how many of the smallest eigenvalues besides";
    "measure.eigenvalues.stale", "\"skip\"", "skip | rayleigh-quotient: what the steps between record";
    "measure.eigenvalues.guard", "1", "extra columns of the solver's block, against missed eigenvalues";
    "measure.eigenvalues.largest_guard", "8", "extra columns to which the block may grow where eigenvalues cluster; as guard, it never grows";
    "measure.eigenvalues.guard_every", "8", "the extra columns cost products at one of so many solves at least; 1 for all, where little changes they are spared";
    "measure.eigenvalues.probe_every", "1", "one of so many solves that apply their extra columns also looks for eigenvalues that the block cannot see; 0 for never";
    "measure.eigenvalues.follow_every", "6", "one of so many solves at least does so by following a random vector, not only by the vector that is carried from solve to solve; 1 for all, whose bounds are then `bounded`";
    "measure.eigenvalues.dense", "128", "up to so many parameters, at most 4096, the operator is decomposed whole, where that takes no longer: nothing is overlooked then; 0 for never but where a block does not fit";
    "measure.eigenvalues.max_iterations", "1000", "iterations after which the solver gives what it has, marked as not converged";

    "measure.preconditioned.count", "required", "how many of the largest eigenvalues of P^(-1/2)HP^(-1/2), H the Hessian and P the preconditioner of rmsprop or adam at the step from there";
    "measure.preconditioned.every", "1", "measure at every so many steps";
    "measure.preconditioned.from", "0", "the first step to measure at";
    "measure.preconditioned.relative_tolerance", "1e-3", "bound on an eigenvalue's error, relative to it, or to a thousandth of the largest where that is more, between 0 and 1; what is smaller than rounding, about 1e-6 of the largest in float32 and 2e-15 in float64, is not reached: the eigenvalue is marked as not converged";
    "measure.preconditioned.above", "none", "follow all eigenvalues above this share of the stability threshold besides, more than 0 and at most 1, such as 0.75";
    "measure.preconditioned.largest_count", "16", "how many eigenvalues `above` may follow, the first `count` among them";
    "measure.preconditioned.smallest", "0", "how many of the smallest eigenvalues besides";
    "measure.preconditioned.stale", "\"skip\"", "skip | rayleigh-quotient: what the steps between record";
    "measure.preconditioned.guard", "1", "extra columns of the solver's block, against missed eigenvalues";
    "measure.preconditioned.largest_guard", "8", "extra columns to which the block may grow where eigenvalues cluster; as guard, it never grows";
    "measure.preconditioned.guard_every", "8", "the extra columns cost products at one of so many solves at least; 1 for all, where little changes they are spared";
    "measure.preconditioned.probe_every", "1", "one of so many solves that apply their extra columns also looks for eigenvalues that the block cannot see; 0 for never";
    "measure.preconditioned.follow_every", "6", "one of so many solves at least does so by following a random vector, not only by the vector that is carried from solve to solve; 1 for all, whose bounds are then `bounded`";
    "measure.preconditioned.dense", "128", "up to so many parameters, at most 4096, the operator is decomposed whole, where that takes no longer: nothing is overlooked then; 0 for never but where a block does not fit";
    "measure.preconditioned.max_iterations", "1000", "iterations after which the solver gives what it has, marked as not converged";

    "measure.phases.hysteresis", "3", "steps that a new trend of λ₁ must last before the phase changes";
    "measure.phases.margin", "0.01", "relative band about 2/η within which λ₁ has not crossed";
    "measure.phases.turn", "0.02", "relative change of λ₁ from its last extremum that makes a turn";
};

/// Those after them.
const LAST: &[Key] = &keys! {
    "run.dtype", "\"float32\"", "float32 | float64 (CPU backends only)";
    "run.compression", "\"auto\"", "auto | on | off: train on the inputs' coordinates in the space they span, at less cost and to the same result";
    "run.fusion", "\"auto\"", "auto | off: elementwise operations that follow from each other in one pass over memory, and matrix products, convolutions, poolings and the eigensolver's blocks by Brink's own code (flex)";
    "run.matmul_precision", "\"float32\"", "float32 | tf32: the least precision of matrix products that is accepted of a device, which is tested at the start; where it is TF32's, error bounds of the Hessian's eigenvalues grow accordingly";
    "run.checkpoint.every", "0", "save the run's state in checkpoints/ at every so many steps; 0 at the first step, at the end and when it is stopped only";
    "run.checkpoint.keep", "2", "how many of them are kept, the newest ones; 0 for all";
    "run.microbatch", "none", "how many samples are computed on at a time, at least 1, all if left out: memory is bounded by them, and the result is the same";
};

/// What the key of that path means; an item of a list, `hidden[1]`, stands for the list.
pub fn meaning(path: &str) -> Option<&'static str> {
    let path = path.split('[').next().unwrap_or(path);
    all()
        .iter()
        .find(|key| key.path == path)
        .map(|key| key.meaning)
}

/// The keys and tables of the table of that path, in their order; none where it is no table.
pub fn within(path: &str) -> Vec<&'static str> {
    let rest = |key: &'static Key| key.path.strip_prefix(path)?.strip_prefix('.');
    let names = all().iter().filter_map(rest);
    let mut names: Vec<&str> = names.filter_map(|rest| rest.split('.').next()).collect();
    names.dedup();
    names
}

/// The table that has a key of that name, when only one does; a table within another counts less.
pub fn elsewhere(name: &str) -> Option<&'static str> {
    let tables = || {
        all().iter().filter_map(|key| {
            let (table, last) = key.path.rsplit_once('.')?;
            (last == name).then_some(table)
        })
    };
    let depth = |table: &&str| table.matches('.').count();
    let outermost = tables().map(|table| depth(&table)).min()?;
    let mut tables = tables().filter(|table| depth(table) == outermost);
    match (tables.next(), tables.next()) {
        (Some(table), None) => Some(table),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::config::overrides::Override;

    /// Asks serde itself which keys a table has, by giving it one that it has not.
    fn valid_keys(table: &str) -> Vec<String> {
        let base = "name = \"x\"\n[optimizer]\nkind = \"gd\"\nstep_size = 0.1\nsteps = 1\n\
                    [data]\n[model]\n[loss]\n[optimizer.minibatch]\nsize = 1\n[optimizer.schedule]\nkind = \"constant\"\n\
                    [measure.eigenvalues]\ncount = 1\n[measure.preconditioned]\ncount = 1\n[measure.phases]\n\
                    [run]\n[run.checkpoint]\n";
        let measured = TABLES.iter();
        let measured: String = measured.map(|(n, _)| format!("[measure.{n}]\n")).collect();
        let base = &(base.to_owned() + &measured);
        let text = if table.is_empty() {
            format!("zzz = 1\n{base}")
        } else {
            base.replace(&format!("[{table}]\n"), &format!("[{table}]\nzzz = 1\n"))
        };
        let error = Config::parse("test", text, &[]).unwrap_err();
        let help = error.problems()[0].help_text().unwrap().to_owned();
        let list = help.rsplit("valid here: ").next().unwrap();
        list.split(", ").map(str::to_owned).collect()
    }

    #[test]
    fn the_table_of_keys_is_complete() {
        let measured = TABLES.iter().map(|(name, _)| format!("measure.{name}"));
        let others = [
            "data",
            "model",
            "loss",
            "optimizer",
            "optimizer.minibatch",
            "optimizer.schedule",
            "measure.eigenvalues",
            "measure.preconditioned",
            "measure.phases",
            "run.checkpoint",
            "run",
        ];
        for table in others.map(str::to_owned).into_iter().chain(measured) {
            let table = table.as_str();
            let mut documented: Vec<String> = all()
                .iter()
                .filter_map(|key| key.path.strip_prefix(table)?.strip_prefix('.'))
                // A key, or a table within.
                .filter_map(|rest| rest.split('.').next())
                .map(str::to_owned)
                .collect();
            documented.dedup();
            let mut valid = valid_keys(table);
            documented.sort();
            valid.sort();
            assert_eq!(documented, valid, "table {table}");
        }
        let mut top: Vec<&str> = all()
            .iter()
            .filter_map(|key| key.path.split('.').next())
            .collect();
        top.dedup();
        assert_eq!(top, valid_keys(""));
    }

    #[test]
    fn the_defaults_are_the_ones_listed() {
        let required = "name = \"x\"\n[optimizer]\nkind = \"gd\"\nstep_size = 0.1\nsteps = 1\n\
                        [measure.eigenvalues]\ncount = 1\n";
        let spelt_out: Vec<Override> = all()
            .iter()
            .filter(|key| !matches!(key.default, "required" | "none"))
            // Tables that switch something on are not there by default.
            .filter(|key| {
                let table = key.path.rsplit_once('.').map_or("", |(table, _)| table);
                !(table.starts_with("measure.") || table.starts_with("optimizer."))
                    || matches!(table, "measure.eigenvalues" | "measure.phases")
            })
            // Keys of other kinds of models and optimizers are refused, not ignored.
            .filter(|key| {
                let of_a_kind = key.path.strip_prefix("model.").is_none_or(|name| {
                    let mlp = brink_model::kind("mlp").expect("a kind");
                    let has =
                        |kind: &brink_model::NetworkKind| kind.keys.iter().any(|k| k.name == name);
                    has(mlp) || !brink_model::kinds().into_iter().any(has)
                });
                let others = [
                    "loss.label_smoothing",
                    "optimizer.momentum",
                    "optimizer.beta1",
                    "optimizer.beta2",
                    "optimizer.epsilon",
                    "optimizer.bias_correction",
                ];
                of_a_kind && !others.contains(&key.path)
            })
            .map(|key| Override::set(&format!("{}={}", key.path, key.default)))
            .collect();
        assert_eq!(
            Config::parse("test", required, &spelt_out).unwrap(),
            Config::parse("test", required, &[]).unwrap()
        );
        for (kind, names) in [
            ("heavy-ball", &["momentum"][..]),
            ("nesterov", &["momentum"]),
            ("rmsprop", &["epsilon", "bias_correction"]),
            ("adam", &["beta1", "beta2", "epsilon"]),
        ] {
            let kind = Override::set(&format!("optimizer.kind={kind}"));
            let named = names.iter().map(|name| format!("optimizer.{name}"));
            let spelt_out: Vec<Override> = named
                .filter_map(|path| all().iter().find(|key| key.path == path))
                .map(|key| Override::set(&format!("{}={}", key.path, key.default)))
                .chain([kind.clone()])
                .collect();
            assert_eq!(spelt_out.len(), names.len() + 1);
            assert_eq!(
                Config::parse("test", required, &spelt_out).unwrap(),
                Config::parse("test", required, &[kind]).unwrap()
            );
        }
        for kind in brink_model::kinds() {
            let named = |key: &brink_model::ModelKey| {
                all()
                    .iter()
                    .find(|k| k.path == format!("model.{}", key.name))
            };
            assert!(
                kind.keys.iter().all(|key| named(key).is_some()),
                "{}",
                kind.name
            );
        }
    }

    #[test]
    fn a_key_in_the_wrong_table_is_found_in_the_right_one() {
        assert_eq!(elsewhere("step_size"), Some("optimizer"));
        assert_eq!(elsewhere("activation"), Some("model"));
        assert_eq!(elsewhere("seed"), None);
        assert_eq!(elsewhere("kind"), None);
    }
}
