//! Equality of two values.

use serde::Serialize;
use serde_json::{Number, Value};

use crate::json_text::number_text;
use crate::valid_json::structured;

/// Returns 1 if output and expected are the same value, else 0.
///
/// This is autoevals' `ExactMatch`: if either side is an object or an array, both are compared as
/// JSON, and a text on the other side is read as such. Otherwise both are compared as text: `5`
/// equals `"5"`, and two texts are equal if their characters are, also if they look like JSON.
///
/// # Differences
/// The order of object members never matters (in autoevals it does, against its documentation), and
/// two numbers are compared by value: `1` equals `1.0`, as in JavaScript. The text of a boolean is
/// `true`, as in JavaScript, not Python's `True`. Nothing (`None`, `null`) equals nothing only; in
/// Python it equals the text `None`. An object or array and a number, boolean or nothing differ,
/// where Python raises. Text of JSON is limited as for [`json_diff`](fn@crate::json_diff); integers
/// are exact up to 64 bits.
///
/// A value that cannot be serialized equals nothing.
///
/// ```
/// use serde_json::json;
/// use tidegate_scorers::exact_match;
///
/// assert_eq!(exact_match("deu", Some("deu")), 1.0);
/// assert_eq!(exact_match("deu", "nld"), 0.0);
/// assert_eq!(exact_match(&json!({"a": 1, "b": 2}), r#"{"b": 2, "a": 1.0}"#), 1.0);
/// ```
#[must_use]
pub fn exact_match(output: impl Serialize, expected: impl Serialize) -> f64 {
    let (Ok(output), Ok(expected)) = (serde_json::to_value(output), serde_json::to_value(expected))
    else {
        return 0.0;
    };
    f64::from(u8::from(same(&output, &expected)))
}

fn same(output: &Value, expected: &Value) -> bool {
    match (is_structured(output), is_structured(expected)) {
        (true, true) => same_json(output, expected),
        (true, false) => structured(expected).is_some_and(|expected| same_json(output, &expected)),
        (false, true) => structured(output).is_some_and(|output| same_json(&output, expected)),
        (false, false) => match (output, expected) {
            (Value::Null, other) | (other, Value::Null) => other.is_null(),
            (Value::Number(a), Value::Number(b)) => same_number(a, b),
            (a, b) => scalar_text(a) == scalar_text(b),
        },
    }
}

fn is_structured(value: &Value) -> bool {
    value.is_object() || value.is_array()
}

fn same_json(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => same_number(a, b),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same_json(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Compares integers exactly, and as floats only if one of them is one.
fn same_number(a: &Number, b: &Number) -> bool {
    a == b || ((a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64())
}

fn scalar_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number_text(number),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_compare_as_text() {
        assert_eq!(exact_match(5, "5"), 1.0);
        assert_eq!(exact_match(true, "true"), 1.0);
        assert_eq!(exact_match(1, 1.0), 1.0);
        assert_eq!(exact_match(1e16, "1e+16"), 1.0);
        assert_eq!(exact_match("a", "A"), 0.0);
        assert_eq!(exact_match("", ""), 1.0);
    }

    #[test]
    fn nothing_equals_only_nothing() {
        assert_eq!(exact_match(None::<String>, None::<String>), 1.0);
        assert_eq!(exact_match("null", None::<String>), 0.0);
        assert_eq!(exact_match(None::<String>, ""), 0.0);
    }

    #[test]
    fn structures_compare_as_json_even_in_text() {
        assert_eq!(exact_match(json!([1, {"a": null}]), "[1, {\"a\":null}]"), 1.0);
        assert_eq!(exact_match(json!([1, 2]), json!([2, 1])), 0.0);
        assert_eq!(exact_match(json!({"a": 1}), json!({"a": 1, "b": null})), 0.0);
        assert_eq!(exact_match(json!(["1"]), json!([1])), 0.0);
        assert_eq!(exact_match(json!([1]), 1), 0.0);
        assert_eq!(exact_match(json!({}), None::<i32>), 0.0);
        // Two texts stay texts, whatever they look like.
        assert_eq!(exact_match("1.0", "1"), 0.0);
        assert_eq!(exact_match("[1]", "[ 1 ]"), 0.0);
    }

    #[test]
    fn large_integers_are_not_rounded() {
        assert_eq!(exact_match(u64::MAX, u64::MAX - 1), 0.0);
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z\\[{\"0-9]{0,6}".prop_map(Value::from),
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
        fn is_reflexive_and_symmetric(a in json_value(), b in json_value()) {
            prop_assert_eq!(exact_match(&a, &a), 1.0);
            prop_assert_eq!(exact_match(&a, &b), exact_match(&b, &a));
        }

        #[test]
        fn the_json_text_of_a_structure_equals_it(a in json_value()) {
            prop_assume!(is_structured(&a));
            prop_assert_eq!(exact_match(&a, a.to_string()), 1.0);
        }
    }
}
