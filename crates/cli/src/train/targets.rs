//! Which targets a loss compares outputs with.

use brink_data::Targets;
use brink_model::LossKind;
use miette::Diagnostic;

/// A loss that the data's targets are not made for, as it turns out when they are read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum WrongTargets {
    /// Targets of another kind.
    #[error("loss.kind = \"{loss}\" compares outputs with {wanted}, and the data have {found}")]
    #[diagnostic(help(
        "set loss.kind = \"mse\", which takes any targets, or give targets of that kind"
    ))]
    Kind {
        /// The loss.
        loss: &'static str,
        /// What it needs.
        wanted: &'static str,
        /// What the targets are.
        found: &'static str,
    },
    /// A single class, of which every network is certain.
    #[error(
        "loss.kind = \"cross-entropy\" tells classes apart, and the data have one: the loss would be \
         0 whatever the network computes"
    )]
    #[diagnostic(help("train on samples of two classes or more, or set loss.kind = \"mse\""))]
    OneClass,
}

/// Refuses targets that the loss is not made for; `outputs` is how many a position has.
pub fn check(loss: LossKind, found: Targets, outputs: usize) -> Result<(), WrongTargets> {
    let wanted = match loss {
        LossKind::Mse => return Ok(()),
        LossKind::CrossEntropy => Targets::OneHot,
        LossKind::Logistic => Targets::Binary,
    };
    if wanted != found {
        return Err(WrongTargets::Kind {
            loss: loss.name(),
            wanted: in_words(wanted),
            found: in_words(found),
        });
    }
    match (loss, outputs) {
        (LossKind::CrossEntropy, 1) => Err(WrongTargets::OneClass),
        _ => Ok(()),
    }
}

fn in_words(targets: Targets) -> &'static str {
    match targets {
        Targets::OneHot => "classes",
        Targets::Binary => "the two classes -1 and +1",
        Targets::Values => "real values",
    }
}
