//! JSON as Python writes it.

use serde_json::{Number, Value};

/// Returns what Python's `json.dumps(value, separators=(",", ":"), sort_keys=True)` returns.
///
/// Scores of values of different types compare these texts, so they depend on how non-ASCII
/// characters are escaped and how floats are written; `serde_json` does both differently.
pub(crate) fn sorted_text(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) => text.push_str(&number_text(number)),
        Value::String(string) => write_string(string, text),
        Value::Array(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            // UTF-8 sorts like Unicode code points, by which Python sorts.
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (at, (name, member)) in members.into_iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write_string(name, text);
                text.push(':');
                write(member, text);
            }
            text.push('}');
        }
    }
}

/// Everything but printable ASCII becomes an escape, beyond the first plane two of them.
fn write_string(string: &str, text: &mut String) {
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            ' '..='~' => text.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    text.push('"');
}

/// Returns what Python's `repr` of the number returns: for a float the shortest digits that read
/// back the same, with an exponent below 1e-4 and from 1e16 on.
pub(crate) fn number_text(number: &Number) -> String {
    let float = match number.as_f64() {
        Some(float) if number.is_f64() => float,
        _ => return number.to_string(),
    };
    let magnitude = float.abs();
    if float == 0.0 || (1e-4..1e16).contains(&magnitude) {
        // Rust's `Debug` has the same two bounds, and keeps the `.0` of whole numbers.
        return format!("{float:?}");
    }
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.strip_prefix('-') {
        Some(exponent) => format!("{digits}e-{exponent:0>2}"),
        None => format!("{digits}e+{exponent:0>2}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_sorted_and_nothing_is_spaced() {
        let value = json!({"b": [1, null, true, false], "a": {"é": {}, "Z": []}});
        assert_eq!(sorted_text(&value), r#"{"a":{"Z":[],"\u00e9":{}},"b":[1,null,true,false]}"#);
    }

    #[test]
    fn strings_are_ascii() {
        let value = json!("a\"\\\n\r\t\u{8}\u{c}\u{0}\u{7f}é😀/");
        let expected = r#""a\"\\\n\r\t\b\f\u0000\u007f\u00e9\ud83d\ude00/""#;
        assert_eq!(sorted_text(&value), expected);
    }

    #[test]
    fn floats_are_written_as_python_does() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (0.0001, "0.0001"),
            (0.00012, "0.00012"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (123_456_789.25, "123456789.25"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (1e16, "1e+16"),
            (-1.25e100, "-1.25e+100"),
            (5e-324, "5e-324"),
            (1.797_693_134_862_315_7e308, "1.7976931348623157e+308"),
        ];
        for (float, expected) in cases {
            assert_eq!(sorted_text(&json!(float)), expected);
        }
        assert_eq!(sorted_text(&json!(u64::MAX)), "18446744073709551615");
        assert_eq!(sorted_text(&json!(i64::MIN)), "-9223372036854775808");
    }
}
