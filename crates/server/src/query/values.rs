//! Equality, order and size of JSON values.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// Whether two values are equal: numbers by what they are worth, objects in any order of members.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare_numbers(a, b) == Ordering::Equal,
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}

/// Order among booleans, numbers or texts; `None` between kinds and for lists and objects.
pub(super) fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) => Some(compare_numbers(a, b)),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// An order of all values but null: booleans, numbers, texts, lists, objects. Values that are
/// [`equal`] are equal in it.
pub(super) fn total_order(a: &Value, b: &Value) -> Ordering {
    let by_kind = kind(a).cmp(&kind(b));
    by_kind.then_with(|| {
        compare(a, b).unwrap_or_else(|| match (a, b) {
            (Value::Null, Value::Null) => Ordering::Equal,
            _ => canonical(a).cmp(&canonical(b)),
        })
    })
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

/// Compares exactly: a float is not rounded to an integer nor the other way round, so that the
/// order has no circles.
fn compare_numbers(a: &Number, b: &Number) -> Ordering {
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(a), None) => compare_mixed(a, float(b)),
        (None, Some(b)) => compare_mixed(b, float(a)).reverse(),
        // JSON has no NaN.
        (None, None) => float(a).partial_cmp(&float(b)).unwrap_or(Ordering::Equal),
    }
}

fn whole(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

fn float(number: &Number) -> f64 {
    number.as_f64().unwrap_or(f64::MAX)
}

fn compare_mixed(whole: i128, float: f64) -> Ordering {
    // All integers here are far smaller; beyond it a float fits no integer.
    const FAR: f64 = 1e30;
    if float >= FAR {
        return Ordering::Less;
    }
    if float <= -FAR {
        return Ordering::Greater;
    }
    let by_whole = whole.cmp(&(float.trunc() as i128));
    by_whole.then_with(|| 0.0_f64.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal))
}

/// The JSON text, in a form that is the same for values that are equal.
pub(super) fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Number(number) => text.push_str(&canonical_number(number)),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_canonical(item, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut names: Vec<_> = members.iter().collect();
            names.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (index, (name, member)) in names.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write_canonical(member, text);
            }
            text.push('}');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

fn canonical_number(number: &Number) -> String {
    // Up to here every whole float is an integer of JSON as well.
    const EXACT: f64 = 1.0e19;
    match (whole(number), float(number)) {
        (Some(whole), _) => whole.to_string(),
        (None, float) if float.fract() == 0.0 && float.abs() < EXACT => (float as i128).to_string(),
        (None, _) => number.to_string(),
    }
}

/// About what a value takes in memory.
pub(super) fn bytes(value: &Value) -> usize {
    let inside = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(bytes).sum(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| name.len() + bytes(value)).sum()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    size_of::<Value>() + inside
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_compared_exactly() {
        let big = 9_007_199_254_740_993_u64;
        assert!(!equal(&json!(big), &json!(9_007_199_254_740_992.0)));
        assert!(equal(&json!(3), &json!(3.0)) && equal(&json!(-0.0), &json!(0)));
        for (small, large) in [
            (json!(-1.5), json!(-1)),
            (json!(1), json!(1.5)),
            (json!(9_007_199_254_740_992.0), json!(big)),
            (json!(u64::MAX), json!(1e300)),
            (json!(-1e300), json!(i64::MIN)),
        ] {
            assert_eq!(compare(&small, &large), Some(Ordering::Less), "{small} {large}");
            assert_eq!(compare(&large, &small), Some(Ordering::Greater), "{small} {large}");
        }
    }

    #[test]
    fn equal_values_have_one_canonical_text() {
        for (a, b) in [
            (json!({"a": 1, "b": [2.0]}), json!({"b": [2], "a": 1.0})),
            (json!(-0.0), json!(0)),
            (json!(1e18), json!(1_000_000_000_000_000_000_u64)),
        ] {
            assert!(equal(&a, &b));
            assert_eq!(canonical(&a), canonical(&b));
            assert_eq!(total_order(&a, &b), Ordering::Equal);
        }
        assert_ne!(canonical(&json!("1")), canonical(&json!(1)));
        assert_ne!(canonical(&json!(1.5)), canonical(&json!(1)));
    }

    #[test]
    fn kinds_have_an_order() {
        let rising = [
            json!(false),
            json!(true),
            json!(-3),
            json!(0.5),
            json!(""),
            json!("a"),
            json!([1]),
            json!({}),
        ];
        for (at, a) in rising.iter().enumerate() {
            for (other, b) in rising.iter().enumerate() {
                assert_eq!(total_order(a, b), at.cmp(&other), "{a} {b}");
            }
        }
        assert_eq!(compare(&json!(1), &json!("1")), None);
        assert_eq!(compare(&json!([1]), &json!([1])), None);
    }
}
