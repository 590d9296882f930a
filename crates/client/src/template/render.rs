//! From nodes and variables to text.

use std::borrow::Cow;
use std::io;

use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::Formatter;

use super::parse::{Node, Template, TemplateError};

/// What rendering may still cost; shared by all templates of one prompt.
#[derive(Debug)]
pub(crate) struct Limits {
    bytes: usize,
    steps: usize,
}

/// Most bytes that one prompt may have: files inside of it are base64.
const MAX_BYTES: usize = 64 << 20;
/// Most nodes that are rendered for one prompt: sections over lists multiply.
const MAX_STEPS: usize = 10_000_000;

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: MAX_BYTES, steps: MAX_STEPS }
    }
}

#[cfg(test)]
impl Limits {
    pub(crate) fn of(bytes: usize, steps: usize) -> Self {
        Self { bytes, steps }
    }
}

/// Renders a template; what is missing renders as nothing.
pub(crate) fn render(
    template: &Template<'_>,
    variables: &Value,
    limits: &mut Limits,
) -> Result<String, TemplateError> {
    let mut renderer =
        Renderer { scopes: vec![Cow::Borrowed(variables)], limits, out: String::new() };
    renderer.nodes(&template.nodes)?;
    Ok(renderer.out)
}

/// The first variable outside of sections that is not there. What is inside of one may be
/// missing in some of its items for a reason.
pub(crate) fn missing<'t>(template: &Template<'t>, variables: &Value) -> Option<&'t str> {
    template.nodes.iter().find_map(|node| match node {
        Node::Name(name) | Node::Raw(name) => {
            let found = *name == "." || find(variables, name).is_some();
            (!found).then_some(*name)
        }
        Node::Text(_) | Node::Section { .. } => None,
    })
}

struct Renderer<'a, 'l> {
    scopes: Vec<Cow<'a, Value>>,
    limits: &'l mut Limits,
    out: String,
}

impl<'a> Renderer<'a, '_> {
    fn nodes(&mut self, nodes: &[Node<'_>]) -> Result<(), TemplateError> {
        for node in nodes {
            self.limits.steps =
                self.limits.steps.checked_sub(1).ok_or(TemplateError::TooMuchWork)?;
            match node {
                Node::Text(text) => self.push(text)?,
                Node::Name(name) => {
                    if let Some(value) = self.lookup(name) {
                        self.push(&text_of(&value))?;
                    }
                }
                Node::Raw(name) => {
                    if let Some(value) = self.lookup(name) {
                        self.push(&raw(&value))?;
                    }
                }
                Node::Section { name, inverted, nodes } => {
                    let value = self.lookup(name);
                    if *inverted {
                        let empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
                        if value.is_none_or(|value| is_false(&value) || empty(&value)) {
                            self.nodes(nodes)?;
                        }
                    } else if let Some(value) = value.filter(|value| !is_false(value)) {
                        self.section(value, nodes)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn section(&mut self, value: Cow<'a, Value>, nodes: &[Node<'_>]) -> Result<(), TemplateError> {
        match value {
            Cow::Borrowed(Value::Array(items)) => {
                for item in items {
                    self.within(Cow::Borrowed(item), nodes)?;
                }
                Ok(())
            }
            Cow::Borrowed(Value::Bool(_)) => self.nodes(nodes),
            value => self.within(value, nodes),
        }
    }

    fn within(&mut self, scope: Cow<'a, Value>, nodes: &[Node<'_>]) -> Result<(), TemplateError> {
        // An empty section over a long list is work too.
        self.limits.steps = self.limits.steps.checked_sub(1).ok_or(TemplateError::TooMuchWork)?;
        self.scopes.push(scope);
        let rendered = self.nodes(nodes);
        self.scopes.pop();
        rendered
    }

    /// The value of a name in the innermost scope that has it.
    fn lookup(&self, name: &str) -> Option<Cow<'a, Value>> {
        let innermost = self.scopes.last()?;
        if name == "." {
            return Some(innermost.clone()).filter(|value| !value.is_null());
        }
        let found = self.scopes.iter().rev().find_map(|scope| match scope {
            Cow::Borrowed(scope) => find(scope, name),
            // A length, which has no members.
            Cow::Owned(_) => None,
        });
        found.filter(|value| !value.is_null())
    }

    fn push(&mut self, text: &str) -> Result<(), TemplateError> {
        let too_long = TemplateError::TooLong { limit_bytes: MAX_BYTES };
        self.limits.bytes = self.limits.bytes.checked_sub(text.len()).ok_or(too_long)?;
        self.out.push_str(text);
        Ok(())
    }
}

/// Follows a name from one value; null where it is there and null.
fn find<'a>(from: &'a Value, name: &str) -> Option<Cow<'a, Value>> {
    if name.find('.').is_none_or(|dot| dot == 0) {
        // Only in a path a text has members: a section over one may use the name of an outer one.
        return if from.is_string() { None } else { member(from, name) };
    }
    let mut names = name.split('.');
    let mut value = member(from, names.next()?)?;
    for name in names {
        value = match value {
            Cow::Borrowed(value) => member(value, name)?,
            Cow::Owned(_) => return None,
        };
    }
    Some(value)
}

fn member<'a>(value: &'a Value, name: &str) -> Option<Cow<'a, Value>> {
    let index = || name.parse::<usize>().ok().filter(|index| index.to_string() == name);
    match value {
        Value::Object(members) => members.get(name).map(Cow::Borrowed),
        Value::Array(items) if name == "length" => Some(Cow::Owned(items.len().into())),
        Value::Array(items) => items.get(index()?).map(Cow::Borrowed),
        // In the units of JavaScript, so that both say the same.
        Value::String(text) if name == "length" => {
            Some(Cow::Owned(text.encode_utf16().count().into()))
        }
        Value::String(text) => {
            let unit = text.encode_utf16().nth(index()?)?;
            Some(Cow::Owned(String::from_utf16_lossy(&[unit]).into()))
        }
        _ => None,
    }
}

fn is_false(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(_) | Value::Object(_) => false,
    }
}

/// A text as it is, anything else as JSON.
fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        value => Cow::Owned(json(value)),
    }
}

/// As JavaScript turns values into text, but for objects, which would be `[object Object]`.
fn raw(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Array(items) => {
            let items = items.iter().map(|item| match item {
                Value::Null => Cow::Borrowed(""),
                item => raw(item),
            });
            Cow::Owned(items.collect::<Vec<_>>().join(","))
        }
        value => text_of(value),
    }
}

/// JSON as JavaScript writes it: numbers without a fraction have none.
fn json(value: &Value) -> String {
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, JavaScript);
    // Writing into memory does not fail, and neither has a value a key that is no text.
    drop(value.serialize(&mut serializer));
    String::from_utf8(out).unwrap_or_default()
}

struct JavaScript;

impl Formatter for JavaScript {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        let size = value.abs();
        let text = if value == 0.0 {
            "0".to_owned()
        } else if (1e-6..1e21).contains(&size) {
            value.to_string()
        } else {
            let text = format!("{value:e}");
            if size < 1.0 { text } else { text.replace('e', "e+") }
        };
        writer.write_all(text.as_bytes())
    }
}
