//! Loss, outputs and gradient at an iterate, over all parts of the batch.

use burn::tensor::Tensor;

use crate::counters::Count;
use crate::error::LinearizeError;
use crate::linearization::{Held, Linearization};
use crate::objective::Objective;
use crate::sum::{Sum, joined};

/// Loss and outputs at an iterate.
#[derive(Debug, Clone)]
pub struct Evaluation<const D: usize> {
    /// L(θ), shape `[1]`.
    pub loss: Tensor<1>,
    /// F(θ), in the model's own shape.
    pub outputs: Tensor<D>,
}

/// Loss, outputs and gradient at an iterate.
#[derive(Debug, Clone)]
pub struct Gradient<const D: usize> {
    /// L(θ), shape `[1]`.
    pub loss: Tensor<1>,
    /// F(θ), in the model's own shape.
    pub outputs: Tensor<D>,
    /// ∇L(θ), shape `[P]`.
    pub gradient: Tensor<1>,
}

impl<const D: usize> Objective<D> {
    /// L(θ) and F(θ).
    pub fn evaluate(&self, theta: &Tensor<1>) -> Result<Evaluation<D>, LinearizeError> {
        self.check_theta(theta)?;
        let (mut loss, mut outputs) = (Sum::default(), Vec::new());
        for part in &self.parts {
            let found = part.at(theta, &self.target)?.evaluation::<D>()?;
            loss.add(self.weight(part), found.loss);
            outputs.push(found.outputs);
        }
        self.counters.add(Count::Evaluation, 1);
        Ok(Evaluation {
            loss: loss.total()?,
            outputs: joined(outputs, 0),
        })
    }

    /// L(θ), F(θ) and ∇L(θ).
    pub fn gradient(&self, theta: &Tensor<1>) -> Result<Gradient<D>, LinearizeError> {
        self.check_theta(theta)?;
        let found = self.sum_of_gradients(theta)?;
        self.counters.add(Count::Gradient, 1);
        Ok(found)
    }

    /// The gradient at θ and, from the same evaluation, everything products at θ need.
    ///
    /// With several chunks that would take the memory of the whole batch: θ is kept instead, and
    /// each product evaluates one chunk after the other anew.
    pub fn linearize(&self, theta: &Tensor<1>) -> Result<Linearization<'_, D>, LinearizeError> {
        self.check_theta(theta)?;
        let (held, at) = match self.parts.as_slice() {
            [part] => {
                let mut primal = part.at(theta, &self.target)?;
                let at = primal.linearize()?;
                (Held::Primal(primal), at)
            }
            _ => (
                Held::Theta(Box::new(theta.clone())),
                self.sum_of_gradients(theta)?,
            ),
        };
        self.counters.add(Count::Gradient, 1);
        self.counters.add(Count::Linearization, 1);
        Ok(Linearization::new(self, held, at))
    }

    fn sum_of_gradients(&self, theta: &Tensor<1>) -> Result<Gradient<D>, LinearizeError> {
        let (mut loss, mut gradient) = (Sum::default(), Sum::default());
        let mut outputs = Vec::new();
        for part in &self.parts {
            let found = part.at(theta, &self.target)?.gradient::<D>()?;
            let weight = self.weight(part);
            loss.add(weight, found.loss);
            gradient.add(weight, found.gradient);
            outputs.push(found.outputs);
        }
        Ok(Gradient {
            loss: loss.total()?,
            outputs: joined(outputs, 0),
            gradient: gradient.total()?,
        })
    }

    fn check_theta(&self, theta: &Tensor<1>) -> Result<(), LinearizeError> {
        self.check("the parameter vector", theta, &[self.parameters()])
    }
}
