//! What a figure shows, before anything has a place.

use brink_analysis::phases::Phase;

use super::style::Stroke;
use super::text::SEPARATOR;

/// What stands above the panels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Titles {
    /// The run's name, or what the figure compares.
    pub title: String,
    /// What was trained on what, and anything that a reader must not miss.
    pub subtitle: String,
}

impl Titles {
    /// Adds a remark to the subtitle.
    pub fn note(&mut self, remark: Option<&str>) {
        let Some(remark) = remark else {
            return;
        };
        if !self.subtitle.is_empty() {
            self.subtitle.push_str(SEPARATOR);
        }
        self.subtitle.push_str(remark);
    }
}

/// A grid of panels with titles, a legend and a caption.
#[derive(Debug, Clone, Default)]
pub struct Figure {
    /// What stands above the panels.
    pub titles: Titles,
    /// Columns, left to right; panels of the same row are equally high.
    pub columns: Vec<Column>,
    /// What stands below: config and data. Broken into lines at ` · `.
    pub caption: String,
    /// Width of the page in points; 640 if it is 0.
    pub width: f64,
}

/// Panels one above the other.
#[derive(Debug, Clone)]
pub struct Column {
    /// What the horizontal axis measures, with its unit.
    pub x_label: String,
    /// Whether all panels show the same interval, numbered under the last one only.
    pub shared: bool,
    /// Whether ticks stand at whole numbers only: no half step of gradient descent is taken.
    pub whole: bool,
    /// The panels, top to bottom.
    pub panels: Vec<Panel>,
    /// Phases, shown as pale colour behind all panels; only in a column that shares its axis.
    pub bands: Vec<Band>,
    /// Moments, shown as vertical lines through all panels.
    pub marks: Vec<Mark>,
}

impl Column {
    /// Panels over the same steps of gradient descent.
    pub fn of_steps(panels: Vec<Panel>) -> Self {
        Self {
            x_label: "gradient descent step t".to_owned(),
            shared: true,
            whole: true,
            panels,
            bands: Vec::new(),
            marks: Vec::new(),
        }
    }

    /// Panels over the same time η·t of gradient flow.
    pub fn of_time(panels: Vec<Panel>) -> Self {
        Self {
            x_label: "time ηt".to_owned(),
            whole: false,
            ..Self::of_steps(panels)
        }
    }
}

/// A stretch of the horizontal axis in one phase.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// The phase.
    pub phase: Phase,
}

/// A moment on the horizontal axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Where.
    pub x: f64,
    /// What happens there, for the legend.
    pub name: String,
}

/// A frame with curves in it.
#[derive(Debug, Clone, Default)]
pub struct Panel {
    /// Stands above the frame, at its left.
    pub title: String,
    /// Stands above the frame, at its right: a number that belongs to the panel.
    pub note: String,
    /// The left axis.
    pub left: Axis,
    /// The right axis, for curves in another unit.
    pub right: Option<Axis>,
    /// Tiles behind the curves.
    pub heat: Option<HeatMap>,
    /// Height of the frame in points; 120 if it is 0.
    pub height: f64,
}

/// A quantity over a plane, in shades.
#[derive(Debug, Clone, Default)]
pub struct HeatMap {
    /// What has a colour; the page shows between them.
    pub tiles: Vec<Tile>,
}

/// A rectangle of one shade.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tile {
    /// Its extent on the horizontal axis.
    pub x: (f64, f64),
    /// Its extent on the left axis.
    pub y: (f64, f64),
    /// From 0, the page's colour, to 1.
    pub shade: f64,
}

/// How a vertical axis measures.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Scale {
    /// As wide as the values.
    #[default]
    Linear,
    /// As wide as the values, and zero. With `reference`, the last steps of a diverging run do
    /// not flatten all others: what is far beyond the median and the reference is cut off and
    /// marked.
    Zero {
        /// The value that the others are judged by, such as 2/η.
        reference: Option<f64>,
    },
    /// Distances are ratios; linear if no value is positive.
    Logarithmic,
    /// Linear, or logarithmic if values grow a hundredfold.
    Wide,
}

/// A vertical axis, with what is measured on it.
#[derive(Debug, Clone, Default)]
pub struct Axis {
    /// What it measures, with its unit.
    pub label: String,
    /// How it measures.
    pub scale: Scale,
    /// The curves; the first is the one that matters, and goes on top.
    pub curves: Vec<Curve>,
    /// Horizontal lines.
    pub levels: Vec<Level>,
}

/// A horizontal line.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// Its value.
    pub value: f64,
    /// What it says at its right end; nothing if empty.
    pub label: String,
    /// What the legend calls it; not in the legend if empty.
    pub name: String,
    /// How it looks.
    pub stroke: Stroke,
}

/// How a value was come by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Quality {
    /// Solved to the tolerance, or exact, as far as is known.
    #[default]
    Solved,
    /// The solver stopped before it met the tolerance.
    NotConverged,
    /// A Rayleigh quotient of an earlier step's vector.
    Stale,
}

/// A row of a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Where.
    pub x: f64,
    /// The value, if it was measured there.
    pub y: Option<f64>,
    /// How it was come by.
    pub quality: Quality,
}

/// A curve: one sample a row, x not decreasing.
///
/// Neighbouring rows are joined. Rows apart are dots joined by a pale dashed line, which claims
/// nothing; nothing joins across a value that is not a number.
#[derive(Debug, Clone)]
pub struct Curve {
    /// What the legend calls it; not in the legend if empty.
    pub name: String,
    /// How its line looks.
    pub stroke: Stroke,
    /// The rows.
    pub samples: Vec<Sample>,
}

impl Curve {
    /// A curve through columns of a trace.
    pub fn new(name: impl Into<String>, stroke: Stroke, x: &[f64], y: &[Option<f64>]) -> Self {
        let samples = x
            .iter()
            .zip(y)
            .map(|(x, y)| Sample {
                x: *x,
                y: *y,
                quality: Quality::Solved,
            })
            .collect();
        Self {
            name: name.into(),
            stroke,
            samples,
        }
    }

    /// The values that were measured.
    pub fn values(&self) -> impl Iterator<Item = f64> + Clone {
        self.samples.iter().filter_map(|sample| sample.y)
    }
}
