//! Writing XML: text is escaped here and nowhere else.

use std::fmt::Write as _;

/// A document that grows.
#[derive(Debug, Default)]
pub(super) struct Xml(String);

/// A number of pixels, with one decimal if it has any.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Px(pub(super) f64);

impl std::fmt::Display for Px {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tenths = (self.0 * 10.0).round() / 10.0;
        write!(f, "{tenths}")
    }
}

impl Xml {
    /// Adds markup of ours.
    pub(super) fn raw(&mut self, markup: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        self.0.write_fmt(markup).ok();
    }

    /// Adds text that may hold anything. What XML cannot hold at all becomes `�`.
    pub(super) fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\t' | '\n' => self.0.push(' '),
                c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                    self.0.push('\u{fffd}');
                }
                c => self.0.push(c),
            }
        }
    }

    /// Adds an element with text in it; `attributes` are ours.
    pub(super) fn element(&mut self, name: &str, attributes: std::fmt::Arguments<'_>, text: &str) {
        self.raw(format_args!("<{name} {attributes}>"));
        self.text(text);
        self.raw(format_args!("</{name}>\n"));
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_pixels_are_short() {
        let mut xml = Xml::default();
        xml.element("text", format_args!("x=\"{}\"", Px(1.04)), "</text>&\"'\u{1b}[0m\u{ffff}\n");
        let wanted = "<text x=\"1\">&lt;/text&gt;&amp;&quot;&#39;\u{fffd}[0m\u{fffd} </text>\n";
        assert_eq!(xml.finish(), wanted);
        assert_eq!([0.05, 12.34, 100.0].map(|px| Px(px).to_string()), ["0.1", "12.3", "100"]);
    }
}
