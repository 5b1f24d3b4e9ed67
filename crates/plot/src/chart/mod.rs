//! Figures as grids of panels, drawn as SVG.
//!
//! A [`Figure`] says what is shown: columns of panels that share a horizontal axis, each with
//! curves on a left and perhaps a right axis. [`Figure::draw`] decides where everything goes.

mod bands;
mod canvas;
mod curve;
mod draw;
mod frame;
mod layout;
mod legend;
mod model;
mod range;
mod scale;
pub mod style;
mod text;
pub mod ticks;

#[cfg(test)]
mod tests;

pub(crate) use canvas::escaped;
pub use canvas::{Color, Stroke};
pub use model::{
    Axis, Band, Column, Curve, Figure, Level, Mark, Panel, Quality, Sample, Scale, Titles,
};
