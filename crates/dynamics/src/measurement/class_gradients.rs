//! The gradient of each class's own loss, against a span.

use std::ops::Range;

use burn::tensor::Tensor;

use super::subspace::shares;
use super::{Iterate, MeasureError};
use crate::weight_decay::penalised;

/// Gradients that are taken at once; each is as long as θ.
const AT_ONCE: usize = 16;

/// For outputs F and some of the classes, ∂L_c/∂F of each, a row a class, `[classes, N]`.
pub type ClassSlopes<const D: usize> = Box<dyn Fn(Tensor<D>, Range<usize>) -> Tensor<2>>;

/// The classes of the training samples, of each of which there is one at least.
///
/// L_c is the mean loss over the samples of class c, so that L is the mean of the L_c, weighted by the
/// classes' numbers of samples. Of sequences it is the mean over the positions whose target is c.
pub struct Classes<const D: usize> {
    /// How many.
    pub count: usize,
    /// The slopes of their losses.
    pub slopes: ClassSlopes<D>,
}

impl<const D: usize> Classes<D> {
    /// The share of ‖g_c‖² in the span of orthonormal rows, g_c = ∇L_c(θ) with the penalty of weight
    /// decay, averaged over the classes whose g_c is not 0; none if there is no such class.
    pub(super) fn share(
        &self,
        span: &Tensor<2>,
        at: &mut Iterate<'_, '_, D>,
    ) -> Result<Option<f64>, MeasureError> {
        let [_, size] = span.dims();
        let mut found = Vec::new();
        for from in (0..self.count).step_by(AT_ONCE) {
            let classes = from..self.count.min(from + AT_ONCE);
            let slopes = (self.slopes)(at.gradient.outputs.clone(), classes.clone());
            let gradients = at.linearization.vjp(slopes)?;
            let gradient = |row| {
                let gradient = gradients.clone().narrow(0, row, 1).reshape([size]);
                penalised(gradient, at.theta, at.weight_decay)
            };
            let gradients = (0..classes.len()).map(gradient).collect();
            found.extend(shares(span, gradients)?.into_iter().flatten());
        }
        let sum: f64 = found.iter().sum();
        Ok((!found.is_empty()).then(|| sum / found.len() as f64))
    }
}
