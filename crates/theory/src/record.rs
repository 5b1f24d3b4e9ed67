//! What is known at one step.

use serde::Serialize;

/// Everything measured at the state of step t, before the step to t + 1.
///
/// The names are those of the columns of a training run's trace. A `None`, or an empty vector, is
/// a quantity that was not measured at this step. L, Λ and all eigenvalues of c·M and of the
/// Hessian are in the same units as a training run's; c = 2κ/n, σ² = 1/m (1 without the scaling).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TheoryRecord {
    /// t.
    pub step: u64,
    /// η·t.
    pub time: f64,
    /// L = (κ/n)‖D‖².
    pub loss: f64,
    /// ‖∇L‖ over A and W.
    pub gradient_norm: f64,
    /// 2/η.
    pub threshold: f64,
    /// Largest eigenvalues of the Hessian ∇²L, largest first: the first is the sharpness Λ.
    pub lambda: Vec<f64>,
    /// ‖Hu − λu‖ of each, u of unit norm.
    pub lambda_residual: Vec<f64>,
    /// Smallest eigenvalue of the Hessian, −ρ; known where m > n.
    pub lambda_min: Option<f64>,
    /// |cos| of the angle between ∇L and the Hessian's top eigenvector.
    pub gradient_alignment: Option<f64>,
    /// Share of the Hessian's top eigenvector in A, of its squared norm. W has the rest.
    pub eigenvector_share_output: Option<f64>,
    /// ‖A‖².
    pub output_norm_sq: f64,
    /// ‖D‖².
    pub residual_norm_sq: f64,
    /// DᵀF.
    pub residual_dot_output: f64,
    /// DᵀY.
    pub residual_dot_target: f64,
    /// ‖A(t+1)‖² − ‖A(t)‖² as the recursion with the run's [`Terms`](crate::Terms) takes it.
    pub output_norm_sq_change: f64,
    /// −2ηc DᵀF + η²c²σ² DᵀGD: the change by gradient descent's exact identity.
    pub output_norm_sq_predicted: f64,
    /// ‖W(t+1)‖² − ‖W(t)‖² likewise: −2ηc DᵀF + η²c²σ² S·DᵀKD with all terms.
    pub hidden_norm_sq_change: f64,
    /// c·λᵢ(M), largest first; also the eigenvalues of the Gauss–Newton matrix c·JᵀJ.
    pub gram_lambda: Vec<f64>,
    /// c·‖Mv − λv‖ of each.
    pub gram_residual: Vec<f64>,
    /// Dᵀv₁, v₁ the unit top eigenvector of M; its sign is continued from step to step.
    pub residual_on_v1: Option<f64>,
    /// ‖D − v₁v₁ᵀD‖.
    pub residual_off_v1: Option<f64>,
    /// (Dᵀv₁)²/‖D‖²; `None` also where D = 0.
    pub loss_share_v1: Option<f64>,
    /// |cos| of the angle between v₁ and the v₁ measured before.
    pub v1_cos_previous: Option<f64>,
    /// |cos| of the angle between v₁ and the first v₁ measured.
    pub v1_cos_start: Option<f64>,
    /// Largest eigenvalue of the Hessian less c·JᵀJ: ρ = cσ‖XD‖. The smallest is −ρ.
    pub residual_hessian_lambda_1: f64,
    /// ‖D(t) − (I − ηcM)D(t−1)‖/‖D(t−1)‖ of the step that led here; `None` at step 0.
    pub first_order_error: Option<f64>,
    /// λ₁ of the Hessian's diagonal block of A: cσ²·λ₁(G).
    pub lambda_1_output: Option<f64>,
    /// λ₁ of the Hessian's diagonal block of W: cσ²·S·λ₁(K).
    pub lambda_1_hidden: Option<f64>,
}

impl TheoryRecord {
    /// Whether everything measured at every step is finite.
    pub(crate) fn is_finite(&self) -> bool {
        [
            self.loss,
            self.gradient_norm,
            self.output_norm_sq,
            self.residual_norm_sq,
            self.residual_dot_output,
            self.residual_dot_target,
            self.output_norm_sq_change,
            self.output_norm_sq_predicted,
            self.hidden_norm_sq_change,
            self.residual_hessian_lambda_1,
        ]
        .iter()
        .all(|value| value.is_finite())
    }

    /// The sharpness: Λ if measured, else c·λ₁(M) if measured.
    pub fn sharpness(&self) -> Option<f64> {
        self.lambda.first().or(self.gram_lambda.first()).copied()
    }
}
