//! What a program or endpoint answered.

use std::time::Duration;

use serde_json::{Map, Value};
use tidegate_eval::TaskError;

use crate::commands::eval::file::Format;

/// How much of an unreadable answer a message repeats.
const EXCERPT_CHARS: usize = 120;
const MEMBERS: [&str; 6] = ["output", "error", "retryable", "retry_after", "metadata", "metrics"];

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    pub(crate) output: Value,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) metrics: Vec<(String, f64)>,
}

impl Reply {
    pub(crate) fn plain(output: Value) -> Self {
        Self { output, metadata: Map::new(), metrics: Vec::new() }
    }

    /// Reads an answer; `shown` is who gave it.
    pub(crate) fn read(shown: &str, bytes: &[u8], format: Format) -> Result<Self, TaskError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let at = error.valid_up_to();
            TaskError::new(format!("{shown} printed what is not UTF-8, at byte {at}"))
        })?;
        let json = || serde_json::from_str::<Value>(text.trim());
        let not_json = |error: serde_json::Error| {
            let excerpt = excerpt(text);
            TaskError::new(format!("{shown} printed what is not JSON ({error}): {excerpt}"))
        };
        let one_end = || text.strip_suffix('\n').map_or(text, |line| line.trim_end_matches('\r'));
        match format {
            Format::Auto => Ok(Self::plain(json().unwrap_or_else(|_| one_end().into()))),
            Format::Text => Ok(Self::plain(one_end().into())),
            Format::Json => json().map(Self::plain).map_err(not_json),
            Format::Envelope => Self::envelope(shown, json().map_err(not_json)?),
        }
    }

    fn envelope(shown: &str, json: Value) -> Result<Self, TaskError> {
        let wrong = |what: String| {
            let form = "{\"output\": …} or {\"error\": \"…\"}";
            TaskError::new(format!("{shown} printed {what}, not a line of the form {form}"))
        };
        let Value::Object(mut members) = json else {
            return Err(wrong(excerpt(&json.to_string())));
        };
        if let Some(unknown) = members.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
            return Err(wrong(format!("the member {unknown:?}")));
        }
        match (members.remove("output"), members.remove("error")) {
            (Some(output), None) => {
                let metrics = object(members.remove("metrics")).map(|metrics| {
                    metrics.into_iter().map(|(name, value)| Some((name, value.as_f64()?))).collect()
                });
                let metrics: Option<Vec<_>> = metrics.flatten();
                let metrics =
                    metrics.ok_or_else(|| wrong("metrics that are no numbers".to_owned()))?;
                let metadata = object(members.remove("metadata"));
                let metadata =
                    metadata.ok_or_else(|| wrong("metadata that is no object".to_owned()))?;
                Ok(Self { output, metadata, metrics })
            }
            (None, Some(error)) => {
                let message = error.as_str().map_or_else(|| error.to_string(), str::to_owned);
                let message = format!("{shown}: {message}");
                let after = members.get("retry_after").and_then(Value::as_f64);
                let after = after.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                let retryable = members.get("retryable").and_then(Value::as_bool);
                Err(match (retryable, after) {
                    (Some(false), _) | (None, None) => TaskError::new(message),
                    (_, None) => TaskError::retryable(message),
                    (_, Some(after)) => TaskError::retryable(message).retry_after(after),
                })
            }
            (Some(_), Some(_)) => Err(wrong("both an output and an error".to_owned())),
            (None, None) => Err(wrong("neither an output nor an error".to_owned())),
        }
    }
}

/// Nothing and null are an empty object.
fn object(value: Option<Value>) -> Option<Map<String, Value>> {
    match value {
        None | Some(Value::Null) => Some(Map::new()),
        Some(Value::Object(members)) => Some(members),
        Some(_) => None,
    }
}

pub(crate) fn excerpt(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(EXCERPT_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &[u8], format: Format) -> Result<Value, String> {
        let reply = Reply::read("p", text, format);
        reply.map(|reply| reply.output).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn text_and_json_are_told_apart() {
        assert_eq!(read(b"deu\n", Format::Auto), Ok(json!("deu")));
        assert_eq!(read(b" {\"a\": 1}\n", Format::Auto), Ok(json!({"a": 1})));
        assert_eq!(read(b"12\r\n", Format::Text), Ok(json!("12")));
        assert_eq!(read(b"a\n\n", Format::Text), Ok(json!("a\n")));
        assert_eq!(read(b"", Format::Auto), Ok(json!("")));
        assert!(read(b"deu", Format::Json).is_err_and(|error| error.contains("not JSON")));
        assert!(read(b"a\xff", Format::Auto).is_err_and(|error| error.contains("at byte 1")));
    }

    #[test]
    fn envelopes_say_more() {
        let reply = br#"{"output": 1, "metadata": {"a": 2}, "metrics": {"tokens": 3}}"#;
        let reply = Reply::read("p", reply, Format::Envelope).expect("an answer");
        assert_eq!(reply.metrics, [("tokens".to_owned(), 3.0)]);
        assert_eq!(reply.metadata["a"], 2);
        let error =
            |text: &str| Reply::read("p", text.as_bytes(), Format::Envelope).expect_err(text);
        assert!(!error(r#"{"error": "no"}"#).is_retryable());
        assert!(error(r#"{"error": "no", "retry_after": 1.5}"#).is_retryable());
        assert!(error(r#"{"error": "no", "retryable": true}"#).is_retryable());
        for bad in
            ["1", "{}", r#"{"output": 1, "x": 2}"#, r#"{"output": 1, "metrics": {"a": "b"}}"#]
        {
            assert!(error(bad).message().contains("{\"output\": …}"), "{bad}");
        }
    }
}
