//! Figures as grids of panels, drawn as SVG by plotters.
//!
//! A [`Figure`] says what is shown: columns of panels that share a horizontal axis, each with
//! curves on a left and perhaps a right axis. [`Figure::draw`] decides where everything goes.

mod axes;
mod bands;
mod curve;
mod draw;
mod heat;
mod layout;
mod legend;
mod model;
mod page;
mod range;
mod scale;
pub mod style;
mod text;
pub mod ticks;

#[cfg(test)]
mod tests;

pub use model::{
    Axis, Band, Column, Curve, Figure, HeatMap, Level, Mark, Panel, Quality, Sample, Scale, Tile,
    Titles,
};
pub use page::DrawError;
pub use style::Stroke;
