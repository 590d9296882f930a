//! Just enough XML to write a report: elements, attributes, text.
//!
//! A writer of our own and not a crate: those that escape `<` and `&` leave it to the caller that
//! XML 1.0 has no way at all to write most control characters, which terminals' output is full of.

use std::fmt::Write as _;

/// An XML document that grows.
#[derive(Debug)]
pub(super) struct Xml {
    text: String,
    open: Vec<&'static str>,
    /// Whether the tag of the innermost element still takes attributes.
    in_tag: bool,
    /// Whether the innermost element holds text, so that nothing may be added around it.
    has_text: bool,
}

impl Xml {
    pub(super) fn new() -> Self {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>".to_owned();
        Self { text, open: Vec::new(), in_tag: false, has_text: false }
    }

    pub(super) fn start(&mut self, name: &'static str) -> &mut Self {
        self.close_tag();
        self.indent();
        self.text.push('<');
        self.text.push_str(name);
        self.open.push(name);
        (self.in_tag, self.has_text) = (true, false);
        self
    }

    /// Adds an attribute to the element that was just started.
    pub(super) fn attribute(&mut self, name: &str, value: &str) -> &mut Self {
        debug_assert!(self.in_tag, "attributes come before everything else");
        write!(self.text, " {name}=\"").expect("writing to memory cannot fail");
        // Parsers turn plain line ends and tabs of attributes into blanks.
        escape(value, &mut self.text, |c| matches!(c, '\n' | '\r' | '\t'));
        self.text.push('"');
        self
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.close_tag();
        // Parsers turn a carriage return into a line end.
        escape(text, &mut self.text, |c| c == '\r');
        self.has_text = true;
        self
    }

    pub(super) fn end(&mut self) {
        let Some(name) = self.open.pop() else { return };
        if self.in_tag {
            self.text.push_str("/>");
        } else {
            if !self.has_text {
                self.indent();
            }
            write!(self.text, "</{name}>").expect("writing to memory cannot fail");
        }
        (self.in_tag, self.has_text) = (false, false);
    }

    pub(super) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.end();
        }
        self.text.push('\n');
        self.text
    }

    fn close_tag(&mut self) {
        if self.in_tag {
            self.text.push('>');
            self.in_tag = false;
        }
    }

    fn indent(&mut self) {
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n("  ", self.open.len()));
    }
}

/// Writes characters that XML 1.0 forbids (§2.2) as Rust does in source, such as `\u{1b}`.
fn escape(text: &str, out: &mut String, as_number: fn(char) -> bool) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            // Only `]]>` must not be in text, but nobody minds the others.
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if as_number(c) => {
                write!(out, "&#{};", u32::from(c)).expect("writing to memory cannot fail");
            }
            '\n' | '\t' => out.push(c),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
}
