//! The names of the columns that the analysis reads; what writes a trace takes them from here.

/// The online label of the phase.
pub const PHASE: &str = "phase";
/// Begins the name of a person's own column of text.
pub const NOTE: &str = "note";
/// Begins the name of an eigenvalue of the Hessian.
pub const LAMBDA: &str = "lambda_";
/// Sharpness Λ = λ₁ of the Hessian.
pub const SHARPNESS: &str = "lambda_1";
/// 2/η.
pub const THRESHOLD: &str = "threshold";
/// Begins the name of a layer's squared norm.
pub const LAYER_NORM: &str = "weight_norm_sq.";

/// Whether a column holds text. In every other, a cell that is no number is a fault of the file:
/// no list of the measurements' columns has to be kept for it.
pub(super) fn is_text(name: &str) -> bool {
    name == PHASE || name.starts_with(NOTE)
}
