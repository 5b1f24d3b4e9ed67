//! Step rules: how the parameters move, and where each rule becomes unstable.
//!
//! A rule is one file that implements [`Optimizer`]. On a quadratic with a constant preconditioner P
//! every rule here is a linear recursion in each eigendirection of P^(−½)HP^(−½); it decays while the
//! eigenvalue is below the rule's threshold (Cohen et al., ICLR 2021, appendix A; Cohen et al.,
//! "Adaptive gradient methods at the edge of stability", 2022).
//!
//! # A rule of your own
//!
//! ```
//! use brink_dynamics::optimizer::{Coming, GradientAt, Optimizer};
//! use brink_dynamics::state::{Memory, Part};
//! use brink_linearize::LinearizeError;
//! use burn::tensor::Tensor;
//!
//! /// θ ← θ − η(g_t + g_{t−1})/2, stable below 2/η.
//! #[derive(Debug, Default)]
//! struct MeanOfTwo(Option<Tensor<1>>);
//!
//! impl Memory for MeanOfTwo {
//!     fn parts(&mut self) -> Vec<Part<'_>> { vec![("before", &mut self.0)] }
//! }
//!
//! impl Optimizer for MeanOfTwo {
//!     fn name(&self) -> &'static str { "mean-of-two" }
//!     fn fresh(&self) -> Box<dyn Optimizer> { Box::new(Self::default()) }
//!     fn threshold_formula(&self) -> &'static str { "2/η" }
//!     fn threshold(&self, coming: &Coming) -> f64 { 2.0 / coming.step_size }
//!     fn advance(
//!         &mut self,
//!         coming: &Coming,
//!         theta: Tensor<1>,
//!         gradient: Tensor<1>,
//!         _: GradientAt<'_>,
//!     ) -> Result<Tensor<1>, LinearizeError> {
//!         let before = self.0.replace(gradient.clone()).unwrap_or(gradient.clone());
//!         Ok(theta - (gradient + before).mul_scalar(0.5 * coming.step_size))
//!     }
//! }
//!
//! let settings = brink_dynamics::Settings {
//!     optimizer: Box::new(MeanOfTwo::default()),
//!     ..brink_dynamics::Settings::gradient_descent(0.1, 100)
//! };
//! assert_eq!(settings.optimizer.name(), "mean-of-two");
//! ```

mod adam;
mod gradient_descent;
mod heavy_ball;
mod nesterov;
mod rmsprop;
mod sam;
mod step_sizes;

use std::fmt;

use brink_linearize::LinearizeError;
use brink_state::Memory;
use burn::tensor::Tensor;

pub use adam::Adam;
pub use gradient_descent::GradientDescent;
pub use heavy_ball::HeavyBall;
pub use nesterov::Nesterov;
pub use rmsprop::RmsProp;
pub use sam::Sam;
pub use step_sizes::StepSizes;

/// The step from θ_t that is about to be taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coming {
    /// t.
    pub step: u64,
    /// η_t.
    pub step_size: f64,
    /// ‖g‖₂ of the gradient g that the step goes along: ∇L(θ_t), or with batches that of the step's
    /// batch.
    pub gradient_norm: f64,
}

/// ∇L at other parameters than θ_t, `[P] → [P]`.
pub type GradientAt<'g> = &'g mut dyn FnMut(&Tensor<1>) -> Result<Tensor<1>, LinearizeError>;

/// A step rule with its memory of earlier steps, which is saved with the run.
pub trait Optimizer: fmt::Debug + Memory {
    /// Its name in configs, such as `heavy-ball`.
    fn name(&self) -> &'static str;

    /// The same rule with no memory yet.
    fn fresh(&self) -> Box<dyn Optimizer>;

    /// The stability threshold as a formula, such as `2/η`.
    fn threshold_formula(&self) -> &'static str;

    /// The eigenvalue of the Hessian, or of P^(−½)HP^(−½) if there is a preconditioner P, at which
    /// the rule becomes unstable on the quadratic model.
    fn threshold(&self, coming: &Coming) -> f64;

    /// Whether it acts on coordinates one by one, as P = diag(p) does.
    fn is_preconditioned(&self) -> bool {
        false
    }

    /// p, `[P]`, of the coming step; `None` if the rule has no preconditioner.
    fn preconditioner(&self, _gradient: &Tensor<1>) -> Option<Tensor<1>> {
        None
    }

    /// Whether a rotation of the coordinates rotates the steps. Only then may the run be computed
    /// in coordinates of the inputs' span.
    fn is_rotation_equivariant(&self) -> bool {
        !self.is_preconditioned()
    }

    /// θ_{t+1} from θ_t and the gradient there, of all samples or of the step's batch, `[P]` each.
    ///
    /// # Errors
    /// Those of `gradient_at`.
    fn advance(
        &mut self,
        coming: &Coming,
        theta: Tensor<1>,
        gradient: Tensor<1>,
        gradient_at: GradientAt<'_>,
    ) -> Result<Tensor<1>, LinearizeError>;
}

impl Clone for Box<dyn Optimizer> {
    /// The rule without its memory.
    fn clone(&self) -> Self {
        self.fresh()
    }
}
