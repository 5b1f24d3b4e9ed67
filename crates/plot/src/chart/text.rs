//! Texts: their fonts, how wide they are, and where they break.

use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, RGBColor, TextStyle};

use super::page::{Area, Drawn, PIXELS, px};

/// The reader's fonts, by preference.
const FAMILY: &str = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif";

/// Of a letter's size: the middle of capitals is so far below the place of a text.
const MIDDLE: f64 = 0.4;

/// plotters divides by this what it is told of a font's size.
const EM: f64 = 1.24;

/// Stands between the remarks of a subtitle or caption.
pub const SEPARATOR: &str = " · ";

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub struct Font {
    /// Size in points.
    pub size: f64,
    /// Its colour.
    pub color: RGBColor,
    /// Whether it is bold.
    pub bold: bool,
}

impl Font {
    /// The font with `anchor` of a text, and its upper edge, at the text's place.
    pub fn at(self, anchor: HPos) -> TextStyle<'static> {
        let weight = if self.bold {
            FontStyle::Bold
        } else {
            FontStyle::Normal
        };
        TextStyle {
            font: FontDesc::new(FontFamily::Name(FAMILY), self.size * PIXELS * EM, weight),
            color: self.color.to_backend_color(),
            pos: Pos::new(anchor, VPos::Top),
        }
    }
}

/// Writes a text, its middle at the height of a place in points; nothing for an empty one.
pub fn write(area: &Area<'_>, text: &str, (x, y): (f64, f64), font: Font, anchor: HPos) -> Drawn {
    if text.is_empty() {
        return Ok(());
    }
    let place = (px(x), px(y - MIDDLE * font.size));
    area.draw_text(&printable(text), &font.at(anchor), place)
}

/// A text without the signs that no XML document may hold, written out or not.
pub fn printable(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// A text's width in points, for layout only: the font is the reader's.
///
/// Advances are those of a condensed DejaVu Sans, a little wider than Helvetica's.
pub fn text_width(text: &str, font: Font) -> f64 {
    let bold = if font.bold { 1.08 } else { 1.0 };
    text.chars().map(advance).sum::<f64>() * font.size * bold
}

fn advance(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | ' ' | '·' | 'I' => 0.30,
        'f' | 't' | 'r' | '(' | ')' | '/' | '-' => 0.38,
        '⁰'..='⁹' | '²' | '³' | '¹' | '₀'..='₉' | '⁻' => 0.38,
        'm' | 'w' | 'M' | 'W' | '−' | '×' | '=' | '+' | '<' | '>' | '≈' => 0.80,
        'A'..='Z' | 'Λ' => 0.64,
        _ => 0.57,
    }
}

/// Breaks the lines of a text at separators, and where that is not enough at spaces.
pub fn wrapped(text: &str, width: f64, font: Font) -> Vec<String> {
    text.lines()
        .flat_map(|line| at_separators(line, width, font))
        .collect()
}

fn at_separators(text: &str, width: f64, font: Font) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in text.split(SEPARATOR).filter(|part| !part.is_empty()) {
        match lines.last_mut() {
            Some(line) if text_width(&format!("{line}{SEPARATOR}{part}"), font) <= width => {
                line.push_str(SEPARATOR);
                line.push_str(part);
            }
            _ => lines.extend(at_spaces(part, width, font)),
        }
    }
    lines
}

fn at_spaces(text: &str, width: f64, font: Font) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if text_width(&format!("{line} {word}"), font) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::page::document;
    use super::super::style;
    use super::*;

    #[test]
    fn nothing_in_a_text_ends_it() {
        let svg = document((30.0, 20.0), |page| {
            let text = "a<b> & \"c\" 'd'\u{0}";
            write(page, text, (0.0, 0.0), style::TICK, HPos::Left)
        });
        assert!(
            svg.unwrap()
                .contains("a&lt;b&gt; &amp; &quot;c&quot; &apos;d&apos; \n")
        );
    }

    #[test]
    fn texts_break_at_separators_first() {
        let text = "tanh 3072-200-1 · CIFAR-10, n = 1000 · η = 0.05";
        let lines = wrapped(text, 160.0, style::SUBTITLE);
        assert_eq!(lines, ["tanh 3072-200-1", "CIFAR-10, n = 1000 · η = 0.05"]);
        assert_eq!(wrapped(text, 1e3, style::SUBTITLE), [text]);
        let lines = wrapped("a remark without any separator", 80.0, style::SUBTITLE);
        assert!(lines.len() > 1);
        assert_eq!(lines.join(" "), "a remark without any separator");
    }
}
