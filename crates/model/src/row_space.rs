//! Exact compression of a network's inputs to coordinates in their row space.
//!
//! With inputs X (n × d, n < d) and a first layer X·W, gradient descent moves W only within the
//! span of X's rows: ∇_W L = Xᵀ·∂L/∂(XW). Let V (d × n) have orthonormal columns that span it, and
//! X = Q·Vᵀ. Training C = Vᵀ·W on the coordinates Q (n × n) has the same outputs, loss, gradient
//! norm and steps, and a Hessian with the same non-zero spectrum; the rest of W, (I − VVᵀ)·W, never
//! moves. The arithmetic is that of n columns instead of d.
//!
//! V comes from Householder's decomposition Xᵀ = V·R without pivoting, so Q = Rᵀ whatever the rank.
//! It is backward stable: Q·Vᵀ is X to rounding in float64, far below float32's.
//!
//! Not valid where a gradient leaves the row space: weight decay, or noise on the inputs.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::householder;
use faer::linalg::solvers::Qr;
use faer::{Conj, Mat, MatMut, Par};

use crate::{NamedTensor, Weights, WeightsError, weight_name};

/// The row space of a batch of inputs, with an orthonormal basis V.
#[derive(Debug, Clone)]
pub struct RowSpace {
    decomposition: Qr<f64>,
    samples: usize,
    features: usize,
}

/// A first layer in the coordinates of a row space.
#[derive(Debug, Clone)]
pub struct Projected {
    /// All weights, the first layer's replaced by C = Vᵀ·W, `[n, h]`.
    pub weights: Weights,
    /// ‖(I − VVᵀ)·W‖², the squared norm of the part that does not move.
    pub fixed_norm_sq: f64,
}

/// Inputs that cannot be compressed, or weights that do not belong to them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RowSpaceError {
    /// The rows may span the whole space.
    #[error(
        "{samples} samples of {features} values cannot be compressed: only fewer samples than \
         values span less than the whole space; turn compression off"
    )]
    NotSmaller {
        /// n.
        samples: usize,
        /// d.
        features: usize,
    },
    /// Values that do not fill the rows.
    #[error("{values} input values are not {samples} samples of {features}")]
    Length {
        /// Values given.
        values: usize,
        /// n.
        samples: usize,
        /// d.
        features: usize,
    },
    /// The first layer's weight is missing or of another shape.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

impl RowSpace {
    /// Decomposes inputs `[n, d]`, row by row.
    ///
    /// # Errors
    /// [`RowSpaceError::NotSmaller`] unless 0 < n < d; [`RowSpaceError::Length`].
    pub fn of(inputs: &[f64], samples: usize, features: usize) -> Result<Self, RowSpaceError> {
        if samples == 0 || samples >= features {
            return Err(RowSpaceError::NotSmaller { samples, features });
        }
        if inputs.len() != samples * features {
            return Err(RowSpaceError::Length {
                values: inputs.len(),
                samples,
                features,
            });
        }
        let transposed = Mat::from_fn(features, samples, |i, j| inputs[j * features + i]);
        Ok(Self {
            decomposition: transposed.qr(),
            samples,
            features,
        })
    }

    /// n, the number of coordinates.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// d.
    pub fn features(&self) -> usize {
        self.features
    }

    /// Q = Rᵀ, `[n, n]` row by row: the inputs in the basis V.
    pub fn coordinates(&self) -> Vec<f64> {
        let (n, r) = (self.samples, self.decomposition.R());
        let entry = |i: usize, j: usize| if j <= i { r[(j, i)] } else { 0.0 };
        (0..n)
            .flat_map(|i| (0..n).map(move |j| entry(i, j)))
            .collect()
    }

    /// The weights with the first layer's W, `[d, h]`, replaced by its coordinates.
    ///
    /// # Errors
    /// [`RowSpaceError::Weights`] if the first layer does not take d values.
    pub fn project(&self, weights: &Weights) -> Result<Projected, RowSpaceError> {
        let first = first_layer(weights, self.features)?;
        let mut rotated = matrix(first);
        self.rotate(rotated.as_mut(), Direction::Into);
        let h = rotated.ncols();
        let n = self.samples;
        let values = (0..n)
            .flat_map(|i| (0..h).map(move |j| (i, j)))
            .map(|at| rotated[at])
            .collect();
        let fixed = rotated.subrows(n, self.features - n);
        Ok(Projected {
            weights: replace_first(weights, vec![n, h], values)?,
            fixed_norm_sq: fixed.squared_norm_l2(),
        })
    }

    /// The full weights after training moved the coordinates from `start` to `end`:
    /// W = W₀ + V·(C − C₀), the other layers those of `end`.
    ///
    /// # Errors
    /// [`RowSpaceError::Weights`] if the first layers are not `[d, h]`, `[n, h]` and `[n, h]`.
    pub fn lift(
        &self,
        initial: &Weights,
        start: &Weights,
        end: &Weights,
    ) -> Result<Weights, RowSpaceError> {
        let first = first_layer(initial, self.features)?;
        let start = first_layer(start, self.samples)?;
        let moved = first_layer(end, self.samples)?;
        let h = first.shape[1];
        if start.shape != moved.shape || moved.shape[1] != h {
            return Err(WeightsError::Shape {
                name: moved.name.clone(),
                got: moved.shape.clone(),
                expected: vec![self.samples, h],
            }
            .into());
        }
        let mut change = Mat::from_fn(self.features, h, |i, j| {
            if i < self.samples {
                moved.values[i * h + j] - start.values[i * h + j]
            } else {
                0.0
            }
        });
        self.rotate(change.as_mut(), Direction::OutOf);
        let values = (0..self.features)
            .flat_map(|i| (0..h).map(move |j| (i, j)))
            .map(|(i, j)| first.values[i * h + j] + change[(i, j)])
            .collect();
        Ok(replace_first(end, first.shape.clone(), values)?)
    }

    /// Multiplies by the whole orthogonal matrix that V begins, or by its transpose.
    fn rotate(&self, matrix: MatMut<'_, f64>, direction: Direction) {
        let basis = self.decomposition.Q_basis();
        let factor = self.decomposition.Q_coeff();
        let (rows, block, columns) = (basis.nrows(), factor.nrows(), matrix.ncols());
        match direction {
            Direction::Into => {
                let scratch =
                    householder::apply_block_householder_sequence_transpose_on_the_left_in_place_scratch::<f64>(
                        rows, block, columns,
                    );
                householder::apply_block_householder_sequence_transpose_on_the_left_in_place_with_conj(
                    basis,
                    factor,
                    Conj::No,
                    matrix,
                    Par::Seq,
                    MemStack::new(&mut MemBuffer::new(scratch)),
                );
            }
            Direction::OutOf => {
                let scratch =
                    householder::apply_block_householder_sequence_on_the_left_in_place_scratch::<f64>(
                        rows, block, columns,
                    );
                householder::apply_block_householder_sequence_on_the_left_in_place_with_conj(
                    basis,
                    factor,
                    Conj::No,
                    matrix,
                    Par::Seq,
                    MemStack::new(&mut MemBuffer::new(scratch)),
                );
            }
        }
    }
}

enum Direction {
    /// From values to coordinates: Vᵀ·W.
    Into,
    /// From coordinates to values: V·C.
    OutOf,
}

/// The first layer's weight, which is the first parameter and must take `inputs` values.
fn first_layer(weights: &Weights, inputs: usize) -> Result<&NamedTensor, WeightsError> {
    let tensor = weights.tensors().first().ok_or(WeightsError::Missing {
        name: weight_name(0),
    })?;
    match tensor.shape[..] {
        [rows, _] if rows == inputs => Ok(tensor),
        _ => Err(WeightsError::Shape {
            name: tensor.name.clone(),
            got: tensor.shape.clone(),
            expected: vec![inputs, tensor.shape.last().copied().unwrap_or(1)],
        }),
    }
}

fn matrix(tensor: &NamedTensor) -> Mat<f64> {
    let (rows, columns) = (tensor.shape[0], tensor.shape[1]);
    Mat::from_fn(rows, columns, |i, j| tensor.values[i * columns + j])
}

fn replace_first(
    weights: &Weights,
    shape: Vec<usize>,
    values: Vec<f64>,
) -> Result<Weights, WeightsError> {
    let mut tensors = weights.tensors().to_vec();
    if let Some(tensor) = tensors.first_mut() {
        (tensor.shape, tensor.values) = (shape, values);
    }
    Weights::new(tensors)
}
