//! A span's attributes while they are taken out one by one; what is left is metadata.

use serde_json::{Map, Value};

use super::value;

#[derive(Debug)]
pub(super) struct Attributes(Map<String, Value>);

impl Attributes {
    pub(super) fn new(attributes: Map<String, Value>) -> Self {
        Self(attributes)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// Takes an attribute out; null and the empty text count as absent and stay.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        let present = self.get(name).is_some_and(|value| value.as_str() != Some(""));
        if present { self.0.shift_remove(name) } else { None }
    }

    /// Takes a number out; a text that is one counts too.
    pub(super) fn take_number(&mut self, name: &str) -> Option<Value> {
        let number = number(self.0.get(name)?)?;
        self.0.shift_remove(name);
        Some(number)
    }

    /// Puts an attribute back, or one from elsewhere, unless the name is taken.
    pub(super) fn put(&mut self, name: String, value: Value) {
        self.0.entry(name).or_insert(value);
    }

    /// Takes out what starts with the prefix and a dot; the names come without both.
    pub(super) fn take_below(&mut self, prefix: &str) -> Vec<(String, Value)> {
        let below = |name: &str| name.strip_prefix(prefix)?.strip_prefix('.').map(str::to_owned);
        if !self.0.keys().any(|name| below(name).is_some()) {
            return Vec::new();
        }
        let mut taken = Vec::new();
        for (name, value) in std::mem::take(&mut self.0) {
            match below(&name) {
                Some(rest) => taken.push((rest, value)),
                None => drop(self.0.insert(name, value)),
            }
        }
        taken
    }

    /// Whether something starts with the prefix, a dot and a digit.
    pub(super) fn has_list(&self, prefix: &str) -> bool {
        self.0.keys().any(|name| {
            let rest = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.'));
            rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
        })
    }

    /// Takes out an object that is written as JSON under its name, as attributes below it, or both;
    /// what stands below wins.
    pub(super) fn take_object(&mut self, name: &str) -> Map<String, Value> {
        let mut members = Map::new();
        if let Some(whole) = self.take(name) {
            match value::as_object(whole) {
                Ok(object) => members = object,
                Err(other) => self.put(name.to_owned(), other),
            }
        }
        members.extend(self.take_below(name));
        members
    }

    pub(super) fn into_members(self) -> Map<String, Value> {
        self.0
    }
}

/// Reads a finite number.
pub(super) fn number(value: &Value) -> Option<Value> {
    match value {
        Value::Number(_) => Some(value.clone()),
        Value::String(text) => {
            let whole = text.parse::<i64>().map(Value::from).ok();
            let any = || text.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
            whole.or_else(|| any().map(Value::Number))
        }
        _ => None,
    }
}
