//! The names of the trace's columns.

/// The online label of the phase: the one column of text.
pub(super) const PHASE: &str = "phase";
/// Sharpness Λ = λ₁ of the Hessian.
pub(super) const SHARPNESS: &str = "lambda_1";
/// 2/η.
pub(super) const THRESHOLD: &str = "threshold";
/// Begins the name of a layer's squared norm.
pub(super) const LAYER_NORM: &str = "weight_norm_sq.";

const NUMBERS: [&str; 24] = [
    "time",
    "loss",
    "train_accuracy",
    "gradient_norm",
    THRESHOLD,
    "gradient_alignment",
    "output_norm_sq",
    "residual_norm_sq",
    "residual_dot_output",
    "residual_dot_target",
    "target_norm_sq",
    "output_norm_sq_change",
    "output_norm_sq_predicted",
    "residual_on_v1",
    "residual_off_v1",
    "loss_share_v1",
    "v1_cos_previous",
    "v1_cos_start",
    "gauss_newton_lambda_1",
    "residual_hessian_lambda_1",
    "first_order_error",
    "flow_loss",
    "flow_lambda_1",
    "flow_distance",
];

const FAMILIES: [&str; 4] = ["lambda_", "gram_lambda_", LAYER_NORM, "eigenvector_share."];

/// Whether a cell of this column that is no number is a fault of the file.
pub(super) fn is_numeric(name: &str) -> bool {
    NUMBERS.contains(&name) || FAMILIES.iter().any(|family| name.starts_with(family))
}
