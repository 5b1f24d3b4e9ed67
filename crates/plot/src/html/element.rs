//! Tables and lists, their texts escaped.

/// A cell of a table: what it says and the class of its style.
#[derive(Debug, Clone)]
pub struct Cell {
    html: String,
    class: &'static str,
}

impl Cell {
    /// A text.
    pub fn text(text: &str) -> Self {
        Self {
            html: escaped(text),
            class: "",
        }
    }

    /// A number, which no line break splits.
    pub fn number(text: &str) -> Self {
        Self {
            html: escaped(text),
            class: "n",
        }
    }

    /// HTML that is escaped already.
    pub fn html(html: String, class: &'static str) -> Self {
        Self { html, class }
    }
}

/// A table with a header.
pub fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<Cell>>) -> String {
    let mut table = "<div class=\"scroll\"><table>\n<thead><tr>".to_owned();
    for name in header {
        table.push_str(&format!("<th>{}</th>", escaped(name)));
    }
    table.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        table.push_str("<tr>");
        for Cell { html, class } in row {
            if class.is_empty() {
                table.push_str(&format!("<td>{html}</td>"));
            } else {
                table.push_str(&format!("<td class=\"{class}\">{html}</td>"));
            }
        }
        table.push_str("</tr>\n");
    }
    table.push_str("</tbody>\n</table></div>\n");
    table
}

/// A section with a heading, and a sentence about it unless it is empty.
pub fn section(heading: &str, about: &str, content: &str) -> String {
    let about = if about.is_empty() {
        String::new()
    } else {
        format!("<p>{}</p>\n", escaped(about))
    };
    let heading = escaped(heading);
    format!("<section>\n<h2>{heading}</h2>\n{about}{content}</section>\n")
}

/// A text with the signs that have a meaning in HTML written out.
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
    fn nothing_in_a_text_ends_it() {
        assert_eq!(
            escaped("a<b> & \"c\" 'd'\u{0}"),
            "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39; "
        );
    }
}
