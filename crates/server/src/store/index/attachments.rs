//! Which attachments a row names, read from its text.
//!
//! A reference is an object anywhere in a row, `{"type":"braintrust_attachment","key":…}`. Too many
//! keys do no harm, since all that hangs on them is which uploads are kept; one that is missed
//! would lose somebody's file. So in a row that has the type anywhere, every member `key` counts,
//! without parsing the rest: a row that only a lenient parser takes is read like any other.

use std::collections::BTreeSet;

/// The type of a reference. No client, and no library known, writes its letters as escapes.
const TYPE: &str = "braintrust_attachment";

/// Longest key that an upload can have, in bytes.
const KEY_BYTES: usize = 1_024;

/// Returns the keys that the text of a row names.
pub(crate) fn keys(text: &str) -> BTreeSet<String> {
    // Nearly every row ends here.
    if !text.contains(TYPE) {
        return BTreeSet::new();
    }
    let members = text.match_indices("\"key\"");
    members.filter_map(|(at, name)| value(&text[at + name.len()..])).collect()
}

/// Reads the string that follows the name of a member.
fn value(rest: &str) -> Option<String> {
    let literal = rest.trim_ascii_start().strip_prefix(':')?.trim_ascii_start();
    let inside = literal.strip_prefix('"')?;
    let mut escaped = false;
    // Each byte may be written as six.
    let end = inside.bytes().take(KEY_BYTES * 6 + 1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    // Half a surrogate pair is no text, and no upload's key.
    let key: String = serde_json::from_str(&literal[..end + 2]).ok()?;
    (key.len() <= KEY_BYTES).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        keys(text).into_iter().collect()
    }

    #[test]
    fn references_are_found_wherever_they_are_and_however_they_are_written() {
        let reference = |key: &str| serde_json::json!({"type": TYPE, "filename": "key", "content_type": "a/b", "key": key});
        let odd = "a \"b\" \\ \n ü \u{1F600} \\\"";
        let row = serde_json::json!({"input": [[reference("one")], {"deep": reference(odd)}],
            "metadata": {"key": "one"}, "output": "\"key\":\"quoted\""});
        for text in [row.to_string(), serde_json::to_string_pretty(&row).expect("JSON")] {
            assert_eq!(found(&text), [odd, "one"], "{text}");
        }
        let ascii = r#"{"type" : "braintrust_attachment", "key" :"\u00fc\ud83d\ude00"}"#;
        assert_eq!(found(ascii), ["ü\u{1F600}"]);
    }

    #[test]
    fn texts_without_a_reference_have_none_and_broken_ones_do_no_harm() {
        let long = format!(r#"{{"type":"{TYPE}","key":"{}"}}"#, "k".repeat(KEY_BYTES + 1));
        let longest = format!(r#"{{"type":"{TYPE}","key":"{}"}}"#, "k".repeat(KEY_BYTES));
        assert_eq!(found(&longest).len(), 1);
        for text in [
            r#"{"key":"of something else"}"#,
            r#"{"type":"braintrust_attachment","key":null}"#,
            r#"{"type":"braintrust_attachment","key":["k"]}"#,
            r#"{"type":"braintrust_attachment","value":"key"}"#,
            r#"{"type":"braintrust_attachment","key":"\ud83d"}"#,
            r#"{"type":"braintrust_attachment","key":"unfinished\"#,
            r#"{"type":"braintrust_attachment","key""#,
            long.as_str(),
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }
}
