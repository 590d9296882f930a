//! Whether a value is JSON.

use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// Returns 1 if the output is a JSON object or array, or the JSON text of one, else 0.
///
/// This is autoevals' `ValidJSON` without a schema; with the feature `schema` there is `JsonSchema`
/// for the other half. A scalar (`5`, `"text"`, `null`) is not enough.
///
/// # Differences
/// JSON is what RFC 8259 says, as in JavaScript; Python also takes `NaN`, `Infinity` and
/// `-Infinity`, and raises for nesting of a thousand levels, which is valid here.
///
/// ```
/// use tidegate_scorers::valid_json;
///
/// assert_eq!(valid_json(r#" {"a": [1, 2.5e3, null]} "#), 1.0);
/// assert_eq!(valid_json(r#"{"a": 1,}"#), 0.0);
/// assert_eq!(valid_json("5"), 0.0);
/// assert_eq!(valid_json([1, 2]), 1.0);
/// ```
#[must_use]
pub fn valid_json(output: impl Serialize) -> f64 {
    let valid = match serde_json::to_value(output) {
        Ok(Value::String(text)) => is_structured_text(&text),
        Ok(value) => value.is_object() || value.is_array(),
        Err(_) => false,
    };
    f64::from(u8::from(valid))
}

/// Checked without building the value: neither depth nor the size of numbers limits that.
fn is_structured_text(text: &str) -> bool {
    starts_structure(text) && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn starts_structure(text: &str) -> bool {
    text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with(['{', '['])
}

/// The object or array that a text is the JSON text of.
pub(crate) fn structured(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) if starts_structure(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_and_arrays() {
        for valid in ["{}", "[]", "\t\r\n [1e400]", r#"["\ud800"]"#, r#"{"a":1,"a":2}"#] {
            assert_eq!(valid_json(valid), 1.0, "{valid}");
        }
        let invalid = [
            "",
            " ",
            "null",
            "true",
            "1",
            "\"a\"",
            "[1,]",
            "{'a':1}",
            "[NaN]",
            "[-Infinity]",
            "[01]",
            "[1] 2",
            "{",
            "\u{feff}{}",
            "\u{a0}{}",
            "[\"\n\"]",
            "{\"a\":}",
            "[\"\\x\"]",
        ];
        for invalid in invalid {
            assert_eq!(valid_json(invalid), 0.0, "{invalid}");
        }
        assert_eq!(valid_json(None::<i32>), 0.0);
        assert_eq!(valid_json(1), 0.0);
    }

    #[test]
    fn depth_is_no_limit_and_no_danger() {
        let deep = "[".repeat(200_000) + &"]".repeat(200_000);
        assert_eq!(valid_json(&deep), 1.0);
        assert_eq!(valid_json(&deep[1..]), 0.0);
    }
}
