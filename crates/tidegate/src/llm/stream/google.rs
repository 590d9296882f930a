//! Google's streams: each event is an answer of its own, with the next parts.

use serde_json::{Map, Value, json};

use super::{ENTRY_BYTES, Shape, Streamed, says_something};
use crate::llm::answer::content;

/// What has come so far.
#[derive(Debug, Default)]
pub(super) struct Content {
    candidates: Vec<Value>,
    /// What is beside the candidates, such as why a request was blocked.
    beside: Map<String, Value>,
}

impl Content {
    pub(super) fn finish(self) -> Value {
        let mut body = self.beside;
        if !self.candidates.is_empty() {
            body.insert("candidates".into(), self.candidates.into());
        }
        content(body)
    }
}

/// Whether an event is one of Google's.
pub(in crate::llm) fn is_chunk(event: &Value) -> bool {
    ["candidates", "usageMetadata", "promptFeedback"].iter().any(|name| event.get(name).is_some())
}

impl Streamed {
    pub(super) fn google(&mut self, mut event: Value) -> bool {
        self.answer.media.replace(&mut event);
        self.answer.identify(&event);
        self.answer.usage.replace_with_google(&event["usageMetadata"]);
        let mut content = match std::mem::take(&mut self.shape) {
            Shape::Google(content) => content,
            _ => Content::default(),
        };
        let mut has_content = false;
        let Value::Object(event) = event else { return false };
        for (name, value) in event {
            match (name.as_str(), value) {
                ("candidates", Value::Array(candidates)) => {
                    for candidate in candidates {
                        has_content |= self.candidate(&mut content.candidates, candidate);
                    }
                }
                // Said in each event, and recorded elsewhere.
                ("usageMetadata" | "modelVersion" | "responseId" | "error", _) => {}
                (_, value) => self.set(&mut content.beside, name, value),
            }
        }
        self.shape = Shape::Google(content);
        has_content
    }

    /// Adds what an event says of a candidate; whether it brings content.
    fn candidate(&mut self, all: &mut Vec<Value>, more: Value) -> bool {
        let Value::Object(mut more) = more else { return false };
        // The first one is not numbered.
        let index = more.remove("index").unwrap_or_else(|| json!(0));
        let Some(known) = self.entry(all, &index) else { return false };
        // No event says that it is the last; nothing but counts comes behind a reason.
        self.is_done |= more.get("finishReason").is_some_and(Value::is_string);
        let said = match more.remove("content") {
            Some(Value::Object(said)) => said,
            _ => Map::new(),
        };
        for (name, value) in more {
            self.set(known, name, value);
        }
        let target = known.entry("content").or_insert_with(|| json!({"parts": []}));
        let Value::Object(target) = target else { return false };
        let mut has_content = false;
        for (name, value) in said {
            match (name.as_str(), value) {
                ("parts", Value::Array(more)) => {
                    has_content |= more.iter().any(brings_content);
                    if let Some(Value::Array(parts)) = target.get_mut("parts") {
                        more.into_iter().for_each(|part| self.part(parts, part));
                    }
                }
                (_, value) => self.set(target, name, value),
            }
        }
        has_content
    }

    /// A text goes on where the last one was of the same kind; anything else is a part of its own.
    fn part(&mut self, parts: &mut Vec<Value>, part: Value) {
        let is_text = |part: &Map<String, Value>| {
            part.keys().all(|name| ["text", "thought"].contains(&name.as_str()))
        };
        if part.as_object().is_some_and(is_text) && !brings_content(&part) {
            return;
        }
        if let (Some(Value::Object(last)), Value::Object(more)) = (parts.last_mut(), &part)
            && is_text(last)
            && is_text(more)
            && last.get("thought") == more.get("thought")
            && let (Some(Value::String(text)), Some(Value::String(more))) =
                (last.get_mut("text"), more.get("text"))
        {
            if self.take(more.len()) {
                text.push_str(more);
            }
        } else if self.take(ENTRY_BYTES + part.to_string().len()) {
            parts.push(part);
        }
    }

    /// Keeps the last value of a name, if there is room.
    fn set(&mut self, target: &mut Map<String, Value>, name: String, value: Value) {
        if target.get(&name) != Some(&value) && self.take(ENTRY_BYTES + value.to_string().len()) {
            target.insert(name, value);
        }
    }
}

/// Whether a part is more than an empty text or a mark.
fn brings_content(part: &Value) -> bool {
    let members = part.as_object().into_iter().flatten();
    let marks = ["thought", "thoughtSignature"];
    members.filter(|(name, _)| !marks.contains(&name.as_str())).any(|(_, it)| says_something(it))
}
