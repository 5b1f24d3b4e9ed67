//! Which runs the figures need, and which figure needs which.

/// How a run comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `brink train`.
    Train,
    /// `brink theory`.
    Theory,
}

/// A config of the repository's, built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// Its file's name in the folder of configs.
    pub name: &'static str,
    /// What it says.
    pub text: &'static str,
}

macro_rules! built_in {
    ($name:literal) => {
        Text {
            name: $name,
            text: include_str!(concat!("../../../../configs/figures/", $name)),
        }
    };
}

/// A run that a figure needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// Its folder's name.
    pub name: &'static str,
    /// Its config.
    pub config: Text,
    /// Changes to the config.
    pub set: &'static [&'static str],
    /// How it comes about.
    pub kind: Kind,
}

/// A figure: its number, its file's name and its runs.
#[derive(Debug, Clone, Copy)]
pub struct PlannedFigure {
    /// Its number, from 1.
    pub number: usize,
    /// Its file, without an extension.
    pub name: &'static str,
    /// Its runs, in the order in which it takes them.
    pub runs: &'static [Planned],
}

const fn trained(name: &'static str, config: Text) -> Planned {
    changed(name, config, &[])
}

const fn changed(name: &'static str, config: Text, set: &'static [&'static str]) -> Planned {
    Planned {
        name,
        config,
        set,
        kind: Kind::Train,
    }
}

const LINEAR: Planned = trained("linear", built_in!("linear.toml"));

/// The step sizes of figure 7 besides that of the linear run: without what only the others show.
const PLAIN: Text = built_in!("step-sizes.toml");

/// All figures, in order.
pub const FIGURES: &[PlannedFigure] = &[
    PlannedFigure {
        number: 1,
        name: "loss-and-sharpness",
        runs: &[LINEAR],
    },
    PlannedFigure {
        number: 2,
        name: "four-phases",
        runs: &[LINEAR],
    },
    PlannedFigure {
        number: 3,
        name: "sharpness-and-output-norm",
        runs: &[
            LINEAR,
            trained("tanh", built_in!("tanh.toml")),
            changed(
                "relu",
                built_in!("tanh.toml"),
                &["name=relu", "model.activation=relu"],
            ),
            changed(
                "elu",
                built_in!("tanh.toml"),
                &["name=elu", "model.activation=elu"],
            ),
            trained("cnn", built_in!("cnn.toml")),
        ],
    },
    PlannedFigure {
        number: 4,
        name: "hessian-gram-gauss-newton",
        runs: &[LINEAR],
    },
    PlannedFigure {
        number: 5,
        name: "gradient-flow",
        runs: &[trained("flow", built_in!("flow.toml"))],
    },
    PlannedFigure {
        number: 6,
        name: "theory",
        runs: &[
            Planned {
                name: "two-layer-theory",
                config: built_in!("two-layer.toml"),
                set: &[],
                kind: Kind::Theory,
            },
            trained("two-layer", built_in!("two-layer.toml")),
        ],
    },
    PlannedFigure {
        number: 7,
        name: "step-sizes",
        runs: &[
            changed(
                "step-0.004",
                PLAIN,
                &["optimizer.step_size=0.004", "optimizer.steps=1000"],
            ),
            changed(
                "step-0.006",
                PLAIN,
                &["optimizer.step_size=0.006", "optimizer.steps=667"],
            ),
            changed(
                "step-0.008",
                PLAIN,
                &["optimizer.step_size=0.008", "optimizer.steps=500"],
            ),
            changed(
                "step-0.01",
                PLAIN,
                &["optimizer.step_size=0.01", "optimizer.steps=400"],
            ),
        ],
    },
];
