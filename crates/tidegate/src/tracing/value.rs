//! Values of fields, as they are recorded.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use tracing::field::{Field, Visit};

/// What is kept of a value that is formatted for us; the rest is cut off. A text that is passed
/// as it is has no such limit: it is in memory already.
const MAX_FORMATTED_BYTES: usize = 256 << 10;
const CUT: &str = "… (cut)";

#[derive(Debug)]
pub(super) enum Value {
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    Json(Box<RawValue>),
}

impl Value {
    /// Formats a value. It is code of the host: if it panics, the value says so.
    pub(super) fn debug(value: &dyn fmt::Debug) -> Self {
        Self::Text(formatted(|text| write!(text, "{value:?}")))
    }

    /// An error with its causes.
    pub(super) fn error(error: &(dyn Error + 'static)) -> Self {
        Self::Text(formatted(|text| {
            write!(text, "{error}")?;
            let mut cause = error.source();
            while let Some(error) = cause {
                write!(text, ": {error}")?;
                cause = error.source();
            }
            Ok(())
        }))
    }

    /// Beyond 64 bits a text: JSON readers would round it.
    pub(super) fn wide<T: fmt::Display + TryInto<i64> + TryInto<u64> + Copy>(value: T) -> Self {
        match (value.try_into(), value.try_into()) {
            (Ok(signed), _) => Self::Signed(signed),
            (_, Ok(unsigned)) => Self::Unsigned(unsigned),
            _ => Self::Text(value.to_string()),
        }
    }

    /// A text that is a JSON object or array, as that.
    pub(super) fn parsed(self) -> Self {
        match self {
            Self::Text(text) if text.trim_start().starts_with(['{', '[']) => {
                match serde_json::from_str::<Box<RawValue>>(&text) {
                    Ok(json) => Self::Json(json),
                    Err(_) => Self::Text(text),
                }
            }
            other => other,
        }
    }

    /// A number, or a text that is one.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Signed(number) => Some(*number as f64),
            Self::Unsigned(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            Self::Text(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
            Self::Bool(_) | Self::Json(_) => None,
        }
    }

    /// The value as a text for people.
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Signed(number) => number.to_string(),
            Self::Unsigned(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Text(text) => text,
            Self::Json(json) => json.get().to_owned(),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Signed(number) => serializer.serialize_i64(*number),
            Self::Unsigned(number) => serializer.serialize_u64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Json(json) => json.serialize(serializer),
        }
    }
}

/// Names and values as an object.
#[derive(Debug)]
pub(super) struct Object<'a>(pub(super) &'a [(&'static str, Value)]);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Passes each field on as a [`Value`].
pub(super) struct Visitor<F>(pub(super) F);

impl<F: FnMut(&'static str, Value)> Visit for Visitor<F> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0(field.name(), Value::debug(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.0(field.name(), Value::error(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0(field.name(), Value::Text(value.to_owned()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0(field.name(), Value::Bool(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0(field.name(), Value::Signed(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0(field.name(), Value::Unsigned(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.0(field.name(), Value::wide(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.0(field.name(), Value::wide(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0(field.name(), Value::Float(value));
    }
}

fn formatted(write: impl FnOnce(&mut Bounded) -> fmt::Result) -> String {
    let mut text = Bounded::default();
    let written = catch_unwind(AssertUnwindSafe(|| write(&mut text)));
    match written {
        Ok(Ok(())) => text.0,
        // The formatter was stopped, or failed by itself; what it wrote is there.
        Ok(Err(_)) => text.0 + CUT,
        Err(_) => "<the value panicked while it was formatted>".to_owned(),
    }
}

/// A text that takes no more than [`MAX_FORMATTED_BYTES`].
#[derive(Debug, Default)]
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_FORMATTED_BYTES.saturating_sub(self.0.len());
        if text.len() <= room {
            self.0.push_str(text);
            return Ok(());
        }
        let end = (0..=room).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        self.0.push_str(&text[..end]);
        // Ends the formatting of a value of any size.
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: &Value) -> String {
        serde_json::to_string(value).expect("serializes")
    }

    #[test]
    fn formatted_values_are_cut_at_a_character() {
        let Value::Text(text) = Value::debug(&"é".repeat(MAX_FORMATTED_BYTES)) else { panic!() };
        assert!(text.len() <= MAX_FORMATTED_BYTES + CUT.len());
        assert!(text.ends_with(CUT) && text.starts_with("\"é"));
    }

    #[test]
    fn a_value_that_panics_harms_nobody() {
        struct Bad;
        impl fmt::Debug for Bad {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                panic!("on purpose")
            }
        }
        assert!(json(&Value::debug(&Bad)).contains("panicked"));
    }

    #[test]
    fn numbers_beyond_64_bits_are_texts() {
        assert_eq!(json(&Value::wide(u128::MAX)), format!("\"{}\"", u128::MAX));
        assert_eq!(json(&Value::wide(i128::from(u64::MAX))), u64::MAX.to_string());
        assert_eq!(json(&Value::wide(-1_i128)), "-1");
    }

    #[test]
    fn only_whole_objects_and_arrays_are_json() {
        let parsed = |text: &str| json(&Value::Text(text.into()).parsed());
        assert_eq!(parsed(r#" {"a": [1]}"#), r#"{"a": [1]}"#);
        assert_eq!(parsed("[x"), "\"[x\"");
        assert_eq!(parsed("12"), "\"12\"");
        let deep = "[".repeat(100_000);
        assert_eq!(parsed(&deep), format!("\"{deep}\""));
    }
}
