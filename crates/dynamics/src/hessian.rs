//! The Hessian at an iterate, as the eigensolver sees it.

use brink_linearize::Linearization;
use burn::tensor::{DType, Device, Tensor};

use crate::eigen::{OperatorError, SymmetricOperator};
use crate::interrupt::{Interrupt, Never};

/// ∇²L(θ) applied to blocks of row vectors.
pub struct Hessian<'l, 'o, const D: usize> {
    linearization: &'l mut Linearization<'o, D>,
    device: Device,
    interrupt: &'l dyn Interrupt,
}

impl<'l, 'o, const D: usize> Hessian<'l, 'o, D> {
    /// The Hessian at the linearisation's iterate.
    pub fn new(linearization: &'l mut Linearization<'o, D>) -> Self {
        let device = linearization.objective().device().clone();
        Self {
            linearization,
            device,
            interrupt: &Never,
        }
    }

    /// The same, none of whose products is begun once `interrupt` asks for an end.
    pub(crate) fn until(self, interrupt: &'l dyn Interrupt) -> Self {
        Self { interrupt, ..self }
    }
}

impl<const D: usize> SymmetricOperator for Hessian<'_, '_, D> {
    fn dim(&self) -> usize {
        self.linearization.objective().parameters()
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn dtype(&self) -> DType {
        self.linearization.objective().precision().into()
    }

    fn row_cost(&self) -> f64 {
        self.linearization.row_cost()
    }

    fn apply(&mut self, block: Tensor<2>) -> Result<Tensor<2>, OperatorError> {
        self.interrupt.go_on()?;
        self.linearization.hvp(block).map_err(OperatorError::from)
    }
}
