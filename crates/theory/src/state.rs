//! What a step changes.

use faer::{Mat, MatRef};

use crate::error::{finite, nonempty, positive, shape};
use crate::linalg::{all_finite, check_finite, check_symmetric, symmetric};
use crate::{Model, Network, TheoryError};

/// Share by which outputs may exceed Cauchy and Schwarz's bound.
const ROUNDING: f64 = 1e-9;

/// All that gradient descent needs to know of the weights A `[m]` and W `[m, d]`.
#[derive(Clone, Debug)]
pub struct State {
    /// F = σ·Aᵀ W X `[n]`.
    pub outputs: Vec<f64>,
    /// S = ‖A‖².
    pub output_norm_sq: f64,
    /// G = XᵀWᵀWX `[n, n]`, symmetric.
    pub gram_features: Mat<f64>,
}

impl State {
    /// The state of given weights: A `[m]`, W `[m, d]`, inputs X `[d, n]`.
    ///
    /// # Errors
    /// An empty size, shapes that do not agree with each other or with `network.width`, numbers
    /// that are not finite.
    pub fn from_weights(
        output_weight: &[f64],
        hidden_weight: MatRef<'_, f64>,
        inputs: MatRef<'_, f64>,
        network: Network,
    ) -> Result<Self, TheoryError> {
        network.check()?;
        nonempty("the number of samples n", inputs.ncols())?;
        let (m, d) = (
            network.width,
            nonempty("the inputs' dimension d", inputs.nrows())?,
        );
        shape("the output weight A", (output_weight.len(), 1), (m, 1))?;
        let hidden = (hidden_weight.nrows(), hidden_weight.ncols());
        shape("the hidden weight W", hidden, (m, d))?;
        finite("the output weight A", output_weight)?;
        check_finite("the hidden weight W", hidden_weight)?;
        check_finite("the inputs X", inputs)?;
        let mut state = Self::zero(inputs.ncols());
        state.add_units(output_weight, hidden_weight, inputs);
        state.scale_outputs(network);
        Ok(state)
    }

    /// M = σ²(S·K + G) `[n, n]`, the Gram matrix JJᵀ of the Jacobian of F.
    ///
    /// # Errors
    /// A state of another number of samples than the model.
    pub fn gram(&self, model: &Model) -> Result<Mat<f64>, TheoryError> {
        self.check(model)?;
        Ok(self.gram_unchecked(model))
    }

    pub(crate) fn gram_unchecked(&self, model: &Model) -> Mat<f64> {
        let (scale, s) = (model.scale_sq(), self.output_norm_sq);
        let (kernel, gram) = (model.kernel(), &self.gram_features);
        Mat::from_fn(gram.nrows(), gram.ncols(), |i, j| {
            scale * (s * kernel[(i, j)] + gram[(i, j)])
        })
    }

    /// Refuses a state that no weights of this model could have, as far as that is cheap to see.
    pub(crate) fn check(&self, model: &Model) -> Result<(), TheoryError> {
        let n = model.samples();
        let gram = (self.gram_features.nrows(), self.gram_features.ncols());
        shape("the outputs F", (self.outputs.len(), 1), (n, 1))?;
        shape("the features' Gram matrix G", gram, (n, n))
    }

    /// [`State::check`], and finite, symmetric, with ‖A‖² ≥ 0 and outputs that it and G allow.
    pub(crate) fn check_values(&self, model: &Model) -> Result<(), TheoryError> {
        self.check(model)?;
        finite("the outputs F", &self.outputs)?;
        check_finite("the features' Gram matrix G", self.gram_features.as_ref())?;
        check_symmetric("the features' Gram matrix G", &self.gram_features)?;
        // A = 0 is allowed: F is then 0 and stays determined.
        if self.output_norm_sq != 0.0 {
            positive("‖A‖²", self.output_norm_sq)?;
        }
        let scale = model.scale_sq() * self.output_norm_sq;
        for (sample, &output) in self.outputs.iter().enumerate() {
            let bound = (scale * self.gram_features[(sample, sample)])
                .max(0.0)
                .sqrt();
            if output.abs() > bound * (1.0 + ROUNDING) {
                return Err(TheoryError::Unrealisable {
                    sample,
                    output,
                    bound,
                });
            }
        }
        Ok(())
    }

    pub(crate) fn is_finite(&self) -> bool {
        self.output_norm_sq.is_finite()
            && self.outputs.iter().all(|f| f.is_finite())
            && all_finite(&self.gram_features)
    }

    pub(crate) fn zero(n: usize) -> Self {
        Self {
            outputs: vec![0.0; n],
            output_norm_sq: 0.0,
            gram_features: Mat::zeros(n, n),
        }
    }

    /// Adds hidden units: entries of A and rows of W. The outputs lack σ until
    /// [`State::scale_outputs`].
    pub(crate) fn add_units(
        &mut self,
        output_weight: &[f64],
        hidden_weight: MatRef<'_, f64>,
        inputs: MatRef<'_, f64>,
    ) {
        let features = hidden_weight * inputs;
        let product = features.transpose() * &features;
        for (j, output) in self.outputs.iter_mut().enumerate() {
            *output += crate::linalg::dot(features.col_as_slice(j), output_weight);
        }
        self.output_norm_sq += crate::linalg::dot(output_weight, output_weight);
        let gram = &self.gram_features;
        self.gram_features = symmetric(gram.nrows(), |i, j| gram[(i, j)] + product[(i, j)]);
    }

    pub(crate) fn scale_outputs(&mut self, network: Network) {
        let scale = network.output_scale();
        for output in &mut self.outputs {
            *output *= scale;
        }
    }
}
