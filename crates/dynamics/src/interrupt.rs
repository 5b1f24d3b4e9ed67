//! What asks a run for an end.

use std::sync::atomic::{AtomicBool, Ordering};

use brink_linearize::{Linearization, Objective};
use burn::tensor::Tensor;

use crate::hessian::Hessian;
use crate::measurement::MeasureError;

/// Whether someone asks for an end. It stays so once it is.
pub trait Interrupt {
    /// Whether an end is asked for.
    fn is_set(&self) -> bool;

    /// Goes on where none is.
    ///
    /// # Errors
    /// [`MeasureError::Interrupted`].
    fn go_on(&self) -> Result<(), MeasureError> {
        match self.is_set() {
            true => Err(MeasureError::Interrupted),
            false => Ok(()),
        }
    }
}

impl Interrupt for AtomicBool {
    fn is_set(&self) -> bool {
        self.load(Ordering::Relaxed)
    }
}

/// Asks for no end.
pub struct Never;

impl Interrupt for Never {
    fn is_set(&self) -> bool {
        false
    }
}

/// A loss that is evaluated many times in a measurement, none of them after an end is asked for.
pub(crate) struct Interruptible<'a, const D: usize> {
    pub objective: &'a Objective<D>,
    pub interrupt: &'a dyn Interrupt,
}

impl<'a, const D: usize> Interruptible<'a, D> {
    /// ∇L at θ.
    pub fn gradient(&self, theta: &Tensor<1>) -> Result<Tensor<1>, MeasureError> {
        self.interrupt.go_on()?;
        Ok(self.objective.gradient(theta)?.gradient)
    }

    /// The loss linearised at θ.
    pub fn linearize(&self, theta: &Tensor<1>) -> Result<Linearization<'a, D>, MeasureError> {
        self.interrupt.go_on()?;
        Ok(self.objective.linearize(theta)?)
    }

    /// The Hessian there.
    pub fn hessian<'l>(&'l self, at: &'l mut Linearization<'a, D>) -> Hessian<'l, 'a, D> {
        Hessian::new(at).until(self.interrupt)
    }
}
