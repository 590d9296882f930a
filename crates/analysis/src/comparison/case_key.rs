//! The key by which cases of two experiments match.

use serde_json::{Number, Value};

/// Largest integer below which every whole float is exact, and so equal to an integer.
const EXACT_INTEGER_LIMIT: f64 = 9_007_199_254_740_992.0;

/// Returns the canonical JSON text of an input: keys sorted at every level, numbers by value.
///
/// Equal JSON gives equal keys: member order does not matter, and `1.0`, which Python sends where
/// JavaScript sends `1`, is the same number.
///
/// ```
/// use serde_json::json;
/// use tidegate_analysis::comparison::case_key;
/// assert_eq!(case_key(&json!({"a": 1, "b": 2})), case_key(&json!({"b": 2.0, "a": 1})));
/// assert_ne!(case_key(&json!("1")), case_key(&json!(1)));
/// ```
#[must_use]
pub fn case_key(input: &Value) -> String {
    let mut key = String::new();
    write(input, &mut key);
    key
}

fn write(value: &Value, key: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            key.push('{');
            for (index, (name, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    key.push(',');
                }
                key.push_str(&Value::from(name.as_str()).to_string());
                key.push(':');
                write(value, key);
            }
            key.push('}');
        }
        Value::Array(values) => {
            key.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    key.push(',');
                }
                write(value, key);
            }
            key.push(']');
        }
        Value::Number(number) => key.push_str(&canonical(number)),
        other => key.push_str(&other.to_string()),
    }
}

fn canonical(number: &Number) -> String {
    match number.as_f64() {
        Some(float)
            if number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT_INTEGER_LIMIT =>
        {
            // In range by the guard above; this also turns -0.0 into 0.
            (float as i64).to_string()
        }
        _ => number.to_string(),
    }
}
