//! What a table of `[measure]` is made of.

use brink_dynamics::Column;
use brink_dynamics::measurement::Measurement;
use brink_dynamics::optimizer::StepSizes;
use brink_model::LossKind;

use super::context::Context;
use super::spectrum::SpectrumOperator;
use crate::config::keys::Key;
use crate::config::{Config, OptimizerKind};
use crate::error::Error;

/// The least β₂ with which RMSProp's mean of squares is followed as a flow.
const SLOW: f64 = 0.5;

/// A key of a table that has an impossible value, and why.
pub type Fault = (&'static str, String);

/// A measurement; none where the network has nothing to measure.
pub type Made = Result<Option<Box<dyn Measurement<2>>>, Error>;

/// A table that adds a measurement to a run.
pub struct Table<T: 'static> {
    /// Its keys.
    pub keys: &'static [Key],
    /// What it needs of the rest of the config.
    pub needs: &'static [Need],
    /// What is impossible in itself.
    pub faults: fn(&T) -> Vec<Fault>,
    /// The columns that it adds to the trace, `<layer>` standing for each layer's name, and of what it
    /// counts as many as by default.
    pub columns: fn() -> Vec<Column>,
    /// The tables that it writes to files of their own.
    pub arrays: fn() -> Vec<brink_dynamics::Table>,
    /// Sets it up for a run.
    pub measurement: fn(&T, &Context<'_>) -> Made,
}

/// What a measurement needs of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The loss is a squared error: what is measured is in function space.
    SquaredError,
    /// No other layer has the output layer's weight.
    OutputWeightOfItsOwn,
    /// Each step goes along the gradient over all samples.
    GradientDescent,
    /// The rule is one whose central flow is known, and each step goes along the gradient over all
    /// samples.
    RuleWithCentralFlow,
    /// RMSProp's mean of squares changes slowly.
    SlowMoment,
    /// All steps have the same size.
    ConstantStepSize,
    /// The loss has no penalty.
    NoWeightDecay,
    /// The Hessian's top eigenvector is solved for.
    TopEigenvector,
    /// And its second eigenvalue.
    TwoEigenvalues,
    /// As many eigenvectors are solved for as the subspace has.
    SubspaceWithinEigenvalues,
    /// Something says how many samples a batch has.
    BatchSize,
    /// The rule has the preconditioner whose spectrum is asked for.
    PreconditionerOfSpectrum,
    /// Any samples can be taken together.
    SamplesInOnePiece,
}

impl Need {
    /// What to do about it, where a config does not have it.
    pub fn unmet(self, config: &Config) -> Option<&'static str> {
        let (optimizer, eigenvalues) = (&config.optimizer, &config.measure.eigenvalues);
        let plain = optimizer.kind == OptimizerKind::GradientDescent;
        let (met, advice) = match self {
            Self::SquaredError => (
                config.loss.kind == LossKind::Mse,
                "is defined for the squared error only: remove the table, or set loss.kind = \"mse\"",
            ),
            Self::OutputWeightOfItsOwn => (
                !is_tied(config),
                "predicts the norm of the output layer from its outputs, and the matrix of a tied \
                 network is that of the tokens' vectors as well, which the gradient moves too: \
                 remove the table, or set model.tied = false",
            ),
            Self::GradientDescent => (
                plain && optimizer.minibatch.is_none(),
                "is about gradient descent over all samples: remove the table, or set \
                 optimizer.kind = \"gd\" without [optimizer.minibatch]",
            ),
            Self::RuleWithCentralFlow => (
                (plain || optimizer.kind == OptimizerKind::RmsProp)
                    && optimizer.minibatch.is_none(),
                "is about gradient descent or RMSProp over all samples: remove the table, or set \
                 optimizer.kind to gd or rmsprop without [optimizer.minibatch]",
            ),
            Self::SlowMoment => (
                optimizer.kind != OptimizerKind::RmsProp
                    || optimizer.beta2.is_none_or(|beta2| beta2 >= SLOW),
                "follows the mean of squares as a flow, which must change little in a step: remove \
                 the table, or set optimizer.beta2 to at least 0.5",
            ),
            Self::ConstantStepSize => (
                optimizer.step_sizes() == StepSizes::Constant,
                "compares steps of equal size: remove the table, or [optimizer.schedule]",
            ),
            Self::NoWeightDecay => (
                optimizer.weight_decay == 0.0,
                "is about the loss without weight decay: remove the table, or set \
                 optimizer.weight_decay = 0",
            ),
            Self::TopEigenvector => (
                eigenvalues.is_some(),
                "needs the Hessian's top eigenvector: add [measure.eigenvalues]",
            ),
            Self::TwoEigenvalues => (
                eigenvalues.as_ref().is_some_and(|e| e.count >= 2),
                "needs the Hessian's top eigenvector and λ₂, without which λ₁ is not known to be \
                 simple: set measure.eigenvalues.count to 2 or more",
            ),
            Self::SubspaceWithinEigenvalues => {
                let asked = config.measure.subspace.as_ref().and_then(|s| s.count);
                let most = eigenvalues.as_ref().map_or(usize::MAX, |e| e.count);
                (
                    asked.is_none_or(|asked| asked <= most),
                    "needs as many eigenvectors as measure.subspace.count says: set \
                     measure.eigenvalues.count to as many or, for an error bound, one more",
                )
            }
            Self::BatchSize => (
                optimizer.minibatch.is_some()
                    || (config.measure.batch_sharpness.as_ref()).is_some_and(|b| b.size.is_some()),
                "needs the size of its batches: set measure.batch_sharpness.size, or add \
                 [optimizer.minibatch], whose size it then has",
            ),
            Self::PreconditionerOfSpectrum => {
                let asked = config.measure.spectrum.as_ref().map(|s| s.operator);
                (
                    asked != Some(SpectrumOperator::Preconditioned)
                        || optimizer.rule().is_preconditioned(),
                    "measures the preconditioned Hessian, and this rule has no preconditioner: set \
                     measure.spectrum.operator = \"hessian\", or optimizer.kind to rmsprop or adam",
                )
            }
            Self::SamplesInOnePiece => (
                config.run.microbatch.is_none(),
                "takes batches from all samples, which run.microbatch keeps in pieces: remove the \
                 table, or run.microbatch",
            ),
        };
        (!met).then_some(advice)
    }
}

/// Whether the first and the last layer share a matrix.
fn is_tied(config: &Config) -> bool {
    let tied = config.model.keys().and_then(|keys| keys.flag("tied"));
    tied.unwrap_or(false)
}
