//! From text to nodes.

use std::fmt;

/// Deepest nesting of sections: rendering them is recursive.
const MAX_DEPTH: usize = 64;

/// A template that was read.
#[derive(Debug)]
pub(crate) struct Template<'t> {
    pub(crate) nodes: Vec<Node<'t>>,
}

/// A piece of a template.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Node<'t> {
    /// Stands as it is.
    Text(&'t str),
    /// `{{name}}`.
    Name(&'t str),
    /// `{{{name}}}` or `{{&name}}`.
    Raw(&'t str),
    /// `{{#name}}…{{/name}}`, or with `^` instead of `#`.
    Section { name: &'t str, inverted: bool, nodes: Vec<Node<'t>> },
}

/// A template that cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The text is no template.
    #[error("line {line}, column {column}: {problem}")]
    Syntax {
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// What is wrong there.
        problem: String,
    },
    /// What it gives is larger than any prompt.
    #[error("renders more than {limit_bytes} bytes")]
    TooLong {
        /// The cap of one whole prompt.
        limit_bytes: usize,
    },
    /// Its sections repeat without an end in sight.
    #[error("its sections repeat too often")]
    TooMuchWork,
}

/// A section that is not closed yet, with what surrounds it.
struct Open<'t> {
    name: &'t str,
    inverted: bool,
    at: usize,
    around: Vec<Node<'t>>,
}

/// What stands in a template, before sections are nested.
enum Item<'t> {
    Node(Node<'t>),
    Open { name: &'t str, inverted: bool, at: usize },
    Close { name: &'t str, at: usize },
}

impl<'t> Template<'t> {
    pub(crate) fn parse(text: &'t str) -> Result<Self, TemplateError> {
        let mut parser = Parser::new(text);
        let end = parser.run()?;
        let items = parser.items.into_iter().flatten();
        let mut nodes = Vec::new();
        let mut open: Vec<Open<'_>> = Vec::new();
        for item in items {
            match item {
                Item::Node(node) => nodes.push(node),
                Item::Open { name, inverted, at } => {
                    if open.len() == MAX_DEPTH {
                        let problem = format!("sections are nested deeper than {MAX_DEPTH}");
                        return Err(syntax(text, at, problem));
                    }
                    open.push(Open { name, inverted, at, around: std::mem::take(&mut nodes) });
                }
                Item::Close { name, at } => {
                    let Some(section) = open.pop() else {
                        return Err(syntax(text, at, format!("section {name:?} is not open")));
                    };
                    let Open { name: opened, inverted, mut around, .. } = section;
                    if opened != name {
                        let problem = format!("section {opened:?} is closed as {name:?}");
                        return Err(syntax(text, at, problem));
                    }
                    around.push(Node::Section { name, inverted, nodes });
                    nodes = around;
                }
            }
        }
        match open.pop() {
            Some(Open { name, at, .. }) => {
                debug_assert!(at < end, "a section begins before the end");
                Err(syntax(text, at, format!("section {name:?} is not closed")))
            }
            None => Ok(Self { nodes }),
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    open: &'t str,
    close: &'t str,
    /// Blank pieces of a line that turns out to be no line of the result are taken out again.
    items: Vec<Option<Item<'t>>>,
    line: Line,
}

/// What is known of the current line.
#[derive(Default)]
struct Line {
    has_tag: bool,
    has_text: bool,
    /// Places of blank pieces in the items.
    blank: Vec<usize>,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, at: 0, open: "{{", close: "}}", items: Vec::new(), line: Line::default() }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn run(&mut self) -> Result<usize, TemplateError> {
        while !self.rest().is_empty() {
            let found = self.rest().find(self.open);
            self.literal(found.unwrap_or(self.rest().len()));
            if found.is_some() {
                self.tag()?;
            }
        }
        self.end_line();
        Ok(self.at)
    }

    /// Takes text up to a tag, line by line.
    fn literal(&mut self, length: usize) {
        let text = &self.rest()[..length];
        self.at += length;
        for piece in text.split_inclusive('\n') {
            if piece.chars().all(is_space) {
                self.line.blank.push(self.items.len());
            } else {
                self.line.has_text = true;
            }
            self.items.push(Some(Item::Node(Node::Text(piece))));
            if piece.ends_with('\n') {
                self.end_line();
            }
        }
    }

    /// A line with nothing but sections, comments and the like is none of the result.
    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if line.has_tag && !line.has_text {
            for index in line.blank {
                self.items[index] = None;
            }
        }
    }

    fn tag(&mut self) -> Result<(), TemplateError> {
        let start = self.at;
        self.at += self.open.len();
        self.skip_space();
        let kind = self.rest().chars().next().filter(|first| "#^/>{&=!".contains(*first));
        self.at += kind.map_or(0, char::len_utf8);
        self.skip_space();
        let unclosed = || syntax(self.text, start, "the tag is not closed".to_owned());
        let rest = self.rest();
        let close = match kind {
            Some('{') => rest.find(&format!("}}{}", self.close)),
            Some('=') => rest.find('='),
            _ => rest.find(self.close),
        };
        let end = close.ok_or_else(unclosed)?;
        let name = rest[..end].trim_end_matches(is_space);
        let after = match kind {
            // What is left before the closing delimiter says nothing.
            Some('{' | '=') => {
                let closing = rest[end + 1..].find(self.close).ok_or_else(unclosed)?;
                end + 1 + closing
            }
            _ => end,
        };
        self.at += after + self.close.len();
        self.line.has_tag = true;
        let item = match kind {
            Some('#' | '^') => Item::Open { name, inverted: kind == Some('^'), at: start },
            Some('/') => Item::Close { name, at: start },
            Some('{' | '&') => Item::Node(Node::Raw(name)),
            Some('=') => return self.delimiters(name, start),
            // A comment, or a partial.
            Some(_) => return Ok(()),
            None => Item::Node(Node::Name(name)),
        };
        self.line.has_text |= matches!(item, Item::Node(_));
        self.items.push(Some(item));
        Ok(())
    }

    fn delimiters(&mut self, names: &'t str, start: usize) -> Result<(), TemplateError> {
        let mut names = names.split(is_space).filter(|name| !name.is_empty());
        let (Some(open), Some(close)) = (names.next(), names.next()) else {
            let problem = "expected two delimiters, such as {{=<% %>=}}".to_owned();
            return Err(syntax(self.text, start, problem));
        };
        (self.open, self.close) = (open, close);
        Ok(())
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(is_space).len();
    }
}

/// What JavaScript takes for a space.
fn is_space(character: char) -> bool {
    (character.is_whitespace() && character != '\u{85}') || character == '\u{feff}'
}

fn syntax(text: &str, at: usize, problem: impl fmt::Display) -> TemplateError {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before[start..].chars().count() + 1;
    TemplateError::Syntax { line, column, problem: problem.to_string() }
}
