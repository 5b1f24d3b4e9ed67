//! The figures that follow Wang, Li & Li (2022), from the traces of runs.
//!
//! Each takes traces, which [`Trace::read`](brink_analysis::Trace::read) reads from run folders,
//! and returns an SVG document. What a figure shows and a run did not measure is a
//! [`PlotError::NotMeasured`](crate::PlotError) that names the part of the config to add.

mod activations;
mod cycle;
mod flow;
mod gauss_newton;
mod linear;
mod parts;
mod source;
mod step_sizes;
mod theory;

pub use activations::sharpness_and_output_norm;
pub use cycle::four_phases;
pub use flow::gradient_flow;
pub use gauss_newton::gauss_newton;
pub use linear::loss_and_sharpness;
pub use step_sizes::step_sizes;
pub use theory::theory;

#[cfg(test)]
mod tests;
