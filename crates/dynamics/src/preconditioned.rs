//! The Hessian in the coordinates in which an adaptive rule is gradient descent.

use burn::tensor::{DType, Device, Tensor};

use crate::eigen::{OperatorError, SymmetricOperator};

/// P^(−½)·A·P^(−½) for P = diag(p): as symmetric as A, with the eigenvalues of P⁻¹A.
pub struct Preconditioned<'a> {
    operator: &'a mut dyn SymmetricOperator,
    /// p^(−½), `[1, P]`.
    scale: Tensor<2>,
}

impl<'a> Preconditioned<'a> {
    /// The `operator` preconditioned by p, `[P]`, positive numbers.
    pub fn new(operator: &'a mut dyn SymmetricOperator, preconditioner: Tensor<1>) -> Self {
        Self {
            operator,
            scale: preconditioner.sqrt().recip().unsqueeze(),
        }
    }
}

impl SymmetricOperator for Preconditioned<'_> {
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
        let image = self.operator.apply(block * self.scale.clone())?;
        Ok(image * self.scale.clone())
    }
}
