//! Similarity of two JSON values.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::json_text::sorted_text;
use crate::valid_json::structured;
use crate::{levenshtein, numeric_diff};

/// Returns how similar two values are, compared as JSON.
///
/// This is autoevals' `JSONDiff`, by its Python formula:
///
/// - two objects: the mean over all members of either; a missing member is `null`;
/// - two arrays: the sum over the positions both have, divided by the longer length;
/// - two empty objects or arrays, or two `null`: 1; `null` and anything else: 0;
/// - two texts: [`levenshtein`](fn@crate::levenshtein); two numbers:
///   [`numeric_diff`](fn@crate::numeric_diff), where booleans count as 1 and 0;
/// - anything else: the Levenshtein similarity of both values' JSON text, with sorted members and
///   non-ASCII characters as `\u` escapes.
///
/// A text that is the JSON text of an object or array is replaced by that value first, at every
/// depth. [`JsonDiff`] has the options.
///
/// # Differences
/// From Python: the texts `[NaN]` and `[Infinity]` are not JSON; and a text nested deeper than 128
/// levels, with a number beyond the range of `f64`, or with half a surrogate pair stays a text. For
/// integers beyond 64 bits and numbers whose sum overflows see
/// [`numeric_diff`](fn@crate::numeric_diff). A value that cannot be serialized scores 0.
/// From JavaScript, where Python itself differs: booleans are no numbers there, and the JSON text of
/// mixed types keeps non-ASCII characters.
///
/// ```
/// use serde_json::json;
/// use tidegate_scorers::json_diff;
///
/// let expected = json!({"name": "Ada", "age": 36});
/// assert_eq!(json_diff(&json!({"age": 36, "name": "Ada"}), &expected), 1.0);
/// assert_eq!(json_diff(r#"{"name": "Ada"}"#, &expected), 0.5);
/// assert_eq!(json_diff(json!([1, 2, 3]), json!([1, 2])), 2.0 / 3.0);
/// ```
#[must_use]
pub fn json_diff(output: impl Serialize, expected: impl Serialize) -> f64 {
    JsonDiff::new().score(output, expected)
}

type Strings = Box<dyn Fn(&str, &str) -> f64 + Send + Sync>;
type Numbers = Box<dyn Fn(f64, f64) -> f64 + Send + Sync>;

/// [`json_diff`] with options.
///
/// ```
/// use tidegate_scorers::JsonDiff;
///
/// let strict = JsonDiff::new()
///     .preserve_strings()
///     .string_scorer(|output, expected| f64::from(u8::from(output == expected)))
///     .number_scorer(|output, expected| f64::from(u8::from((output - expected).abs() < 0.01)));
/// assert_eq!(strict.score(["almost", "same"], ["almost", "some"]), 0.5);
/// assert_eq!(strict.score(1.001, 1.0), 1.0);
/// assert_eq!(strict.score("[1]", "[ 1 ]"), 0.0);
/// ```
pub struct JsonDiff {
    preserve_strings: bool,
    strings: Strings,
    numbers: Numbers,
}

impl JsonDiff {
    /// Without options: as [`json_diff`].
    #[must_use]
    pub fn new() -> Self {
        Self {
            preserve_strings: false,
            strings: Box::new(|output, expected| levenshtein(output, expected)),
            numbers: Box::new(numeric_diff),
        }
    }

    /// Leaves texts alone that are the JSON text of an object or array.
    #[must_use]
    pub fn preserve_strings(mut self) -> Self {
        self.preserve_strings = true;
        self
    }

    /// Scores two texts; gets output and expected. The default is
    /// [`levenshtein`](fn@crate::levenshtein). Also scores the JSON texts of values of different
    /// types.
    #[must_use]
    pub fn string_scorer(
        mut self,
        scorer: impl Fn(&str, &str) -> f64 + Send + Sync + 'static,
    ) -> Self {
        self.strings = Box::new(scorer);
        self
    }

    /// Scores two numbers; gets output and expected, booleans as 1 and 0. The default is
    /// [`numeric_diff`](fn@crate::numeric_diff).
    #[must_use]
    pub fn number_scorer(
        mut self,
        scorer: impl Fn(f64, f64) -> f64 + Send + Sync + 'static,
    ) -> Self {
        self.numbers = Box::new(scorer);
        self
    }

    /// Scores. In 0..=1 if the scorers of texts and numbers are.
    #[must_use]
    pub fn score(&self, output: impl Serialize, expected: impl Serialize) -> f64 {
        match (serde_json::to_value(output), serde_json::to_value(expected)) {
            (Ok(output), Ok(expected)) => self.diff(&output, &expected),
            _ => 0.0,
        }
    }

    fn diff(&self, output: &Value, expected: &Value) -> f64 {
        if !self.preserve_strings {
            let parsed = (structured(output), structured(expected));
            if parsed.0.is_some() || parsed.1.is_some() {
                return self.diff_parsed(
                    parsed.0.as_ref().unwrap_or(output),
                    parsed.1.as_ref().unwrap_or(expected),
                );
            }
        }
        self.diff_parsed(output, expected)
    }

    fn diff_parsed(&self, output: &Value, expected: &Value) -> f64 {
        match (output, expected) {
            (Value::Object(a), Value::Object(b)) => {
                let only_expected = b.keys().filter(|name| !a.contains_key(*name));
                let names: Vec<&String> = a.keys().chain(only_expected).collect();
                if names.is_empty() {
                    return 1.0;
                }
                let sum: f64 =
                    names.iter().map(|name| self.diff(member(a, name), member(b, name))).sum();
                sum / names.len() as f64
            }
            (Value::Array(a), Value::Array(b)) => {
                let longer = a.len().max(b.len());
                if longer == 0 {
                    return 1.0;
                }
                let sum: f64 = a.iter().zip(b).map(|(a, b)| self.diff(a, b)).sum();
                sum / longer as f64
            }
            (Value::String(a), Value::String(b)) => (self.strings)(a, b),
            (Value::Null, Value::Null) => 1.0,
            (Value::Null, _) | (_, Value::Null) => 0.0,
            (a, b) => match (number(a), number(b)) {
                (Some(a), Some(b)) => (self.numbers)(a, b),
                _ => (self.strings)(&sorted_text(a), &sorted_text(b)),
            },
        }
    }
}

impl Default for JsonDiff {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for JsonDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonDiff")
            .field("preserve_strings", &self.preserve_strings)
            .finish_non_exhaustive()
    }
}

/// A missing member counts as `null`, so that a member that is `null` may be left out.
fn member<'a>(members: &'a Map<String, Value>, name: &str) -> &'a Value {
    members.get(name).unwrap_or(&Value::Null)
}

/// In Python booleans are integers.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Number(number) => number.as_f64(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn missing_and_null_are_the_same() {
        assert_eq!(json_diff(json!({}), json!({"a": null})), 1.0);
        assert_eq!(json_diff(json!({"b": 1}), json!({"a": null})), 0.5);
        assert_eq!(json_diff(None::<i32>, None::<i32>), 1.0);
        assert_eq!(json_diff(None::<i32>, 0), 0.0);
    }

    #[test]
    fn texts_in_texts_are_parsed_at_every_depth() {
        let inner = json!({"a": [1, 2]}).to_string();
        let outer = json!({"x": inner}).to_string();
        assert_eq!(json_diff(&outer, json!({"x": {"a": [1, 2]}})), 1.0);
        assert!(
            JsonDiff::new().preserve_strings().score(&outer, json!({"x": {"a": [1, 2]}})) < 1.0
        );
        // Scalars in texts stay texts.
        assert_eq!(json_diff("1", "1.0"), levenshtein("1", "1.0"));
    }

    #[test]
    fn booleans_are_numbers() {
        assert_eq!(json_diff(true, 1), 1.0);
        assert_eq!(json_diff(true, false), 0.0);
        assert_eq!(json_diff(true, "true"), levenshtein("true", "\"true\""));
    }

    #[test]
    fn values_of_different_types_compare_as_sorted_text() {
        assert_eq!(
            json_diff(json!({"b": 1, "a": 2}), json!([1])),
            levenshtein("{\"a\":2,\"b\":1}", "[1]")
        );
        assert_eq!(json_diff("é", 5), 0.0);
        assert_eq!(json_diff(json!(["é"]), json!({})), 1.0 - 10.0 / 10.0);
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-zé\\[{\"0-9]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-c]", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn is_a_symmetric_share(a in json_value(), b in json_value()) {
            let score = json_diff(&a, &b);
            prop_assert!((0.0..=1.0 + 1e-12).contains(&score), "{}", score);
            prop_assert!((score - json_diff(&b, &a)).abs() < 1e-9);
            prop_assert!(json_diff(&a, &a) > 1.0 - 1e-9);
        }
    }
}
