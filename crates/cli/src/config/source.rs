//! Texts that configuration comes from, and places in them.

use std::ops::Range;
use std::sync::Arc;

/// A text with a name: the config file, or one `--set` argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// How a person finds it: a path, or the argument as it was typed.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// A place in a [`Source`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The text.
    pub source: Arc<Source>,
    /// Bytes of the text.
    pub span: Range<usize>,
}

impl Origin {
    /// The bytes `span` of `source`, kept within the text.
    pub fn new(source: &Arc<Source>, span: Range<usize>) -> Self {
        let end = span.end.min(source.text.len());
        Self {
            source: Arc::clone(source),
            span: span.start.min(end)..end,
        }
    }

    /// The span, or the last character before it where it is the end of the text: a label there
    /// would not be shown.
    pub fn visible(&self) -> Range<usize> {
        let text = &self.source.text;
        let last = text.char_indices().next_back();
        match last {
            Some((last, _)) if self.span.start == text.len() => last..text.len(),
            _ => self.span.clone(),
        }
    }

    /// Line and column of the start, both counted from 1, columns in characters.
    pub fn line_column(&self) -> (usize, usize) {
        let before = self
            .source
            .text
            .get(..self.span.start)
            .unwrap_or(&self.source.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one() {
        let source = Arc::new(Source {
            name: "x.toml".into(),
            text: "a = 1\nλ = 2\n".into(),
        });
        assert_eq!(Origin::new(&source, 0..1).line_column(), (1, 1));
        let two = source.text.find('2').unwrap();
        assert_eq!(Origin::new(&source, two..two + 1).line_column(), (2, 5));
        assert_eq!(Origin::new(&source, 90..95).line_column(), (3, 1));
    }
}
