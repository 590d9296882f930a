//! Serializing user values without ever failing.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// Serializes once, so that every span that repeats the value only copies text.
///
/// A value that cannot be serialized becomes the text that says so, the same that
/// [`tidegate_client::Event`] records.
pub(crate) fn raw<T: Serialize + ?Sized>(value: &T) -> Box<RawValue> {
    to_raw_value(value).unwrap_or_else(|error| {
        to_raw_value(&format!("{SUBSTITUTE}{error}>")).expect("a string always serializes")
    })
}

const SUBSTITUTE: &str = "<value could not be serialized: ";

/// Whether [`raw`] may have written this instead of a value.
pub(crate) fn is_substitute(raw: &RawValue) -> bool {
    raw.get().strip_prefix('"').is_some_and(|text| text.starts_with(SUBSTITUTE))
}

/// Parses what [`raw`] wrote. Text nested too deeply to be parsed stays text.
pub(crate) fn parsed(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_else(|_| Value::from(raw.get()))
}

pub(crate) fn value<T: Serialize + ?Sized>(value: &T) -> Value {
    parsed(&raw(value))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[test]
    fn values_without_json_become_text() {
        let keys_are_not_text: BTreeMap<Vec<u8>, u8> = [(vec![1], 2)].into();
        assert_eq!(
            value(&keys_are_not_text),
            json!("<value could not be serialized: key must be a string>")
        );
        assert_eq!(value(&f64::NAN), Value::Null);
        assert_eq!(value(&"a"), json!("a"));
    }
}
