//! The names of the trace's columns.

/// The online label of the phase.
pub(super) const PHASE: &str = "phase";
/// Begins the name of a person's own column of text.
pub(super) const NOTE: &str = "note";
/// Sharpness Λ = λ₁ of the Hessian.
pub(super) const SHARPNESS: &str = "lambda_1";
/// 2/η.
pub(super) const THRESHOLD: &str = "threshold";
/// Begins the name of a layer's squared norm.
pub(super) const LAYER_NORM: &str = "weight_norm_sq.";

/// Whether a column holds text. In every other, a cell that is no number is a fault of the file:
/// no list of the measurements' columns has to be kept for it.
pub(super) fn is_text(name: &str) -> bool {
    name == PHASE || name.starts_with(NOTE)
}
