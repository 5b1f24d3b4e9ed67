//! The density of an operator's whole spectrum.

use brink_linearize::{Linearization, LinearizeError};
use brink_state::Memory;
use burn::tensor::Tensor;

use super::{Iterate, MeasureError, Measurement, Operator, Schedule, read};
use crate::column::Column;
use crate::eigen::{Broadening, EigenError, Estimate, SpectrumParams};
use crate::norms::Reading;
use crate::preconditioned::Preconditioned;
use crate::scaled::{times, toward_one};
use crate::scaled_spectrum::{spectrum, unscaled};
use crate::table::{Cell, Rows, Table};
use crate::weight_decay::Shifted;

/// The name of its table.
const TABLE: &str = "spectrum";

/// Gives ∂L/∂F for outputs F.
pub type OutputSlope<const D: usize> = Box<dyn Fn(Tensor<D>) -> Tensor<D>>;

/// Whose spectrum is measured.
pub enum SpectrumOf<const D: usize> {
    /// H, with the penalty of weight decay.
    Hessian,
    /// G = Jᵀ·∇²_F L·J, with the penalty.
    GaussNewton,
    /// The empirical Fisher matrix (1/n)·Σ gᵢgᵢᵀ of the samples' gradients gᵢ, those of loss and
    /// targets as they are, without the penalty. One output row a sample, none of which depends on
    /// another sample.
    Fisher(OutputSlope<D>),
    /// P^(−½)HP^(−½), P the preconditioner of the coming step.
    Preconditioned,
}

impl<const D: usize> SpectrumOf<D> {
    /// Its word in the table, and what its columns begin with.
    fn names(&self) -> [&'static str; 2] {
        match self {
            Self::Hessian => ["hessian", "hessian"],
            Self::GaussNewton => ["gauss-newton", "gauss_newton"],
            Self::Fisher(_) => ["fisher", "fisher"],
            Self::Preconditioned => ["preconditioned", "preconditioned"],
        }
    }
}

/// The spectral density of the Hessian, or of an operator beside it, by stochastic Lanczos quadrature
/// (see [`eigen::spectrum`](crate::eigen::spectrum())), as Ghorbani, Krishnan and Xiao measured it (ICML 2019, arXiv 1901.10159).
///
/// - `hessian_trace`: tr H by XTrace, and `hessian_trace_stderr`, its standard error.
/// - `hessian_frobenius_sq`: ‖H‖²_F from the same products, with `hessian_frobenius_sq_stderr`.
/// - The table `spectrum`: at each measured step the density φ(λ), whose integral is 1, at the points
///   of a grid of its own, with its standard error over the probes.
///
/// Of another operator the columns begin with its name. Directions outside θ in which the loss does
/// not change count as eigenvalues 0. A step's random vectors are drawn by its number: a step that is
/// measured again has the same ones, whatever was measured before. Where a product is not finite,
/// cells and rows are left out, and the run goes on.
pub struct Spectrum<const D: usize> {
    schedule: Schedule,
    of: SpectrumOf<D>,
    params: SpectrumParams,
    broadening: Broadening,
    flat: usize,
}

impl<const D: usize> Spectrum<D> {
    /// Measured by `schedule`; the stream of the random numbers is the step's.
    ///
    /// # Errors
    /// [`EigenError::InvalidParameter`]
    pub fn new(
        schedule: Schedule,
        of: SpectrumOf<D>,
        params: SpectrumParams,
        broadening: Broadening,
    ) -> Result<Self, EigenError> {
        params.validate()?;
        Ok(Self {
            schedule,
            of,
            params,
            broadening,
            flat: 0,
        })
    }

    /// The same where the loss has `flat` parameters more, none of which it changes with.
    pub fn with_flat_directions(self, flat: usize) -> Self {
        Self { flat, ..self }
    }

    fn estimate(
        &self,
        at: &mut Iterate<'_, '_, D>,
    ) -> Result<Option<crate::eigen::Spectrum>, MeasureError> {
        let params = SpectrumParams {
            stream: at.step,
            ..self.params.clone()
        };
        let decay = match self.of {
            SpectrumOf::Fisher(_) => 0.0,
            _ => at.weight_decay,
        };
        let mut exponent = 0;
        let apply: Box<Product<'_, D>> = match &self.of {
            SpectrumOf::Hessian | SpectrumOf::Preconditioned => Box::new(|at, block| at.hvp(block)),
            SpectrumOf::GaussNewton => Box::new(|at, block| at.gauss_newton(block)),
            SpectrumOf::Fisher(slope) => {
                let outputs = at.gradient.outputs.clone();
                let samples = outputs.dims()[0];
                let slope = slope(outputs);
                // The slopes enter twice: their squares leave the range long before they do.
                let mut size = Reading::default();
                size.scalar(slope.clone().max_abs());
                let inward = toward_one(read(size)?[0], 0);
                exponent = 2 * inward;
                Box::new(fisher(times(slope, inward), samples))
            }
        };
        let mut operator = Operator::new(at.linearization, &*apply).until(at.interrupt);
        let mut operator = Shifted::new(&mut operator, decay);
        let found = match (&self.of, at.preconditioner) {
            (SpectrumOf::Preconditioned, Some(diagonal)) => {
                let mut operator = Preconditioned::new(&mut operator, diagonal.clone());
                spectrum(&mut operator, &params)?
            }
            // The rule has none.
            (SpectrumOf::Preconditioned, None) => return Ok(None),
            _ => spectrum(&mut operator, &params)?,
        };
        Ok(Some(unscaled(found, exponent)))
    }
}

type Product<'a, const D: usize> =
    dyn Fn(&mut Linearization<'_, D>, Tensor<2>) -> Result<Tensor<2>, LinearizeError> + 'a;

/// n·Σ Jᵢᵀdᵢ·dᵢᵀJᵢv for the slopes dᵢ of L at the outputs of sample i, which have 1/n in them.
fn fisher<const D: usize>(
    slope: Tensor<D>,
    samples: usize,
) -> impl Fn(&mut Linearization<'_, D>, Tensor<2>) -> Result<Tensor<2>, LinearizeError> {
    let outputs: usize = slope.dims().iter().product();
    let each = outputs / samples.max(1);
    let slope = slope.reshape([1, samples, each]);
    move |at, block| {
        let image = at.jvp(block)?;
        let [count, _] = image.dims();
        let along = image.reshape([count, samples, each]) * slope.clone();
        let along = along.sum_dim(2).mul_scalar(samples as f64);
        at.vjp((along * slope.clone()).reshape([count, outputs]))
    }
}

/// A step's vectors are drawn by its number.
impl<const D: usize> Memory for Spectrum<D> {}

/// Its columns, those of an operator by its name.
pub fn columns(operator: &str) -> Vec<Column> {
    let shown = match operator {
        "hessian" => "the Hessian",
        "gauss_newton" => "the Hessian's Gauss–Newton part",
        "fisher" => "the empirical Fisher matrix",
        _ => "P^(−½)HP^(−½)",
    };
    [
        (
            "trace",
            format!("trace of {shown} by XTrace; empty where a product is not finite"),
        ),
        (
            "trace_stderr",
            "its standard error by the jackknife, √((k − 1)/k·Σ(tⱼ − t̄)²) for the estimates tⱼ without \
             each of the k probes"
                .to_owned(),
        ),
        (
            "frobenius_sq",
            format!("‖·‖²_F of {shown}, from the same products"),
        ),
        (
            "frobenius_sq_stderr",
            "its standard error, likewise".to_owned(),
        ),
    ]
    .map(|(name, meaning)| Column::new(format!("{operator}_{name}"), meaning))
    .into()
}

/// Its tables.
pub fn tables() -> Vec<Table> {
    let columns = [
        (
            "operator",
            "hessian, gauss-newton, fisher or preconditioned",
        ),
        (
            "lambda",
            "λ, a point of the step's grid, in ascending order",
        ),
        (
            "density",
            "φ(λ): eigenvalues per unit of λ as a share of all, each a Gaussian; the integral is 1",
        ),
        ("density_stderr", "its standard error over the probes"),
    ];
    vec![Table {
        name: TABLE,
        columns: columns
            .map(|(name, meaning)| Column::new(name, meaning))
            .into(),
    }]
}

impl<const D: usize> Measurement<D> for Spectrum<D> {
    fn name(&self) -> &'static str {
        "spectrum"
    }

    fn columns(&self) -> Vec<Column> {
        columns(self.of.names()[1])
    }

    fn tables(&self) -> Vec<Table> {
        tables()
    }

    fn wants(&self, step: u64) -> bool {
        self.schedule.due(step)
    }

    fn may_be_interrupted(&self) -> bool {
        true
    }

    fn measure(&mut self, at: &mut Iterate<'_, '_, D>) -> Result<Vec<Option<f64>>, MeasureError> {
        let found = match self.estimate(at) {
            Err(_) if at.is_interrupted() => return Err(MeasureError::Interrupted),
            Err(MeasureError::Eigen(EigenError::NonFinite { .. })) => None,
            found => found?,
        };
        let Some(found) = found else {
            return Ok(vec![None; 4]);
        };
        let density = found.density(&self.broadening, self.flat);
        let [operator, _] = self.of.names();
        let points = density.lambda.iter().zip(&density.density);
        let rows = points.zip(&density.standard_error);
        at.tables.push(Rows {
            table: TABLE,
            rows: rows
                .map(|((lambda, density), error)| {
                    let numbers = [*lambda, *density, *error].map(Cell::Number);
                    [&[Cell::Word(operator)], &numbers[..]].concat()
                })
                .collect(),
        });
        let cells = |of: Estimate| [Some(of.value), Some(of.standard_error)];
        Ok([cells(found.trace), cells(found.frobenius_sq)].concat())
    }
}
