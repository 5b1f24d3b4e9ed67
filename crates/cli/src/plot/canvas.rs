//! Lines and text at fractions of a point, on plotters' SVG backend.

use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::{
    Circle, DrawingArea, FontTransform, IntoDrawingArea, IntoFont, PathElement, Polygon, RGBColor,
    SVGBackend, ShapeStyle, Text,
};
use plotters::style::FontFamily;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, TextStyle};

/// A failure to draw.
pub type DrawError = DrawingAreaErrorKind<std::io::Error>;

// The backend's coordinates are whole numbers: a tenth of a point keeps curves smooth in print.
const UNITS: f64 = 10.0;

// plotters takes the size of a font's box and divides by this for the SVG attribute.
const FONT_BOX: f64 = 1.24;

const FONT: &str = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif";

/// A place, in points from the upper left corner.
pub type Point = (f64, f64);

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    /// Its colour.
    pub color: RGBColor,
    /// Its width in points.
    pub width: f64,
    /// Lengths of dash and gap in points; unbroken without them.
    pub dash: Option<(f64, f64)>,
}

/// How a text looks and where it is anchored.
#[derive(Clone, Copy)]
pub struct Font {
    /// Size in points.
    pub size: f64,
    /// Its colour.
    pub color: RGBColor,
    /// Whether it is bold.
    pub bold: bool,
    /// Which part of the text is at the place.
    pub anchor: (HPos, VPos),
    /// Whether it runs upwards.
    pub upwards: bool,
}

/// A page that is drawn on.
pub struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

impl<'a> Canvas<'a> {
    /// A white page of `size` points whose SVG goes to `svg` when the canvas is finished.
    pub fn new(svg: &'a mut String, size: (f64, f64)) -> Result<Self, DrawError> {
        let size = (units(size.0).unsigned_abs(), units(size.1).unsigned_abs());
        let area = SVGBackend::with_string(svg, size).into_drawing_area();
        area.fill(&plotters::style::WHITE)?;
        Ok(Self { area })
    }

    /// Completes the document.
    pub fn finish(self) -> Result<(), DrawError> {
        self.area.present()
    }

    /// A line through the points.
    pub fn line(&self, points: &[Point], stroke: Stroke) -> Result<(), DrawError> {
        match stroke.dash {
            None => self.path(points, stroke),
            Some((dash, gap)) => dashes(points, dash, gap)
                .iter()
                .try_for_each(|piece| self.path(piece, stroke)),
        }
    }

    fn path(&self, points: &[Point], stroke: Stroke) -> Result<(), DrawError> {
        if points.len() < 2 {
            return Ok(());
        }
        let style = ShapeStyle {
            color: stroke.color.to_rgba(),
            filled: false,
            stroke_width: units(stroke.width).unsigned_abs(),
        };
        let points: Vec<_> = points.iter().copied().map(place).collect();
        self.area.draw(&PathElement::new(points, style))
    }

    /// A filled circle.
    pub fn dot(&self, center: Point, radius: f64, color: RGBColor) -> Result<(), DrawError> {
        let radius = units(radius).unsigned_abs();
        self.area
            .draw(&Circle::new(place(center), radius, color.filled()))
    }

    /// A circle that shows the page inside.
    pub fn ring(&self, center: Point, radius: f64, stroke: Stroke) -> Result<(), DrawError> {
        self.dot(center, radius + stroke.width / 2.0, stroke.color)?;
        self.dot(center, radius - stroke.width / 2.0, plotters::style::WHITE)
    }

    /// A triangle that points up, its tip at `tip`.
    pub fn triangle(&self, tip: Point, size: f64, color: RGBColor) -> Result<(), DrawError> {
        let corners = [(0.0, 0.0), (size / 2.0, size), (-size / 2.0, size)];
        let points: Vec<_> = corners
            .iter()
            .map(|(x, y)| place((tip.0 + x, tip.1 + y)))
            .collect();
        self.area.draw(&Polygon::new(points, color.filled()))
    }

    /// A text.
    pub fn text(&self, text: &str, at: Point, font: Font) -> Result<(), DrawError> {
        let style = if font.bold {
            FontStyle::Bold
        } else {
            FontStyle::Normal
        };
        let mut desc = (FontFamily::Name(FONT), font.size * UNITS * FONT_BOX, style).into_font();
        if font.upwards {
            desc = desc.transform(FontTransform::Rotate270);
        }
        let style = TextStyle::from(desc)
            .color(&font.color)
            .pos(Pos::new(font.anchor.0, font.anchor.1));
        self.area.draw(&Text::new(text, place(at), style))
    }
}

/// Gives a finished document its size in points, and round corners to its lines.
pub fn finish_document(svg: &str, size: (f64, f64)) -> String {
    let (width, height) = (units(size.0), units(size.1));
    svg.replacen(
        &format!("<svg width=\"{width}\" height=\"{height}\""),
        &format!(
            "<svg width=\"{}\" height=\"{}\" stroke-linejoin=\"round\"",
            size.0, size.1
        ),
        1,
    )
}

fn units(points: f64) -> i32 {
    // `as` saturates, and takes NaN to 0: coordinates stay within what the backend can hold.
    (points * UNITS).round() as i32
}

fn place((x, y): Point) -> (i32, i32) {
    (units(x), units(y))
}

/// Cuts a line into its dashes.
fn dashes(points: &[Point], dash: f64, gap: f64) -> Vec<Vec<Point>> {
    let mut pieces = Vec::new();
    let mut piece: Vec<Point> = points.first().copied().into_iter().collect();
    let (mut drawing, mut left) = (true, dash);
    for pair in points.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let mut at = 0.0;
        while length - at > left {
            at += left;
            let share = at / length;
            let cut = (
                from.0 + share * (to.0 - from.0),
                from.1 + share * (to.1 - from.1),
            );
            if drawing {
                piece.push(cut);
                pieces.push(std::mem::take(&mut piece));
            } else {
                piece = vec![cut];
            }
            drawing = !drawing;
            left = if drawing { dash } else { gap };
        }
        left -= length - at;
        if drawing {
            piece.push(to);
        }
    }
    if drawing {
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_cover_their_share_of_a_bent_line() {
        let line = [(0.0, 0.0), (7.0, 0.0), (7.0, 13.0)];
        let pieces = dashes(&line, 3.0, 1.0);
        let length: f64 = pieces
            .iter()
            .flat_map(|piece| piece.windows(2))
            .map(|pair| (pair[1].0 - pair[0].0).hypot(pair[1].1 - pair[0].1))
            .sum();
        assert_eq!(pieces.len(), 5);
        assert!((length - 15.0).abs() < 1e-12, "{length}");
    }

    #[test]
    fn the_document_has_its_size_in_points() {
        let mut svg = String::new();
        let canvas = Canvas::new(&mut svg, (30.0, 20.0)).unwrap();
        canvas.finish().unwrap();
        let svg = finish_document(&svg, (30.0, 20.0));
        assert!(
            svg.starts_with(
                "<svg width=\"30\" height=\"20\" stroke-linejoin=\"round\" viewBox=\"0 0 300 200\""
            ),
            "{svg}"
        );
    }
}
