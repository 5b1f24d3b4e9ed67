//! The loss at a point of the flow, and its critical eigenvalues as they move with the point.

use brink_linearize::{Linearization, Objective};
use burn::tensor::Tensor;
use faer::Mat;

use super::complementarity::{ComplementarityError, solve};
use super::metric::{At, Metric};
use super::symmetric::{entries, places, to_matrix, to_vector, weight};
use crate::eigen::EigenError;
use crate::interrupt::{Interrupt, Interruptible};
use crate::measurement::{MeasureError, read};
use crate::norms::Reading;
use crate::preconditioned::Preconditioned;
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
    /// The largest eigenvalues of P^(−½)HP^(−½), largest first.
    pub eigenvalues: Vec<f64>,
    /// Those that are critical, if any.
    pub critical: Option<Critical>,
}

/// How the block Uᵀ((2/η)P − H)U of k critical eigenvectors moves, HU = PU·diag(λ) and UᵀPU = I.
/// Symmetric matrices of k rows are vectors of k(k+1)/2 numbers here.
pub struct Critical {
    /// The eigenvalues λ.
    values: Vec<f64>,
    /// ∇(UᵀHU), a row an entry: ∇³L[uᵢ, uⱼ], [k(k+1)/2, P].
    slopes: Tensor<2>,
    /// uᵢ∘uⱼ and p, where P is not 1.
    scaled: Option<Scaled>,
    /// The block's change by τ without Σ.
    along: Vec<f64>,
    /// Twice what Σ = UXUᵀ adds to that, as a matrix for X.
    gram: Mat<f64>,
}

/// What there is besides where P is not 1.
struct Scaled {
    pairs: Tensor<2>,
    diagonal: Tensor<1>,
}

/// What is reported of Σ.
#[derive(Debug, Clone, Copy, Default)]
pub struct Covariance {
    /// tr Σ.
    pub trace: f64,
    /// ⟨P, Σ⟩.
    pub of_metric: f64,
    /// ⟨P², Σ⟩.
    pub of_square: f64,
}

impl Point {
    /// At a place of the flow, whose first entries are w.
    ///
    /// # Errors
    /// [`MeasureError`]: of the products or the solver, and what is not finite.
    pub fn at<const D: usize>(
        loss: &Interruptible<'_, D>,
        solver: &mut ScaledSolver,
        metric: &dyn Metric,
        at: &At<'_>,
    ) -> Result<Self, MeasureError> {
        let cap = at.cap;
        let mut linearization = loss.linearize(&parameters(loss.objective, at.place))?;
        let gradient = linearization.gradient().clone();
        let mut reading = Reading::default();
        reading.scalar(linearization.loss().clone());
        reading.norm(gradient.clone());
        let values = read(reading)?;
        let (value, gradient_norm) = (values[0], values[1]);
        if !(value.is_finite() && gradient_norm.is_finite()) {
            return Err(MeasureError::NonFinite("the loss on the central flow"));
        }
        let diagonal = metric.diagonal(at.place);
        let mut hessian = loss.hessian(&mut linearization);
        let solution = match &diagonal {
            None => solver.solve_above(&mut hessian, Some(FOLLOWED * cap))?,
            Some(diagonal) => {
                let mut operator = Preconditioned::new(&mut hessian, diagonal.clone());
                solver.solve_above(&mut operator, Some(FOLLOWED * cap))?
            }
        };
        let eigenvalues: Vec<f64> = solution.pairs.iter().map(|pair| pair.value).collect();
        let count = (eigenvalues.iter())
            .take_while(|value| **value > CRITICAL * cap)
            .count();
        let critical = match count {
            0 => None,
            _ => {
                let vectors = solution.vectors.narrow(0, 0, count);
                let values = eigenvalues[..count].to_vec();
                let pairs = (values, vectors, diagonal);
                Some(Critical::new(
                    loss.interrupt,
                    &mut linearization,
                    metric,
                    at,
                    pairs,
                )?)
            }
        };
        Ok(Self {
            loss: value,
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
    /// Of eigenvalues, orthonormal eigenvectors of P^(−½)HP^(−½) and p.
    fn new<const D: usize>(
        interrupt: &dyn Interrupt,
        linearization: &mut Linearization<'_, D>,
        metric: &dyn Metric,
        at: &At<'_>,
        (values, vectors, diagonal): (Vec<f64>, Tensor<2>, Option<Tensor<1>>),
    ) -> Result<Self, MeasureError> {
        let [count, size] = vectors.dims();
        // p^(−½), by which a slope becomes one of orthonormal directions.
        let scale = diagonal.as_ref().map(|p| p.clone().sqrt().recip());
        let vectors = match &scale {
            Some(scale) => vectors * scale.clone().unsqueeze(),
            None => vectors,
        };
        let from = |i: usize| vectors.clone().narrow(0, i, count - i);
        let (mut rows, mut pairs) = (Vec::with_capacity(count), Vec::new());
        for i in 0..count {
            interrupt.go_on()?;
            let u = vectors.clone().narrow(0, i, 1);
            rows.push(linearization.third(u.clone().reshape([size]), from(i))?);
            if diagonal.is_some() {
                pairs.push(from(i) * u);
            }
        }
        let slopes = Tensor::cat(rows, 0);
        let gradient = linearization.gradient().clone();
        let (mut scaled_slopes, mut scaled_gradient) = (slopes.clone(), gradient.clone());
        if let Some(scale) = scale {
            scaled_slopes = scaled_slopes * scale.clone().unsqueeze();
            scaled_gradient = scaled_gradient * scale;
        }
        let products =
            |rows: Tensor<2>, other: Tensor<2>| read_back(rows.matmul(other.transpose()));
        let mut along = products(scaled_slopes.clone(), scaled_gradient.unsqueeze())?;
        let mut gram = products(scaled_slopes.clone(), scaled_slopes)?;
        let scaled = diagonal.map(|diagonal| Scaled {
            pairs: Tensor::cat(pairs, 0),
            diagonal,
        });
        let change = scaled
            .as_ref()
            .and_then(|scaled| metric.change(at, &gradient, &scaled.pairs));
        if let Some(change) = change {
            let more = read_back(change.along.unsqueeze())?;
            add(&mut along, &more, 1.0);
            add(&mut gram, &products(change.rows.clone(), change.rows)?, 2.0);
        }
        if !along.iter().chain(&gram).all(|value| value.is_finite()) {
            return Err(MeasureError::NonFinite("the gradient of an eigenvalue"));
        }
        let (length, weights) = (entries(count), places(count).map(weight));
        let weights: Vec<f64> = weights.collect();
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
            scaled,
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
        self.combined(x, &self.slopes)
    }

    /// diag(UXUᵀ) = Σᵢⱼ Xᵢⱼuᵢ∘uⱼ, [P], where P is not 1.
    pub fn variance(&self, x: &Mat<f64>) -> Option<Tensor<1>> {
        let scaled = self.scaled.as_ref()?;
        Some(self.combined(x, &scaled.pairs))
    }

    /// What is reported of Σ = UXUᵀ.
    ///
    /// # Errors
    /// [`MeasureError::ReadBack`].
    pub fn covariance(&self, x: &Mat<f64>) -> Result<Covariance, MeasureError> {
        let of_metric = trace(x);
        let (Some(scaled), Some(variance)) = (&self.scaled, self.variance(x)) else {
            return Ok(Covariance {
                trace: of_metric,
                of_metric,
                of_square: of_metric,
            });
        };
        let mut reading = Reading::default();
        let square = scaled.diagonal.clone() * scaled.diagonal.clone();
        reading.inner(square.ones_like(), variance.clone());
        reading.inner(square, variance);
        let values = read(reading)?;
        Ok(Covariance {
            trace: values[0],
            of_metric,
            of_square: values[1],
        })
    }

    /// Σ of the rows, which belong to the entries of a block, by the entries of X.
    fn combined(&self, x: &Mat<f64>, rows: &Tensor<2>) -> Tensor<1> {
        let [length, size] = rows.dims();
        let weights = places(self.values.len()).map(weight);
        let terms = to_vector(x).into_iter().zip(weights).map(|(x, w)| x * w);
        let terms = burn::tensor::TensorData::new(terms.collect(), [1, length]);
        let terms = Tensor::<2>::from_data(terms, (&rows.device(), rows.dtype()));
        terms.matmul(rows.clone()).reshape([size])
    }
}

/// tr X.
pub fn trace(x: &Mat<f64>) -> f64 {
    (0..x.nrows()).map(|i| x[(i, i)]).sum()
}

/// w, of a place of the flow.
pub fn parameters<const D: usize>(objective: &Objective<D>, place: &Tensor<1>) -> Tensor<1> {
    place.clone().narrow(0, 0, objective.parameters())
}

fn add(to: &mut [f64], values: &[f64], times: f64) {
    to.iter_mut()
        .zip(values)
        .for_each(|(sum, value)| *sum += times * value);
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
