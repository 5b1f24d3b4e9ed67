//! The Gram matrix M = JJᵀ (the empirical neural tangent kernel) and the residual along its top
//! eigenvector v₁.

use brink_state::{Memory, Part};
use burn::tensor::{DType, Device, Tensor, TensorData};
use faer::{Mat, Side};

use super::{
    Iterate, MeasureError, Measurement, Schedule, SquaredError, error_bound, read, solve, solver,
};
use crate::column::Column;
use crate::eigen::EigenError;
use crate::interrupt::Never;
use crate::norms::{self, Reading};
use crate::scaled::ScaledSolver;

/// The most rows of a Gram matrix that is formed.
pub const DENSE_LIMIT: usize = 5_000;

/// Rows of the identity that one product of a dense Gram matrix takes: more would be no faster, and it
/// is between products that the measurement can be given up.
const CHUNK: usize = 16;

/// How the Gram matrix's eigenpairs are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum GramMethod {
    /// By products J·(Jᵀu) alone, with the warm-started block solver: any N.
    #[default]
    MatrixFree,
    /// All N² entries by products, then a full decomposition in float64: N up to
    /// [`DENSE_LIMIT`].
    Dense,
}

/// The largest eigenvalues of (2κ/n)·M, how far the first is from Λ, and D along the top eigenvector v₁ of M and off it.
#[derive(Debug)]
pub struct Gram {
    schedule: Schedule,
    loss: SquaredError,
    method: GramMethod,
    count: usize,
    solver: ScaledSolver,
    start: Option<Tensor<1>>,
    previous: Option<Tensor<1>>,
}

/// The largest eigenvalues of M, the top eigenvector and the largest error bound.
struct Found {
    values: Vec<f64>,
    top: Tensor<1>,
    error_bound: f64,
}

impl Gram {
    /// `count` eigenvalues to a relative tolerance.
    ///
    /// # Errors
    /// A count of 0 or a tolerance out of range.
    pub fn new(
        schedule: Schedule,
        loss: SquaredError,
        method: GramMethod,
        count: usize,
        relative_tolerance: f64,
    ) -> Result<Self, EigenError> {
        Ok(Self {
            schedule,
            loss,
            method,
            count,
            solver: solver(count, relative_tolerance)?,
            start: None,
            previous: None,
        })
    }

    fn matrix_free<const D: usize>(
        &mut self,
        at: &mut Iterate<'_, '_, D>,
    ) -> Result<Found, MeasureError> {
        let size = self.loss.len();
        let solution = solve(
            &mut self.solver,
            at.linearization,
            size,
            |at, block| {
                let pulled = at.vjp(block)?;
                at.jvp(pulled)
            },
            &Never,
        )?;
        Ok(Found {
            values: solution.pairs.iter().map(|pair| pair.value).collect(),
            error_bound: error_bound(&solution),
            top: solution.vectors.narrow(0, 0, 1).reshape([size]),
        })
    }

    fn dense<const D: usize>(&self, at: &mut Iterate<'_, '_, D>) -> Result<Found, MeasureError> {
        let size = self.loss.len();
        let matrix = gram_matrix(at, size)?;
        // From here on it cannot be given up.
        at.interrupt.go_on()?;
        let decomposition = matrix
            .self_adjoint_eigen(Side::Lower)
            .map_err(|_| MeasureError::NonFinite("the Gram matrix"))?;
        let (vectors, values) = (decomposition.U(), decomposition.S());
        let last = size - 1;
        let count = self.count.min(size);
        let values: Vec<f64> = (0..count).map(|i| values[last - i]).collect();
        let top: Vec<f64> = (0..size).map(|row| vectors[(row, last)]).collect();
        let (device, dtype) = (at.objective().device().clone(), at.objective().precision());
        let epsilon = match DType::from(dtype) {
            DType::F64 => f64::EPSILON,
            _ => f64::from(f32::EPSILON),
        };
        Ok(Found {
            // The entries are products in the device's precision; their errors average out.
            error_bound: epsilon * (size as f64).sqrt() * values[0].abs(),
            values,
            top: vector(top, &device, dtype.into()),
        })
    }
}

/// All of M = JJᵀ, `[N, N]`, symmetrised.
fn gram_matrix<const D: usize>(
    at: &mut Iterate<'_, '_, D>,
    size: usize,
) -> Result<Mat<f64>, MeasureError> {
    if size > DENSE_LIMIT {
        return Err(MeasureError::TooLarge {
            size,
            limit: DENSE_LIMIT,
        });
    }
    let (device, dtype) = (at.objective().device().clone(), at.objective().precision());
    let mut rows = Vec::with_capacity(size * size);
    for from in (0..size).step_by(CHUNK) {
        let count = CHUNK.min(size - from);
        let mut unit = vec![0.0_f32; count * size];
        for row in 0..count {
            unit[row * size + from + row] = 1.0;
        }
        let unit = Tensor::from_data(
            TensorData::new(unit, [count, size]),
            (&device, DType::from(dtype)),
        );
        at.interrupt.go_on()?;
        let pulled = at.linearization.vjp(unit)?;
        at.interrupt.go_on()?;
        let part = at.linearization.jvp(pulled)?.reshape([count * size]);
        rows.extend(crate::eigen::read(vec![part], "the Gram matrix")?);
    }
    if rows.iter().any(|value| !value.is_finite()) {
        return Err(MeasureError::NonFinite("the Gram matrix"));
    }
    let entry = |i: usize, j: usize| rows[i * size + j];
    Ok(Mat::from_fn(size, size, |i, j| {
        0.5 * (entry(i, j) + entry(j, i))
    }))
}

fn vector(values: Vec<f64>, device: &Device, dtype: DType) -> Tensor<1> {
    let len = values.len();
    Tensor::from_data(TensorData::new(values, [len]), (device, dtype))
}

/// |Λ − (2κ/n)·λ₁(M)|/Λ, how well the Gauss–Newton part gives the sharpness.
fn gap(sharpness: Option<f64>, gram: Option<f64>) -> Option<f64> {
    let (sharpness, gram) = (sharpness.filter(|value| *value != 0.0)?, gram?);
    Some(((sharpness - gram) / sharpness).abs())
}

impl Memory for Gram {
    fn parts(&mut self) -> Vec<Part<'_>> {
        vec![
            ("solver", &mut self.solver),
            ("start", &mut self.start),
            ("previous", &mut self.previous),
        ]
    }
}

/// Its columns, for `count` eigenvalues.
pub fn columns(count: usize) -> Vec<Column> {
    let mut columns: Vec<Column> = (1..=count)
        .map(|index| {
            Column::new(
                format!("gram_lambda_{index}"),
                format!("(2κ/n)·λ of number {index} of M = JJᵀ, largest first"),
            )
        })
        .collect();
    columns.extend(
        [
            ("gram_error_bound", "the largest of their error bounds"),
            (
                "gram_gap",
                "|Λ − (2κ/n)·λ₁(M)|/Λ; empty where Λ was not solved for",
            ),
            (
                "residual_on_v1",
                "Dᵀv₁ for the top eigenvector v₁ of M, its sign continued from step to step",
            ),
            ("residual_off_v1", "‖D − (Dᵀv₁)v₁‖"),
            ("loss_share_v1", "(Dᵀv₁)²/‖D‖²; empty where D is 0"),
            (
                "v1_cos_previous",
                "|cos| between v₁ and that of the measured step before",
            ),
            (
                "v1_cos_start",
                "|cos| between v₁ and that of the first measured step",
            ),
        ]
        .map(|(name, meaning)| Column::new(name, meaning)),
    );
    columns
}

impl<const D: usize> Measurement<D> for Gram {
    fn name(&self) -> &'static str {
        "gram"
    }

    fn columns(&self) -> Vec<Column> {
        columns(self.count)
    }

    fn wants(&self, step: u64) -> bool {
        self.schedule.due(step)
    }

    fn may_be_interrupted(&self) -> bool {
        self.method == GramMethod::Dense
    }

    fn measure(&mut self, at: &mut Iterate<'_, '_, D>) -> Result<Vec<Option<f64>>, MeasureError> {
        let residual = self.loss.residual(&at.gradient.outputs)?;
        let found = match self.method {
            GramMethod::MatrixFree => self.matrix_free(at)?,
            GramMethod::Dense => self.dense(at)?,
        };
        let top = found.top;
        let along = norms::inner(residual.clone(), top.clone());
        let off = residual.clone() - top.clone() * along.clone();
        let mut scalars = Reading::default();
        scalars.scalar(along);
        scalars.squared(off);
        scalars.squared(residual);
        for other in [&self.previous, &self.start].into_iter().flatten() {
            scalars.inner(other.clone(), top.clone());
        }
        let values = read(scalars)?;
        let (along, off_sq, norm_sq) = (values[0], values[1], values[2]);
        let cosine = |at: usize| values.get(at).map(|cosine| cosine.abs().min(1.0));
        // An eigenvector has no sign of its own: it continues the previous one's.
        let turned = values.get(3).is_some_and(|cosine| *cosine < 0.0);
        let (along, top) = if turned {
            (-along, top.neg())
        } else {
            (along, top)
        };
        self.start.get_or_insert_with(|| top.clone());
        self.previous = Some(top);

        let scale = self.loss.scale();
        let mut row: Vec<Option<f64>> = (0..self.count)
            .map(|at| found.values.get(at).map(|value| scale * value))
            .collect();
        row.push(Some(scale * found.error_bound));
        row.push(gap(
            at.sharpness,
            found.values.first().map(|top| scale * top),
        ));
        row.push(Some(along));
        row.push(Some(off_sq.max(0.0).sqrt()));
        row.push((norm_sq > 0.0).then(|| (along * along / norm_sq).min(1.0)));
        row.push(cosine(3));
        row.push(cosine(4));
        Ok(row)
    }
}
