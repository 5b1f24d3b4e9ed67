//! What is measured along a run besides the Hessian's eigenvalues, each by its own schedule.
//!
//! A measurement contributes columns to the trace and, where it finds more than numbers, rows to
//! tables of its own. It sees one iterate at a time, with the
//! linearisation that the run made there anyway, and adds the products that it needs.

mod alignment;
mod batch_sharpness;
mod class_gradients;
mod critical;
mod first_order;
mod gauss_newton;
mod gram;
mod layers;
mod residual;
mod self_stabilization;
mod spectrum;
mod squared_error;
mod step;
mod subspace;
mod test_set;

use brink_linearize::{Gradient, Linearization, LinearizeError, Objective};
use brink_state::Memory;
use burn::tensor::Tensor;

use crate::column::Column;
use crate::eigen::{EigenError, Params, Solution, SymmetricOperator};
use crate::interrupt::{Interrupt, Never};
use crate::norms::Reading;
use crate::record::Eigenvalue;
use crate::scaled::ScaledSolver;
use crate::table::{Rows, Table};

pub use alignment::Alignment;
pub use batch_sharpness::BatchSharpness;
pub use class_gradients::{ClassSlopes, Classes};
pub use first_order::FirstOrder;
pub use gauss_newton::GaussNewton;
pub use gram::{DENSE_LIMIT, Gram, GramMethod};
pub use layers::LayerSharpness;
pub use residual::Residual;
pub use self_stabilization::SelfStabilization;
pub use spectrum::{OutputSlope, Spectrum, SpectrumOf};
pub use squared_error::SquaredError;
pub use step::Step;
pub use subspace::Subspace;
pub use test_set::TestSet;

/// The columns of every measurement.
pub mod columns {
    pub use super::alignment::columns as alignment;
    pub use super::batch_sharpness::columns as batch_sharpness;
    pub use super::first_order::columns as first_order;
    pub use super::gauss_newton::columns as gauss_newton;
    pub use super::gram::columns as gram;
    pub use super::layers::columns as layer_sharpness;
    pub use super::residual::columns as residual;
    pub use super::self_stabilization::columns as self_stabilization;
    pub use super::spectrum::columns as spectrum;
    pub use super::step::columns as step;
    pub use super::subspace::columns as subspace;
    pub use super::test_set::columns as test;
    pub use crate::central_flow::columns as central_flow;
    pub use crate::flow::columns as flow;
}

/// The tables of every measurement that has some.
pub mod tables {
    pub use super::spectrum::tables as spectrum;
}

/// At which steps something is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// Every how many steps; 0 counts as 1.
    pub every: u64,
    /// From which step on.
    pub from: u64,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { every: 1, from: 0 }
    }
}

impl Schedule {
    /// Whether a step is one of them.
    pub fn due(&self, step: u64) -> bool {
        step >= self.from && (step - self.from).is_multiple_of(self.every.max(1))
    }
}

/// An iterate θ_t and what is known there.
pub struct Iterate<'i, 'o, const D: usize> {
    /// t.
    pub step: u64,
    /// The sum of the step sizes before this step: the time of gradient flow.
    pub time: f64,
    /// Step size η_t of the step that will be taken from here.
    pub step_size: f64,
    /// w of the penalty (w/2)‖θ‖²; the linearisation is of the loss without it.
    pub weight_decay: f64,
    /// θ_t, shape `[P]`.
    pub theta: &'i Tensor<1>,
    /// L(θ_t), with the penalty.
    pub loss: f64,
    /// L and F at θ_t, and ∇L with the penalty's part.
    pub gradient: &'i Gradient<D>,
    /// The loss linearised at θ_t.
    pub linearization: &'i mut Linearization<'o, D>,
    /// The Hessian's top eigenvector, unit norm, shape `[P]`, if it was solved for at this step.
    pub top: Option<&'i Tensor<1>>,
    /// The eigenvectors at the largest end, orthonormal rows, [k, P], in the order of `eigenvalues`
    /// but without the zeros of directions outside θ, if they were solved for at this step.
    pub vectors: Option<&'i Tensor<2>>,
    /// The sharpness Λ, if it was solved for at this step.
    pub sharpness: Option<f64>,
    /// The Hessian's largest eigenvalues, largest first; empty if none were solved for at this step.
    pub eigenvalues: &'i [Eigenvalue],
    /// The diagonal of the preconditioner P of the step from here, `[P]`, if the rule has one.
    pub preconditioner: Option<&'i Tensor<1>>,
    /// What is set once someone asks for an end.
    pub interrupt: &'i dyn Interrupt,
    /// Where a measurement puts the rows of its tables.
    pub tables: &'i mut Vec<Rows>,
}

impl<const D: usize> Iterate<'_, '_, D> {
    /// The loss that is minimised.
    pub fn objective(&self) -> &Objective<D> {
        self.linearization.objective()
    }

    /// Whether someone asks for an end.
    pub fn is_interrupted(&self) -> bool {
        self.interrupt.is_set()
    }

    /// The loss with the penalty at another θ, shape `[P]`, by a forward pass.
    ///
    /// # Errors
    /// [`MeasureError::Linearize`] and [`MeasureError::ReadBack`]; a loss that is not finite is none.
    pub fn loss_at(&self, theta: Tensor<1>) -> Result<f64, MeasureError> {
        let mut reading = Reading::default();
        reading.scalar(self.objective().evaluate(&theta)?.loss);
        if self.weight_decay > 0.0 {
            reading.squared(theta);
        }
        let values = read(reading)?;
        let squared = values.get(1).copied().unwrap_or(0.0);
        Ok(values[0] + 0.5 * self.weight_decay * squared)
    }
}

/// Something measured along a run; what it remembers from step to step is saved with the run.
pub trait Measurement<const D: usize>: Memory {
    /// Its name in errors and counters, such as `gram`.
    fn name(&self) -> &'static str;

    /// The columns that it adds to the trace.
    fn columns(&self) -> Vec<Column>;

    /// The tables that it adds rows to.
    fn tables(&self) -> Vec<Table> {
        Vec::new()
    }

    /// Whether it wants to see the iterate of a step; its cells are empty at others.
    fn wants(&self, step: u64) -> bool;

    /// Whether it takes so long that it fails, with whatever error, where someone asks for an end
    /// ([`Iterate::interrupt`]). The step then has no record; a run that goes on measures it anew.
    fn may_be_interrupted(&self) -> bool {
        false
    }

    /// The values of its columns at an iterate, in their order.
    ///
    /// # Errors
    /// [`MeasureError`]; it ends the run, whose trace up to there stands.
    fn measure(&mut self, at: &mut Iterate<'_, '_, D>) -> Result<Vec<Option<f64>>, MeasureError>;
}

/// Why something could not be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// A product failed.
    #[error("a product could not be computed")]
    Linearize(#[from] LinearizeError),
    /// An eigensolver failed.
    #[error("the eigensolver failed")]
    Eigen(#[from] EigenError),
    /// Results could not be read from the device.
    #[error("results could not be read from the device: {0}")]
    ReadBack(String),
    /// A matrix that would be formed is too large.
    #[error(
        "the Gram matrix would have {size} rows: at most {limit} are formed; use method = \
         \"matrix-free\", or fewer samples"
    )]
    TooLarge {
        /// N.
        size: usize,
        /// The most rows that are formed.
        limit: usize,
    },
    /// Targets that do not belong to the outputs.
    #[error("there are {targets} targets for {outputs} outputs")]
    Targets {
        /// Targets given.
        targets: usize,
        /// Outputs N of the model.
        outputs: usize,
    },
    /// Gradient flow cannot be followed to its tolerance.
    #[error(transparent)]
    Flow(crate::flow::StepTooSmall),
    /// The central flow has no way on.
    #[error(transparent)]
    CentralFlow(#[from] crate::central_flow::CentralFlowError),
    /// Something that must be finite is not.
    #[error("{0} is not finite")]
    NonFinite(&'static str),
    /// Someone asked for an end.
    #[error("the measurement was interrupted")]
    Interrupted,
}

impl MeasureError {
    /// Whether it says that the run diverged, rather than that something is wrong.
    pub(crate) fn is_divergence(&self) -> bool {
        matches!(
            self,
            Self::NonFinite(_) | Self::Eigen(EigenError::NonFinite { .. })
        )
    }
}

/// What was asked for, in one read-back.
pub(crate) fn read(reading: Reading) -> Result<Vec<f64>, MeasureError> {
    reading.read().map_err(MeasureError::ReadBack)
}

/// A linear map as the eigensolver sees it.
struct Operator<'a, 'l, 'o, const D: usize, F: ?Sized> {
    linearization: &'l mut Linearization<'o, D>,
    device: burn::tensor::Device,
    dim: usize,
    apply: &'a F,
    /// What ends it between two products.
    interrupt: &'a dyn Interrupt,
}

impl<'a, 'l, 'o, const D: usize, F: ?Sized> Operator<'a, 'l, 'o, D, F> {
    /// A map of all parameters.
    fn new(linearization: &'l mut Linearization<'o, D>, apply: &'a F) -> Self {
        Self {
            device: linearization.objective().device().clone(),
            dim: linearization.objective().parameters(),
            linearization,
            apply,
            interrupt: &Never,
        }
    }

    /// The same, which fails once `interrupt` is set.
    fn until(self, interrupt: &'a dyn Interrupt) -> Self {
        Self { interrupt, ..self }
    }
}

impl<const D: usize, F: ?Sized> SymmetricOperator for Operator<'_, '_, '_, D, F>
where
    F: Fn(&mut Linearization<'_, D>, Tensor<2>) -> Result<Tensor<2>, LinearizeError>,
{
    fn dim(&self) -> usize {
        self.dim
    }

    fn device(&self) -> &burn::tensor::Device {
        &self.device
    }

    fn dtype(&self) -> burn::tensor::DType {
        self.linearization.objective().precision().into()
    }

    fn row_cost(&self) -> f64 {
        self.linearization.row_cost()
    }

    fn apply(&mut self, block: Tensor<2>) -> Result<Tensor<2>, crate::eigen::OperatorError> {
        self.interrupt.go_on()?;
        (self.apply)(self.linearization, block).map_err(crate::eigen::OperatorError::from)
    }
}

/// The top eigenpairs of a symmetric map of dimension `dim`, by products at an iterate.
fn solve<const D: usize>(
    solver: &mut ScaledSolver,
    linearization: &mut Linearization<'_, D>,
    dim: usize,
    apply: impl Fn(&mut Linearization<'_, D>, Tensor<2>) -> Result<Tensor<2>, LinearizeError>,
    interrupt: &dyn Interrupt,
) -> Result<Solution, EigenError> {
    let device = linearization.objective().device().clone();
    solver.solve(&mut Operator {
        linearization,
        device,
        dim,
        apply: &apply,
        interrupt,
    })
}

/// The solver for `count` pairs at a relative tolerance.
fn solver(count: usize, relative_tolerance: f64) -> Result<ScaledSolver, EigenError> {
    ScaledSolver::new(Params {
        count,
        relative_tolerance,
        // Solves may be many steps apart: each follows a random vector.
        follow_every: 1,
        ..Params::default()
    })
}

/// The largest error bound of a solution's pairs.
fn error_bound(solution: &Solution) -> f64 {
    let bounds = solution.pairs.iter().map(|pair| pair.error_bound);
    bounds.fold(0.0, f64::max)
}
