//! Short texts for lists.

use jiff::Timestamp;
use serde_json::value::RawValue;

/// Bytes of a member that a list shows.
const PREVIEW_BYTES: usize = 400;

/// The beginning of a value: of the text itself for a string, else of its JSON. Null counts as
/// absent. Notes in `truncated` what was cut.
pub(crate) fn preview(
    value: Option<&RawValue>,
    name: &'static str,
    truncated: &mut Vec<&'static str>,
) -> Option<String> {
    let json = value.map(RawValue::get).filter(|json| *json != "null")?;
    let string: Option<String> =
        json.starts_with('"').then(|| serde_json::from_str(json).ok()).flatten();
    let mut text = string.unwrap_or_else(|| cut(json).to_owned());
    if text.len() > PREVIEW_BYTES || (!json.starts_with('"') && json.len() > text.len()) {
        text.truncate(cut(&text).len());
        truncated.push(name);
    }
    Some(text)
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(PREVIEW_BYTES)]
}

/// A time in microseconds as clients write it; the epoch if it is beyond all years.
pub(crate) fn time_text(microseconds: i64) -> String {
    let time = Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{time:.6}")
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previews_are_cut_at_a_character() {
        let show = |json: &str| {
            let value = RawValue::from_string(json.to_owned()).expect("JSON");
            let mut truncated = Vec::new();
            (preview(Some(&value), "input", &mut truncated), truncated.len())
        };
        assert_eq!(show("null"), (None, 0));
        assert_eq!(show(r#""a\nb""#), (Some("a\nb".into()), 0));
        assert_eq!(show(r#"{"a": 1}"#), (Some(r#"{"a": 1}"#.into()), 0));
        let long = serde_json::to_string(&"é".repeat(300)).expect("JSON");
        assert_eq!(show(&long), (Some("é".repeat(200)), 1));
        assert_eq!(show(&format!("[{long}]")).1, 1);
        // As long as is shown, though its JSON is longer.
        let full = serde_json::to_string(&"\n".repeat(PREVIEW_BYTES)).expect("JSON");
        assert_eq!(show(&full).1, 0);
    }
}
