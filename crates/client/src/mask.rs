//! Masking: the user's function sees every value before it is queued, and a failing one never
//! lets the original through.

use std::any::type_name;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::event::{Event, Name, upsert};
use crate::feedback::{AUDIT_METADATA, COMMENT};
use crate::json::Json;

/// Fields that a mask sees; the protocol leaves `tags` and `error` alone.
/// The last two are the words of whoever gives feedback.
const FIELDS: [&str; 7] =
    ["input", "output", "expected", "metadata", "context", COMMENT, AUDIT_METADATA];

/// The name of what went wrong; never its message, which may hold the very secret.
type Failure = String;
type Function = dyn Fn(Value) -> Result<Value, Failure> + Send + Sync;

/// A masking function, ready to use.
#[derive(Clone)]
pub(crate) struct Mask(Arc<Function>);

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mask")
    }
}

impl Mask {
    pub(crate) fn new(mask: impl Fn(Value) -> Value + Send + Sync + 'static) -> Self {
        Self(Arc::new(move |value| Ok(mask(value))))
    }

    pub(crate) fn fallible<E>(
        mask: impl Fn(Value) -> Result<Value, E> + Send + Sync + 'static,
    ) -> Self {
        let class = type_name::<E>();
        let class = class.split('<').next().unwrap_or(class);
        let class = class.rsplit("::").next().unwrap_or(class);
        Self(Arc::new(move |value| mask(value).map_err(|_| class.to_owned())))
    }

    fn run(&self, field: &str, value: Value) -> Result<Value, String> {
        let class = match catch_unwind(AssertUnwindSafe(|| (self.0)(value))) {
            Ok(Ok(masked)) => return Ok(masked),
            Ok(Err(class)) => class,
            Err(_) => "panic".to_owned(),
        };
        Err(format!("ERROR: Failed to mask field '{field}' - {class}"))
    }

    /// Masks an event in place.
    pub(crate) fn apply(&self, event: &mut Event) {
        let mut errors = Vec::new();
        for (name, raw) in &mut event.raw {
            if !FIELDS.contains(&name.as_ref()) {
                continue;
            }
            let masked = match serde_json::from_slice(raw.bytes()) {
                Ok(value) => self.run(name, value),
                // Deeper than the parser goes: what cannot be shown to the mask does not pass.
                Err(_) => Err(format!("ERROR: Failed to mask field '{name}' - TooDeep")),
            };
            let value = match masked {
                // The server merges metadata as an object.
                Err(error) if name == "metadata" || name == AUDIT_METADATA => {
                    Map::from_iter([("error".to_owned(), error.into())]).into()
                }
                Err(error) if name == COMMENT => {
                    Map::from_iter([("text".to_owned(), error.into())]).into()
                }
                Err(error) => error.into(),
                Ok(value) => value,
            };
            *raw = Json::of(&value).unwrap_or_else(|_| null());
        }
        let scores = event.scores.drain(..).map(|(name, score)| (name.into_owned(), score));
        match self.numbers("scores", scores) {
            Ok(scores) => {
                let valid = |score: &f64| (0.0..=1.0).contains(score);
                event.scores =
                    scores.into_iter().map(|(name, score)| (name, score.filter(valid))).collect();
            }
            Err(error) => errors.push(error),
        }
        let metrics = event.metrics.drain(..).map(|(name, value)| (name.into_owned(), Some(value)));
        match self.numbers("metrics", metrics) {
            Ok(metrics) => {
                let set = metrics.into_iter().filter_map(|(name, value)| Some((name, value?)));
                event.metrics = set.collect();
            }
            Err(error) => errors.push(error),
        }
        if !errors.is_empty() {
            append_error(event, &errors.join("; "));
        }
    }

    /// Shows an object of numbers to the mask; anything else coming back is a failure.
    fn numbers(
        &self,
        field: &str,
        entries: impl Iterator<Item = (String, Option<f64>)>,
    ) -> Result<Vec<(Name, Option<f64>)>, String> {
        let object: Map<String, Value> =
            entries.map(|(name, number)| (name, number.map_or(Value::Null, Value::from))).collect();
        if object.is_empty() {
            return Ok(Vec::new());
        }
        let refused = || format!("ERROR: Failed to mask field '{field}' - NotNumbers");
        let Value::Object(masked) = self.run(field, Value::Object(object))? else {
            return Err(refused());
        };
        let entry = |(name, value): (String, Value)| match value {
            Value::Null => Ok((name.into(), None)),
            Value::Number(number) => Ok((name.into(), number.as_f64())),
            _ => Err(refused()),
        };
        masked.into_iter().map(entry).collect()
    }
}

fn append_error(event: &mut Event, text: &str) {
    let before = event.raw.iter().find(|(name, _)| name == "error");
    let before = before.and_then(|(_, raw)| serde_json::from_slice::<String>(raw.bytes()).ok());
    let text = match before {
        Some(before) => format!("{before}; {text}"),
        None => text.to_owned(),
    };
    upsert(&mut event.raw, "error".into(), Json::of(&text).unwrap_or_else(|_| null()));
}

fn null() -> Json {
    Json::of(&Value::Null).expect("null serializes")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &str = "s3cr3t";

    fn event() -> Event {
        Event::new()
            .input(&json!({"password": SECRET, "q": 1}))
            .output(SECRET)
            .expected(SECRET)
            .field("context", &json!({"k": SECRET}))
            .metadata(&json!({"token": SECRET}))
            .error("it broke")
            .tags(["kept"])
            .score("s", 0.5)
            .metric("tokens", 7.0)
    }

    fn field(event: &Event, name: &str) -> Value {
        let (_, raw) = event.raw.iter().find(|(known, _)| known == name).expect("set");
        serde_json::from_slice(raw.bytes()).expect("JSON")
    }

    #[test]
    fn a_mask_changes_every_field_it_should() {
        fn hide(value: Value) -> Value {
            match value {
                Value::String(text) => text.replace(SECRET, "***").into(),
                Value::Object(members) => {
                    members.into_iter().map(|(name, value)| (name, hide(value))).collect()
                }
                other => other,
            }
        }
        let mut event = event();
        Mask::new(hide).apply(&mut event);
        assert_eq!(field(&event, "input"), json!({"password": "***", "q": 1}));
        assert_eq!(field(&event, "metadata"), json!({"token": "***"}));
        assert!(event.raw.iter().all(|(_, raw)| !raw.text().contains(SECRET)));
        assert_eq!(event.scores[0].1, Some(0.5));
        assert_eq!(event.metrics[0].1, 7.0);
    }

    #[test]
    fn a_failing_mask_never_lets_the_original_through() {
        #[derive(Debug)]
        struct NoKey;
        let failing: [Mask; 2] = [
            Mask::fallible(|_| Err::<Value, _>(NoKey)),
            Mask::new(|value| panic!("must not be repeated: {value}")),
        ];
        for (mask, class) in failing.into_iter().zip(["NoKey", "panic"]) {
            let mut event = event();
            mask.apply(&mut event);
            let failed = |name| format!("ERROR: Failed to mask field '{name}' - {class}");
            for name in ["input", "output", "expected", "context"] {
                assert_eq!(field(&event, name), failed(name));
            }
            assert_eq!(field(&event, "metadata"), json!({"error": failed("metadata")}));
            assert!(event.scores.is_empty() && event.metrics.is_empty());
            let error = format!("it broke; {}; {}", failed("scores"), failed("metrics"));
            assert_eq!(field(&event, "error"), error);
            assert_eq!(event.tags, ["kept"]);
            assert!(event.raw.iter().all(|(_, raw)| !raw.text().contains(SECRET)));
        }
    }

    #[test]
    fn scores_that_are_no_numbers_any_more_are_removed() {
        let mut event = Event::new().score("s", 1.0);
        Mask::new(|_| json!("gone")).apply(&mut event);
        assert!(event.scores.is_empty());
        assert_eq!(field(&event, "error"), "ERROR: Failed to mask field 'scores' - NotNumbers");
    }
}
