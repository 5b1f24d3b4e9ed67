//! Lines, shapes and text as SVG, at tenths of a point.

use std::fmt::Write;

/// The reader's fonts, by preference.
const FONT: &str = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif";

// Of a letter's size: the middle of capitals and figures is so far above the line that they stand
// on, and their upper edge this far.
const MIDDLE: f64 = 0.36;
const TOP: f64 = 0.73;

/// A place, in points from the upper left corner.
pub type Point = (f64, f64);

/// Red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color(pub u8, pub u8, pub u8);

/// White.
pub const WHITE: Color = Color(0xFF, 0xFF, 0xFF);

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    /// Its colour.
    pub color: Color,
    /// Its width in points.
    pub width: f64,
    /// Lengths of dash and gap in points; unbroken without them.
    pub dash: Option<(f64, f64)>,
}

/// Which part of a text is at its place, from left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Its beginning.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// How a text looks and where it is anchored.
#[derive(Debug, Clone, Copy)]
pub struct Font {
    /// Size in points.
    pub size: f64,
    /// Its colour.
    pub color: Color,
    /// Whether it is bold.
    pub bold: bool,
    /// Which part of the text is at the place.
    pub anchor: Anchor,
    /// Whether the text is below the place; else the place is at half its height.
    pub below: bool,
    /// Whether it runs upwards.
    pub upwards: bool,
}

/// A page that is drawn on.
#[derive(Debug)]
pub struct Canvas {
    svg: String,
}

impl Canvas {
    /// A white page of `size` points.
    pub fn new(size: (f64, f64)) -> Self {
        let (width, height) = (number(size.0), number(size.1));
        let mut canvas = Self { svg: String::new() };
        canvas.add(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"{FONT}\" stroke-linejoin=\"round\">"
        ));
        canvas.fill((0.0, 0.0), size, WHITE);
        canvas
    }

    /// The document.
    pub fn finish(mut self) -> String {
        self.add(format_args!("</svg>"));
        self.svg
    }

    fn add(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.svg, "{element}");
    }

    /// A line through the points.
    pub fn line(&mut self, points: &[Point], stroke: Stroke) {
        if points.len() < 2 {
            return;
        }
        let places: Vec<String> = points.iter().map(place).collect();
        let dash = stroke.dash.map_or_else(String::new, |(dash, gap)| {
            format!(" stroke-dasharray=\"{} {}\"", number(dash), number(gap))
        });
        self.add(format_args!(
            "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"{dash} points=\"{}\"/>",
            hex(stroke.color),
            number(stroke.width),
            places.join(" "),
        ));
    }

    /// A filled rectangle from its upper left to its lower right corner. Its edges are sharp, so
    /// that no page shines through between neighbours.
    pub fn fill(&mut self, from: Point, to: Point, color: Color) {
        // Rounded before they are subtracted, so that neighbours end where the next begins.
        let (left, top) = (tenths(from.0), tenths(from.1));
        self.add(format_args!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\" \
             shape-rendering=\"crispEdges\"/>",
            number(left),
            number(top),
            number(tenths(to.0) - left),
            number(tenths(to.1) - top),
            hex(color),
        ));
    }

    /// A filled circle.
    pub fn dot(&mut self, center: Point, radius: f64, color: Color) {
        self.add(format_args!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{}\"/>",
            number(center.0),
            number(center.1),
            number(radius),
            hex(color),
        ));
    }

    /// A circle that shows the page inside.
    pub fn ring(&mut self, center: Point, radius: f64, stroke: Stroke) {
        self.add(format_args!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{}\" stroke=\"{}\" stroke-width=\"{}\"/>",
            number(center.0),
            number(center.1),
            number(radius),
            hex(WHITE),
            hex(stroke.color),
            number(stroke.width),
        ));
    }

    /// A triangle that points up, its tip at `tip`.
    pub fn triangle(&mut self, tip: Point, size: f64, color: Color) {
        let corners = [(0.0, 0.0), (size / 2.0, size), (-size / 2.0, size)];
        let places = corners.map(|(x, y)| place(&(tip.0 + x, tip.1 + y)));
        self.add(format_args!(
            "<polygon fill=\"{}\" points=\"{}\"/>",
            hex(color),
            places.join(" "),
        ));
    }

    /// A text; nothing for an empty one.
    pub fn text(&mut self, text: &str, at: Point, font: Font) {
        if text.is_empty() {
            return;
        }
        let down = font.size * if font.below { TOP } else { MIDDLE };
        let place = if font.upwards {
            let (x, y) = (number(at.0), number(at.1));
            let down = number(down);
            format!("transform=\"translate({x} {y}) rotate(-90)\" y=\"{down}\"")
        } else {
            format!("x=\"{}\" y=\"{}\"", number(at.0), number(at.1 + down))
        };
        let anchor = match font.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if font.bold {
            " font-weight=\"bold\""
        } else {
            ""
        };
        self.add(format_args!(
            "<text {place} font-size=\"{}\" fill=\"{}\"{anchor}{weight}>{}</text>",
            number(font.size),
            hex(font.color),
            escaped(text),
        ));
    }
}

fn number(points: f64) -> String {
    format!("{}", tenths(points))
}

/// Tenths of a point; what is not a number, or off any page, is held on some page.
fn tenths(points: f64) -> f64 {
    const FAR: f64 = 1e6;
    let held = if points.is_nan() {
        0.0
    } else {
        points.clamp(-FAR, FAR)
    };
    // Zero is added so that a rounded −0 has no sign.
    (held * 10.0).round() / 10.0 + 0.0
}

fn place((x, y): &Point) -> String {
    format!("{},{}", number(*x), number(*y))
}

fn hex(Color(red, green, blue): Color) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

/// A text with the signs that have a meaning in XML and HTML written out.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // No document may hold these, written out or not.
            control if control.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_finite() {
        let written = [0.04999, -0.04, 12.0, 3.25, f64::NAN, f64::INFINITY].map(number);
        assert_eq!(written, ["0", "0", "12", "3.3", "0", "1000000"]);
    }

    #[test]
    fn the_document_has_its_size_in_points() {
        let svg = Canvas::new((30.0, 20.5)).finish();
        assert!(svg.contains(" width=\"30\" height=\"20.5\" viewBox=\"0 0 30 20.5\""));
    }

    #[test]
    fn nothing_in_a_text_ends_it() {
        assert_eq!(
            escaped("a<b> & \"c\" 'd'\u{0}"),
            "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39; "
        );
    }
}
