//! How wide texts are, and where they break.

use super::canvas::Font;

/// Stands between the remarks of a subtitle or caption.
pub const SEPARATOR: &str = " · ";

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
    use super::super::style;
    use super::*;

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
