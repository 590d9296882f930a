//! Scores, metrics and tags as columns.
//!
//! PostgreSQL has no NUL in texts and jsonb, and jsonb has neither negative zero nor infinities. A
//! name is written with an escape instead, such a number as a text, which casts to the same one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;
use tidegate_analysis::comparison::{Metric, Trial, metric_unit};

use crate::store::StoreError;

/// Between tags, where a list of them is one text.
pub(super) const SEPARATOR: char = '\u{1}';
/// Before what stands for a character that may not be.
const ESCAPE: char = '\u{2}';

/// Writes a name, or any text, without NUL and [`SEPARATOR`].
pub(super) fn name(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', SEPARATOR, ESCAPE]) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\0' => escaped.extend([ESCAPE, '0']),
            SEPARATOR => escaped.extend([ESCAPE, '1']),
            ESCAPE => escaped.extend([ESCAPE, '2']),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

/// Reads [`name`].
pub(super) fn read_name(column: &str) -> Cow<'_, str> {
    if !column.contains(ESCAPE) {
        return Cow::Borrowed(column);
    }
    let (mut text, mut rest) = (String::with_capacity(column.len()), column.chars());
    while let Some(character) = rest.next() {
        text.push(match character {
            ESCAPE => match rest.next() {
                Some('0') => '\0',
                Some('1') => SEPARATOR,
                _ => ESCAPE,
            },
            other => other,
        });
    }
    Cow::Owned(text)
}

/// Writes figures as a JSON object.
fn write<'a>(figures: impl Iterator<Item = (&'a str, f64)>) -> String {
    let members: serde_json::Map<String, Value> = figures
        .map(|(figure, value)| {
            let plain = value.is_finite() && !(value == 0.0 && value.is_sign_negative());
            let number = serde_json::Number::from_f64(value).filter(|_| plain);
            let value = number.map_or_else(|| Value::String(value.to_string()), Value::Number);
            (name(figure).into_owned(), value)
        })
        .collect();
    Value::Object(members).to_string()
}

/// Writes a trial's scores and its metrics. Units need no place: they follow from the names.
pub(super) fn columns(trial: &Trial) -> (String, String) {
    let scores = trial.scores.iter().map(|(name, score)| (name, *score));
    let metrics = trial.metrics.iter().map(|(name, metric)| (name, metric.value));
    (write(scores), write(metrics))
}

/// Reads figures, in the order of their names.
pub(super) fn read(column: Option<&str>) -> Result<Vec<(String, f64)>, StoreError> {
    let Some(column) = column else { return Ok(Vec::new()) };
    let members: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(column)
        .map_err(|error| StoreError::Damaged(format!("scores are malformed: {error}")))?;
    let members = members.iter().map(|(name, value)| {
        // The parser of the standard library is exact to the last bit.
        let number = value.get().trim_matches('"').parse();
        let number = number.map_err(|_| StoreError::Damaged("a score is no number".into()))?;
        Ok((read_name(name).into_owned(), number))
    });
    members.collect()
}

/// Reads [`columns`].
pub(super) fn trial(
    case_key: String,
    scores: Option<&str>,
    metrics: Option<&str>,
) -> Result<Trial, StoreError> {
    let mut trial = Trial { case_key, ..Trial::default() };
    trial.scores.extend(read(scores)?);
    for (name, value) in read(metrics)? {
        let unit = Cow::Borrowed(metric_unit(&name).unwrap_or("s"));
        trial.metrics.insert(name, Metric { value, unit });
    }
    Ok(trial)
}

/// Writes one tag.
pub(super) fn tag(tag: &Value) -> String {
    match tag {
        Value::String(text) => format!("s{}", name(text)),
        other => format!("j{}", name(&other.to_string())),
    }
}

/// Writes a JSON list of tags, separated by [`SEPARATOR`].
pub(super) fn tags(list: &str) -> Option<String> {
    // What is no list has no tags.
    let tags: Vec<Value> = serde_json::from_str(list).ok()?;
    let tags: Vec<String> = tags.iter().map(tag).collect();
    (!tags.is_empty()).then(|| tags.join("\u{1}"))
}

/// Reads a [`tag`].
pub(super) fn read_tag(column: &str) -> Result<Value, StoreError> {
    match column.split_at_checked(1) {
        Some(("s", text)) => Ok(Value::String(read_name(text).into_owned())),
        Some(("j", json)) => serde_json::from_str(&read_name(json))
            .map_err(|error| StoreError::Damaged(format!("a tag is malformed: {error}"))),
        _ => Err(StoreError::Damaged("a tag of an unknown kind".into())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_and_tags_come_back_without_what_texts_cannot_hold(text in "[\\x00-\\x03a-cé]{0,12}") {
            let written = name(&text);
            prop_assert!(!written.contains(['\0', SEPARATOR]));
            prop_assert_eq!(read_name(&written), text.as_str());
            for value in [Value::String(text.clone()), serde_json::json!([text, 1.5, null])] {
                prop_assert_eq!(read_tag(&tag(&value)).expect("a tag"), value);
            }
        }

        #[test]
        fn figures_come_back_to_the_last_bit(value in any::<f64>().prop_filter("a number", |v| !v.is_nan())) {
            let mut trial = Trial::default();
            trial.scores.insert("a\0b", value);
            let (scores, metrics) = columns(&trial);
            let found = super::trial(String::new(), Some(&scores), Some(&metrics)).expect("figures");
            prop_assert_eq!(found.scores.get("a\0b").map(|v| v.to_bits()), Some(value.to_bits()));
        }
    }

    #[test]
    fn lists_of_tags_are_one_text() {
        assert_eq!(
            tags(r#"["a",1,{"b":"\u0000"}]"#).as_deref(),
            Some("sa\u{1}j1\u{1}j{\"b\":\"\\u0000\"}")
        );
        for none in ["[]", "7", "[1e999"] {
            assert_eq!(tags(none), None, "{none}");
        }
        read_tag("x").expect_err("no tag");
    }
}
