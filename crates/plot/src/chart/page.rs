//! The page that plotters draws on: places, lines and circles.

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{Circle, DashedPathElement, PathElement, Rectangle};
use plotters::style::{Color, RGBColor, ShapeStyle, WHITE};

use super::style::Stroke;

/// A part of a page; places are relative to its upper left corner.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Why plotters did not draw.
pub type DrawError = DrawingAreaErrorKind<std::io::Error>;

/// What drawing gives.
pub type Drawn = Result<(), DrawError>;

/// A place in pixels.
pub type Pixel = (i32, i32);

/// Pixels a point: plotters places whole pixels only.
pub const PIXELS: f64 = 10.0;

/// A line has at most so many dashes, for each is an element of the document: where it goes to and
/// fro in every step, they get longer.
const DASHES: f64 = 400.0;

/// Points as pixels.
pub fn px(points: f64) -> i32 {
    (points * PIXELS).round() as i32
}

/// An SVG document of `size` points on which `draw` has drawn.
pub fn document(
    size: (f64, f64),
    draw: impl FnOnce(&Area<'_>) -> Drawn,
) -> Result<String, DrawError> {
    let pixels = (px(size.0).unsigned_abs(), px(size.1).unsigned_abs());
    let mut drawn = String::new();
    {
        let page = SVGBackend::with_string(&mut drawn, pixels).into_drawing_area();
        page.fill(&WHITE)?;
        draw(&page)?;
        page.present()?;
    }
    // plotters would have the page as large as its pixels.
    let (_, content) = drawn.split_once('\n').unwrap_or_default();
    // Nothing lets anything shine through, which need not be said a thousand times.
    let content = content.replace(" opacity=\"1\"", "");
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" \
         viewBox=\"0 0 {} {}\" stroke-linejoin=\"round\">\n{content}",
        size.0, size.1, pixels.0, pixels.1,
    ))
}

/// A line through the places.
pub fn line(area: &Area<'_>, places: Vec<Pixel>, stroke: Stroke) -> Drawn {
    let style = ShapeStyle::from(stroke);
    let Some((dash, gap)) = stroke.dash else {
        return area.draw(&PathElement::new(places, style));
    };
    let longer = (length(&places) / (DASHES * PIXELS * (dash + gap))).max(1.0);
    let (dash, gap) = (px(dash * longer), px(gap * longer));
    area.draw(&DashedPathElement::new(places, dash, gap, style))
}

fn length(places: &[Pixel]) -> f64 {
    let pieces = places.windows(2);
    pieces
        .map(|ends| f64::from(ends[1].0 - ends[0].0).hypot(f64::from(ends[1].1 - ends[0].1)))
        .sum()
}

/// A filled rectangle.
pub fn fill(area: &Area<'_>, from: Pixel, to: Pixel, color: RGBColor) -> Drawn {
    area.draw(&Rectangle::new([from, to], color.filled()))
}

/// A filled circle.
pub fn dot(area: &Area<'_>, center: Pixel, radius: f64, color: RGBColor) -> Drawn {
    area.draw(&Circle::new(center, px(radius), color.filled()))
}

/// A circle that shows the page inside.
pub fn ring(area: &Area<'_>, center: Pixel, radius: f64, stroke: Stroke) -> Drawn {
    dot(area, center, radius, WHITE)?;
    area.draw(&Circle::new(center, px(radius), ShapeStyle::from(stroke)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_its_size_in_points() {
        let svg = document((30.0, 20.5), |_| Ok(())).unwrap();
        assert!(svg.contains(" width=\"30\" height=\"20.5\" viewBox=\"0 0 300 205\""));
        assert!(svg.ends_with("</svg>\n"));
    }
}
