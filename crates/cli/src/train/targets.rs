//! Which targets a loss compares outputs with.

use brink_data::Targets;
use brink_model::LossKind;
use miette::Diagnostic;

/// A loss that is not one of the data's targets, as it turns out when they are read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
#[error("loss.kind = \"{loss}\" compares outputs with {wanted}, and the data have {found}")]
#[diagnostic(help(
    "set loss.kind = \"mse\", which takes any targets, or give targets of that kind"
))]
pub struct WrongTargets {
    loss: &'static str,
    wanted: &'static str,
    found: &'static str,
}

/// Refuses targets that the loss is not made for.
pub fn check(loss: LossKind, found: Targets) -> Result<(), WrongTargets> {
    let wanted = match loss {
        LossKind::Mse => return Ok(()),
        LossKind::CrossEntropy => Targets::OneHot,
        LossKind::Logistic => Targets::Binary,
    };
    if wanted == found {
        return Ok(());
    }
    Err(WrongTargets {
        loss: loss.name(),
        wanted: in_words(wanted),
        found: in_words(found),
    })
}

fn in_words(targets: Targets) -> &'static str {
    match targets {
        Targets::OneHot => "classes",
        Targets::Binary => "the two classes -1 and +1",
        Targets::Values => "real values",
    }
}
