//! PNG from SVG, the same on every machine: text is set in fonts that the crate brings along.

mod encode;
mod fonts;
mod raster;

use usvg::{Options, Tree};

/// Why there is no PNG.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum PngError {
    /// The text is no SVG.
    #[error("the figure is not valid SVG")]
    Svg(#[from] usvg::Error),
    /// There would be no pixels, or too many.
    #[error("a picture of {width} × {height} points has no size at {scale} pixels a point")]
    #[diagnostic(help("choose a scale of about 2, so that neither side exceeds {MOST} pixels"))]
    Size {
        /// Width in points.
        width: f32,
        /// Height in points.
        height: f32,
        /// Pixels a point.
        scale: f32,
    },
    /// The SVG has something that figures of this crate never have.
    #[error("the SVG has {what}, which is not drawn")]
    #[diagnostic(help("only figures made by brink can be turned into PNG"))]
    Unsupported {
        /// What it is.
        what: &'static str,
    },
    /// The pixels could not be packed.
    #[error("cannot encode the picture")]
    Encode(#[from] std::io::Error),
}

/// The most pixels along a side.
const MOST: u32 = 20_000;

/// Pixels a point for a print of `dpi` dots an inch; an inch has 72 points.
pub fn scale_of_dpi(dpi: f32) -> f32 {
    dpi / 72.0
}

/// Turns an SVG document into a PNG of `scale` pixels a point.
///
/// Text is set in DejaVu Sans Condensed, which the crate contains; only a letter that it lacks is
/// looked for among the fonts of the machine. Drawn are filled and stroked shapes in plain
/// colours, and text: all that this crate's figures have.
///
/// # Errors
///
/// [`PngError`].
pub fn from_svg(svg: &str, scale: f32) -> Result<Vec<u8>, PngError> {
    let tree = parsed(svg)?;
    let pixels = raster::draw(&tree, scale)?;
    // A print program that asks finds the size in points.
    let per_meter = (f64::from(scale) * 72.0 / 0.0254).round() as u32;
    Ok(encode::png(&pixels, per_meter)?)
}

/// Shapes, text among them, and the fonts that it took.
fn parsed(svg: &str) -> Result<Tree, usvg::Error> {
    let options = Options {
        fontdb: fonts::embedded(),
        font_resolver: fonts::resolver(),
        font_family: fonts::FAMILY.to_owned(),
        ..Options::default()
    };
    Tree::from_str(svg, &options)
}

#[cfg(test)]
mod tests;
