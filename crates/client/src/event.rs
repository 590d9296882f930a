//! What a span can record.

use std::borrow::Cow;

use serde::Serialize;

use crate::attachment::{Claims, any_serialized, claims_in};
use crate::json::Json;

pub(crate) type Name = Cow<'static, str>;

/// One `log()` worth of fields.
///
/// Values are serialized when they are set, so later changes to them are not recorded, and
/// setting never fails: a value that cannot be serialized is recorded as a text that says so.
/// Setting a field twice keeps the last value; `score`, `metric` and `tags` add up.
///
/// ```
/// use tidegate_client::Event;
/// let event = Event::new()
///     .input(&"2 + 2")
///     .output(&4)
///     .score("exact_match", 1.0)
///     .metric("tokens", 12.0)
///     .metadata(&serde_json::json!({"model": "m"}));
/// ```
#[derive(Debug, Default)]
pub struct Event {
    pub(crate) raw: Vec<(Name, Json)>,
    pub(crate) metrics: Vec<(Name, f64)>,
    pub(crate) scores: Vec<(Name, Option<f64>)>,
    pub(crate) tags: Vec<String>,
    /// What its values refer to.
    pub(crate) attachments: Claims,
}

impl Event {
    /// Makes an event that records nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the input.
    #[must_use]
    pub fn input<T: Serialize + ?Sized>(self, value: &T) -> Self {
        self.field("input", value)
    }

    /// Sets the output.
    #[must_use]
    pub fn output<T: Serialize + ?Sized>(self, value: &T) -> Self {
        self.field("output", value)
    }

    /// Sets the expected output.
    #[must_use]
    pub fn expected<T: Serialize + ?Sized>(self, value: &T) -> Self {
        self.field("expected", value)
    }

    /// Sets the error text: a message, optionally followed by a blank line and a trace.
    #[must_use]
    pub fn error(self, text: &str) -> Self {
        self.field("error", text)
    }

    /// Sets metadata, which must serialize to an object; deep-merged with what the span has.
    #[must_use]
    pub fn metadata<T: Serialize + ?Sized>(self, value: &T) -> Self {
        self.field("metadata", value)
    }

    /// Adds a score in 0..=1, or `None` for "not applicable".
    ///
    /// A number outside the range is recorded as `None`, since servers refuse the row otherwise.
    #[must_use]
    pub fn score(mut self, name: impl Into<Name>, score: impl Into<Option<f64>>) -> Self {
        let score = score.into().filter(|score| (0.0..=1.0).contains(score));
        upsert(&mut self.scores, name.into(), score);
        self
    }

    /// Adds a number such as a token count. Numbers that JSON cannot carry are left out.
    #[must_use]
    pub fn metric(mut self, name: impl Into<Name>, value: f64) -> Self {
        if value.is_finite() {
            upsert(&mut self.metrics, name.into(), value);
        }
        self
    }

    /// Adds tags; a span keeps each once.
    #[must_use]
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        for tag in tags {
            let tag = tag.into();
            if !self.tags.contains(&tag) {
                self.tags.push(tag);
            }
        }
        self
    }

    /// Sets any other field of a row, such as `origin`.
    ///
    /// `scores`, `metrics` and `tags` have their own methods, and fields that identify the row
    /// belong to the span: setting those here has no effect.
    #[must_use]
    pub fn field<T: Serialize + ?Sized>(mut self, name: impl Into<Name>, value: &T) -> Self {
        let name = name.into();
        if RESERVED.contains(&name.as_ref()) {
            return self;
        }
        self.put(name, Json::or_text(value));
        self
    }

    /// Sets a field to a value that is JSON already.
    pub(crate) fn put(&mut self, name: Name, json: Json) {
        if any_serialized() {
            self.claim(&json);
        }
        upsert(&mut self.raw, name, json);
    }

    #[cold]
    fn claim(&mut self, json: &Json) {
        let claims = claims_in(json.bytes());
        if !claims.is_empty() {
            self.attachments.get_or_insert_default().extend(claims);
        }
    }

    /// Whether nothing is set.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { raw, metrics, scores, tags, attachments: _ } = self;
        raw.is_empty() && metrics.is_empty() && scores.is_empty() && tags.is_empty()
    }
}

pub(crate) const RESERVED: [&str; 18] = [
    "id",
    "span_id",
    "root_span_id",
    "span_parents",
    "created",
    "experiment_id",
    "project_id",
    "log_id",
    "prompt_session_id",
    "dataset_id",
    "org_id",
    "_is_merge",
    "_merge_paths",
    "_object_delete",
    "_xact_id",
    "scores",
    "metrics",
    "tags",
];

/// Sets or replaces the value of a name; events hold a handful, so a scan beats a map.
pub(crate) fn upsert<T>(entries: &mut Vec<(Name, T)>, name: Name, value: T) {
    match entries.iter_mut().find(|(known, _)| *known == name) {
        Some((_, old)) => *old = value,
        None => entries.push((name, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fails;

    impl Serialize for Fails {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("on purpose"))
        }
    }

    #[test]
    fn an_unserializable_value_is_recorded_as_text() {
        let event = Event::new().input(&Fails);
        assert_eq!(event.raw[0].1.text(), r#""<value could not be serialized: on purpose>""#);
    }

    #[test]
    fn scores_out_of_range_and_numbers_json_lacks() {
        let event = Event::new()
            .score("a", 1.5)
            .score("b", f64::NAN)
            .score("c", None)
            .score("d", 0.0)
            .metric("m", f64::INFINITY);
        let scores: Vec<_> = event.scores.iter().map(|(name, s)| (name.as_ref(), *s)).collect();
        assert_eq!(scores, [("a", None), ("b", None), ("c", None), ("d", Some(0.0))]);
        assert!(event.metrics.is_empty());
    }

    #[test]
    fn identity_fields_cannot_be_overwritten() {
        assert!(Event::new().field("id", "x").field("_is_merge", &true).raw.is_empty());
    }
}
