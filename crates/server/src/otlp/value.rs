//! Attribute values as JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use serde_json::{Map, Value};

/// How deep JSON in a text may be nested to be taken apart; deeper, it stays a text. A stored row
/// must be readable by parsers that stop at 128.
const DEPTH: usize = 64;

/// A value as JSON: bytes in base64, numbers that JSON lacks as texts.
pub(super) fn value(value: Option<AnyValue>) -> Value {
    match value.and_then(|value| value.value) {
        None | Some(Any::StringValueStrindex(_)) => Value::Null,
        Some(Any::StringValue(text)) => text.into(),
        Some(Any::BoolValue(flag)) => flag.into(),
        Some(Any::IntValue(number)) => number.into(),
        Some(Any::DoubleValue(number)) => double(number),
        Some(Any::ArrayValue(list)) => {
            list.values.into_iter().map(|item| self::value(Some(item))).collect()
        }
        Some(Any::KvlistValue(list)) => object(list.values).into(),
        Some(Any::BytesValue(bytes)) => STANDARD.encode(bytes).into(),
    }
}

/// Attributes as an object; of a key that comes twice the last one counts.
pub(super) fn object(pairs: Vec<KeyValue>) -> Map<String, Value> {
    pairs.into_iter().map(|pair| (pair.key, value(pair.value))).collect()
}

fn double(number: f64) -> Value {
    serde_json::Number::from_f64(number).map_or_else(
        || {
            let name = if number.is_nan() {
                "NaN"
            } else if number > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            };
            name.into()
        },
        Value::Number,
    )
}

/// Reads a text that holds JSON; anything else comes back as it is.
pub(super) fn parsed(value: Value) -> Value {
    match &value {
        Value::String(text) => json(text).unwrap_or(value),
        _ => value,
    }
}

/// Reads a text that holds a JSON object or list; anything else comes back as it is.
pub(super) fn parsed_if_nested(value: Value) -> Value {
    match &value {
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            json(text).unwrap_or(value)
        }
        _ => value,
    }
}

/// Reads an object, written out or as a text that holds one.
pub(super) fn as_object(value: Value) -> Result<Map<String, Value>, Value> {
    match value {
        Value::Object(members) => Ok(members),
        Value::String(text) => match json(&text) {
            Some(Value::Object(members)) => Ok(members),
            _ => Err(Value::String(text)),
        },
        other => Err(other),
    }
}

fn json(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(|value| is_shallow(value, DEPTH))
}

fn is_shallow(value: &Value, left: usize) -> bool {
    match value {
        Value::Array(items) => left > 0 && items.iter().all(|item| is_shallow(item, left - 1)),
        Value::Object(members) => {
            left > 0 && members.values().all(|member| is_shallow(member, left - 1))
        }
        _ => true,
    }
}

/// About how many bytes a value takes in memory.
pub(super) fn weight(value: &Value) -> usize {
    let inside = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(members) => members_weight(members),
        _ => 0,
    };
    size_of::<Value>() + inside
}

/// See [`weight`].
pub(super) fn members_weight(members: &Map<String, Value>) -> usize {
    const MEMBER: usize = 48;
    members.iter().map(|(name, member)| MEMBER + name.len() + weight(member)).sum()
}
