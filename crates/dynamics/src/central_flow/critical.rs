//! The loss at a point of the flow, and its critical eigenvalues as they move with the point.

use brink_linearize::{Linearization, Objective};
use burn::tensor::Tensor;
use faer::Mat;

use super::complementarity::{ComplementarityError, solve};
use super::symmetric::{entries, places, to_matrix, to_vector, weight};
use crate::eigen::EigenError;
use crate::hessian::Hessian;
use crate::measurement::{MeasureError, read};
use crate::norms::Reading;
use crate::scaled::ScaledSolver;

/// Eigenvalues above this share of 2/η are critical: one below it does not reach 2/η within a substep.
const CRITICAL: f64 = 0.95;

/// Eigenvalues above this share of 2/η are followed, so that the solver knows them when they matter.
pub const FOLLOWED: f64 = 0.75;

/// A substep lowers no eigenvalue by more than this share of 2/η: the block is linear in w for short
/// ways only. It matters where the flow begins above 2/η.
const LOWERED: f64 = 0.05;

/// What the flow needs to know at w.
pub struct Point {
    /// L(w).
    pub loss: f64,
    /// ∇L(w), [P].
    pub gradient: Tensor<1>,
    /// ‖∇L(w)‖.
    pub gradient_norm: f64,
    /// The largest eigenvalues of the Hessian, largest first.
    pub eigenvalues: Vec<f64>,
    /// Those that are critical, if any.
    pub critical: Option<Critical>,
}

/// How the block UᵀHU of k critical eigenvectors U moves with w. Symmetric matrices of k rows are
/// vectors of k(k+1)/2 numbers here.
pub struct Critical {
    /// The eigenvalues.
    values: Vec<f64>,
    /// ∇(UᵀHU), a row an entry: ∇³L[uᵢ, uⱼ], [k(k+1)/2, P].
    slopes: Tensor<2>,
    /// Inner products of the rows with ∇L.
    along: Vec<f64>,
    /// Inner products of the rows with each other.
    gram: Mat<f64>,
}

impl Point {
    /// At `w`; `cap` is 2/η.
    ///
    /// # Errors
    /// [`MeasureError`]: of the products or the solver, and what is not finite.
    pub fn at<const D: usize>(
        objective: &Objective<D>,
        solver: &mut ScaledSolver,
        w: &Tensor<1>,
        cap: f64,
    ) -> Result<Self, MeasureError> {
        let mut linearization = objective.linearize(w)?;
        let gradient = linearization.gradient().clone();
        let mut reading = Reading::default();
        reading.scalar(linearization.loss().clone());
        reading.norm(gradient.clone());
        let values = read(reading)?;
        let (loss, gradient_norm) = (values[0], values[1]);
        if !(loss.is_finite() && gradient_norm.is_finite()) {
            return Err(MeasureError::NonFinite("the loss on the central flow"));
        }
        let solution =
            solver.solve_above(&mut Hessian::new(&mut linearization), Some(FOLLOWED * cap))?;
        let eigenvalues: Vec<f64> = solution.pairs.iter().map(|pair| pair.value).collect();
        let count = (eigenvalues.iter())
            .take_while(|value| **value > CRITICAL * cap)
            .count();
        let critical = match count {
            0 => None,
            _ => {
                let vectors = solution.vectors.narrow(0, 0, count);
                let values = eigenvalues[..count].to_vec();
                Some(Critical::new(&mut linearization, values, vectors)?)
            }
        };
        Ok(Self {
            loss,
            gradient,
            gradient_norm,
            eigenvalues,
            critical,
        })
    }

    /// Whether the eigenvalues are at 2/η or below, as far as a substep can tell: the flow is not
    /// defined elsewhere.
    pub fn is_stable(&self, cap: f64) -> bool {
        (self.eigenvalues.first()).is_none_or(|top| *top <= (1.0 + LOWERED) * cap)
    }

    /// How many eigenvalues are critical.
    pub fn critical_count(&self) -> usize {
        self.critical.as_ref().map_or(0, |c| c.values.len())
    }
}

impl Critical {
    fn new<const D: usize>(
        linearization: &mut Linearization<'_, D>,
        values: Vec<f64>,
        vectors: Tensor<2>,
    ) -> Result<Self, MeasureError> {
        let [count, size] = vectors.dims();
        let mut rows = Vec::with_capacity(count);
        for i in 0..count {
            let u = vectors.clone().narrow(0, i, 1).reshape([size]);
            rows.push(linearization.third(u, vectors.clone().narrow(0, i, count - i))?);
        }
        let slopes = Tensor::cat(rows, 0);
        let weights: Vec<f64> = places(count).map(weight).collect();
        let gradient = linearization.gradient().clone();
        let products = |other: Tensor<2>| read_back(slopes.clone().matmul(other.transpose()));
        let along = products(gradient.unsqueeze())?;
        let gram = products(slopes.clone())?;
        let length = entries(count);
        if !along.iter().chain(&gram).all(|value| value.is_finite()) {
            return Err(MeasureError::NonFinite("the gradient of an eigenvalue"));
        }
        Ok(Self {
            values,
            along: along
                .iter()
                .zip(&weights)
                .map(|(value, w)| value * w)
                .collect(),
            gram: Mat::from_fn(length, length, |i, j| {
                weights[i] * weights[j] * gram[i * length + j]
            }),
            slopes,
        })
    }

    /// X of Σ = UXUᵀ for a substep of length `step`: after it, to first order in its length, the
    /// block is at most `cap`, and equal to it where X is not 0. From far above `cap` it takes
    /// several.
    ///
    /// # Errors
    /// [`ComplementarityError`].
    pub fn sigma(&self, cap: f64, step: f64) -> Result<Mat<f64>, ComplementarityError> {
        let size = self.values.len();
        let slack = Mat::from_fn(size, size, |i, j| {
            if i == j {
                (cap - self.values[i]).max(-LOWERED * cap)
            } else {
                0.0
            }
        });
        let slack: Vec<f64> = (to_vector(&slack).iter().zip(&self.along))
            .map(|(slack, along)| slack + step * along)
            .collect();
        let length = slack.len();
        let map = Mat::from_fn(length, length, |i, j| 0.5 * step * self.gram[(i, j)]);
        solve(&to_matrix(&slack, size), &map)
    }

    /// ∇⟨H, UXUᵀ⟩ = Σᵢⱼ Xᵢⱼ∇³L[uᵢ, uⱼ], [P].
    pub fn force(&self, x: &Mat<f64>) -> Tensor<1> {
        let [length, size] = self.slopes.dims();
        let weights = places(self.values.len()).map(weight);
        let terms = to_vector(x).into_iter().zip(weights).map(|(x, w)| x * w);
        let terms = burn::tensor::TensorData::new(terms.collect(), [1, length]);
        let (device, dtype) = (self.slopes.device(), self.slopes.dtype());
        let terms = Tensor::<2>::from_data(terms, (&device, dtype));
        terms.matmul(self.slopes.clone()).reshape([size])
    }
}

/// A matrix's numbers, row by row.
fn read_back(matrix: Tensor<2>) -> Result<Vec<f64>, MeasureError> {
    let [rows, columns] = matrix.dims();
    let part = matrix.reshape([rows * columns]);
    let what = "the central flow's matrices";
    Ok(crate::eigen::read(vec![part], what)?)
}

impl From<ComplementarityError> for MeasureError {
    fn from(error: ComplementarityError) -> Self {
        super::CentralFlowError::Complementarity(error).into()
    }
}

/// Whether an error says that the flow has no way on, rather than that something is wrong.
pub fn ends_the_flow(error: &MeasureError) -> bool {
    matches!(
        error,
        MeasureError::NonFinite(_)
            | MeasureError::CentralFlow(_)
            | MeasureError::Eigen(
                EigenError::NonFinite { .. } | EigenError::HostDecomposition { .. }
            )
    )
}
