//! The penalty (w/2)‖θ‖² beside the loss.

use burn::tensor::{DType, Device, Tensor};

use crate::eigen::{OperatorError, SymmetricOperator};

/// ∇L + wθ.
pub(crate) fn penalised(gradient: Tensor<1>, theta: &Tensor<1>, decay: f64) -> Tensor<1> {
    match decay > 0.0 {
        true => gradient + theta.clone().mul_scalar(decay),
        false => gradient,
    }
}

/// A + w·I.
pub struct Shifted<'a> {
    operator: &'a mut dyn SymmetricOperator,
    shift: f64,
}

impl<'a> Shifted<'a> {
    /// The `operator` plus `shift` times the identity.
    pub fn new(operator: &'a mut dyn SymmetricOperator, shift: f64) -> Self {
        Self { operator, shift }
    }
}

impl SymmetricOperator for Shifted<'_> {
    fn dim(&self) -> usize {
        self.operator.dim()
    }

    fn device(&self) -> &Device {
        self.operator.device()
    }

    fn dtype(&self) -> DType {
        self.operator.dtype()
    }

    fn row_cost(&self) -> f64 {
        self.operator.row_cost()
    }

    fn apply(&mut self, block: Tensor<2>) -> Result<Tensor<2>, OperatorError> {
        let image = self.operator.apply(block.clone())?;
        Ok(match self.shift {
            0.0 => image,
            shift => image + block.mul_scalar(shift),
        })
    }
}
