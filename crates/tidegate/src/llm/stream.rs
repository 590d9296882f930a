//! A streamed answer, put together from its events.

mod google;

use serde_json::{Map, Value, json};

pub(super) use self::google::is_chunk as is_google_chunk;
use super::answer::{Answer, error_text, message};
use super::interface::{ANTHROPIC, GOOGLE, OPENAI};
use super::media::Media;

/// Members of a delta that are said once and not in pieces.
const WHOLE: [&str; 6] = ["id", "type", "role", "name", "status", "finish_reason"];
/// What an entry costs beyond its text.
const ENTRY_BYTES: usize = 64;

/// The answer as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Streamed {
    answer: Answer,
    shape: Shape,
    /// How much more is kept.
    room: usize,
    is_done: bool,
}

#[derive(Debug, Default)]
enum Shape {
    #[default]
    Unknown,
    /// Chat completions: choices with messages that grow.
    Chat(Vec<Value>),
    /// Responses: items that are done, and the text of one that is not.
    Responses(Vec<Value>, String),
    /// Messages: one, with blocks that grow.
    Messages(Map<String, Value>, Vec<Value>),
    /// Google's: candidates with parts that grow, and what is beside them.
    Google(google::Content),
    /// Anything else: the events themselves.
    Other(Vec<Value>),
}

impl Streamed {
    /// Keeps at most about so many bytes of the output.
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { room: max_bytes, ..Self::default() }
    }

    /// Takes in the data of an event; whether it brings something that the model made.
    pub(super) fn event(&mut self, data: &[u8]) -> bool {
        if data.trim_ascii() == b"[DONE]" {
            self.is_done = true;
            return false;
        }
        let Ok(event) = serde_json::from_slice::<Value>(data) else {
            self.answer.is_cut = true;
            return false;
        };
        if let Some(error) = error_text(&event) {
            self.answer.error = Some(error);
        }
        let kind = event.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        if event.get("choices").is_some_and(Value::is_array) {
            self.chat(event)
        } else if kind.starts_with("response.") {
            self.responses(&kind, event, data.len())
        } else if kind.starts_with("message_") || kind.starts_with("content_block_") {
            self.messages(&kind, event, data.len())
        } else if is_google_chunk(&event) {
            self.google(event)
        } else if kind == "ping" || kind == "error" {
            if kind == "error" && self.answer.error.is_none() {
                let text = event.get("message").and_then(Value::as_str).unwrap_or("error");
                self.answer.error = Some(text.to_owned());
            }
            false
        } else {
            self.other(event, data.len())
        }
    }

    /// An event that was too long to be read.
    pub(super) fn too_long(&mut self) {
        self.answer.is_cut = true;
    }

    /// Sets what media of all events may take.
    pub(super) fn allow_media(&mut self, room: u64) {
        self.answer.media.allow(room);
    }

    /// Sets where media go.
    pub(super) fn take_media(&mut self, media: Media) {
        self.answer.media = media;
    }

    /// Takes media out of a value; how long its text is then, which was of so many bytes.
    fn shorten(&mut self, value: &mut Value, bytes: usize) -> usize {
        if self.answer.media.replace(value) { value.to_string().len() } else { bytes }
    }

    /// Whether an event has said that it is the last: readers may stop there.
    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    /// What has come together.
    pub(super) fn finish(self) -> Answer {
        let Self { mut answer, shape, .. } = self;
        answer.owner = match shape {
            Shape::Chat(_) | Shape::Responses(..) => Some(OPENAI),
            Shape::Messages(..) => Some(ANTHROPIC),
            Shape::Google(_) => Some(GOOGLE),
            Shape::Unknown | Shape::Other(_) => None,
        };
        answer.output = match shape {
            Shape::Unknown => None,
            Shape::Chat(choices) => Some(choices.into()),
            Shape::Responses(items, text) if items.is_empty() && !text.is_empty() => {
                Some(text.into())
            }
            Shape::Responses(items, _) | Shape::Other(items) => Some(items.into()),
            Shape::Messages(mut members, blocks) => {
                members.insert("content".into(), blocks.into_iter().map(whole_block).collect());
                Some(message(&members))
            }
            Shape::Google(content) => Some(content.finish()),
        };
        answer
    }

    fn take(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.room;
        match fits {
            true => self.room -= bytes,
            false => self.answer.is_cut = true,
        }
        fits
    }

    fn chat(&mut self, mut event: Value) -> bool {
        self.answer.identify(&event);
        self.answer.usage.add(&event["usage"]);
        self.answer.media.replace(&mut event["choices"]);
        let Value::Array(deltas) = event["choices"].take() else { return false };
        let mut choices = match std::mem::take(&mut self.shape) {
            Shape::Chat(choices) => choices,
            _ => Vec::new(),
        };
        let mut has_content = false;
        for delta in deltas {
            let Value::Object(mut delta) = delta else { continue };
            let index = delta.remove("index").unwrap_or_default();
            let Some(choice) = self.entry(&mut choices, &index) else { continue };
            if let Some(reason @ Value::String(_)) = delta.remove("finish_reason") {
                choice.insert("finish_reason".into(), reason);
            }
            let Some(Value::Object(delta)) = delta.remove("delta") else { continue };
            has_content |=
                delta.iter().any(|(name, value)| name != "role" && says_something(value));
            let message = choice.entry("message").or_insert_with(|| json!({}));
            if let Value::Object(message) = message {
                self.grow(message, delta);
            }
        }
        self.shape = Shape::Chat(choices);
        has_content
    }

    /// The object of an index, a new one if it is the first of it.
    fn entry<'a>(
        &mut self,
        entries: &'a mut Vec<Value>,
        index: &Value,
    ) -> Option<&'a mut Map<String, Value>> {
        let known = entries.iter().position(|entry| entry["index"] == *index);
        let position = match known {
            Some(position) => position,
            None if self.take(ENTRY_BYTES) => {
                entries.push(json!({"index": index}));
                entries.len() - 1
            }
            None => return None,
        };
        entries.get_mut(position)?.as_object_mut()
    }

    /// Adds a delta: texts grow, objects and numbered lists too, anything else is replaced.
    fn grow(&mut self, target: &mut Map<String, Value>, delta: Map<String, Value>) {
        for (name, value) in delta {
            match (target.get_mut(&name), value) {
                (_, Value::Null) => {}
                (Some(Value::String(text)), Value::String(more))
                    if !WHOLE.contains(&name.as_str()) =>
                {
                    if self.take(more.len()) {
                        text.push_str(&more);
                    }
                }
                (Some(Value::Object(object)), Value::Object(more)) => self.grow(object, more),
                (Some(Value::Array(list)), Value::Array(more)) => self.grow_list(list, more),
                (None, Value::Array(more)) => {
                    let mut list = Vec::new();
                    self.grow_list(&mut list, more);
                    target.insert(name, list.into());
                }
                (_, value) => {
                    let bytes = value.as_str().map_or_else(|| value.to_string().len(), str::len);
                    if self.take(ENTRY_BYTES + bytes) {
                        target.insert(name, value);
                    }
                }
            }
        }
    }

    fn grow_list(&mut self, list: &mut Vec<Value>, more: Vec<Value>) {
        for item in more {
            match item {
                Value::Object(item) if item.contains_key("index") => {
                    let index = item["index"].clone();
                    if let Some(entry) = self.entry(list, &index) {
                        self.grow(entry, item);
                    }
                }
                item if self.take(ENTRY_BYTES + item.to_string().len()) => list.push(item),
                _ => {}
            }
        }
    }

    fn responses(&mut self, kind: &str, mut event: Value, bytes: usize) -> bool {
        let (mut items, mut text) = match std::mem::take(&mut self.shape) {
            Shape::Responses(items, text) => (items, text),
            _ => (Vec::new(), String::new()),
        };
        let mut response = event["response"].take();
        if response.is_object() {
            self.answer.identify(&response);
            self.answer.usage.add(&response["usage"]);
            self.answer.error = error_text(&response).or(self.answer.error.take());
        }
        match kind {
            "response.output_item.done" => {
                let mut item = event["item"].take();
                let bytes = self.shorten(&mut item, bytes);
                if self.take(bytes) {
                    items.push(item);
                }
            }
            "response.output_text.delta" => {
                let delta = event["delta"].as_str().unwrap_or_default();
                // Stands in for an item that is cut off; what was too long for it is no loss.
                if text.len() + delta.len() <= self.room {
                    text.push_str(delta);
                }
            }
            // All items again, in their order.
            "response.completed" | "response.incomplete" | "response.failed" => {
                self.is_done = true;
                if let Some(mut all) = response.get_mut("output").map(Value::take)
                    && items.is_empty()
                {
                    let bytes = self.shorten(&mut all, bytes);
                    if let Value::Array(all) = all
                        && self.take(bytes)
                    {
                        items = all;
                    }
                }
            }
            _ => {}
        }
        self.shape = Shape::Responses(items, text);
        kind.ends_with(".delta")
    }

    fn messages(&mut self, kind: &str, mut event: Value, bytes: usize) -> bool {
        let (mut members, mut blocks) = match std::mem::take(&mut self.shape) {
            Shape::Messages(members, blocks) => (members, blocks),
            _ => (Map::new(), Vec::new()),
        };
        let mut has_content = false;
        match kind {
            "message_start" => {
                let start = event["message"].take();
                self.answer.identify(&start);
                self.answer.usage.add(&start["usage"]);
                if let Value::Object(start) = start
                    && self.take(bytes)
                {
                    members = start;
                }
            }
            "message_delta" => {
                self.answer.usage.add(&event["usage"]);
                if let Value::Object(delta) = event["delta"].take()
                    && self.take(bytes)
                {
                    members.extend(delta);
                }
            }
            "message_stop" => self.is_done = true,
            "content_block_start" => {
                let mut block = event["content_block"].take();
                let bytes = self.shorten(&mut block, bytes);
                if self.take(bytes) {
                    blocks.push(block);
                }
            }
            "content_block_delta" => {
                has_content = true;
                let block = event["index"].as_u64().and_then(|index| usize::try_from(index).ok());
                let block = block.and_then(|index| blocks.get_mut(index));
                if let (Some(Value::Object(block)), Value::Object(mut delta)) =
                    (block, event["delta"].take())
                {
                    delta.remove("type");
                    if let Some(citation) = delta.remove("citation") {
                        delta.insert("citations".into(), json!([citation]));
                    }
                    self.grow(block, delta);
                }
            }
            _ => {}
        }
        self.shape = Shape::Messages(members, blocks);
        has_content
    }

    fn other(&mut self, mut event: Value, bytes: usize) -> bool {
        let bytes = self.shorten(&mut event, bytes);
        self.answer.identify(&event);
        self.answer.usage.add(&event["usage"]);
        if matches!(self.shape, Shape::Unknown) {
            self.shape = Shape::Other(Vec::new());
        }
        if self.take(bytes)
            && let Shape::Other(events) = &mut self.shape
        {
            events.push(event);
        }
        true
    }
}

/// Whether a member of a delta is more than an empty stand-in.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => true,
    }
}

/// The arguments of a tool came as pieces of JSON.
fn whole_block(mut block: Value) -> Value {
    if let Value::Object(members) = &mut block
        && let Some(Value::String(json)) = members.remove("partial_json")
    {
        let empty = json.trim().is_empty();
        let input = if empty { Ok(json!({})) } else { serde_json::from_str(&json) };
        members.insert("input".into(), input.unwrap_or(Value::String(json)));
    }
    block
}

#[cfg(test)]
mod tests;
