//! A request as a row's input and metadata.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::{SerializeMap as _, SerializeSeq as _, Serializer};
use serde_json::value::RawValue;
use tidegate_client::Event;

/// Members as they are in the text, so that a large body is neither parsed nor copied twice.
type Members<'a> = BTreeMap<String, &'a RawValue>;

/// What a row has of a request.
#[derive(Debug, Default)]
pub(super) struct Described {
    pub(super) event: Event,
    pub(super) model: Option<String>,
}

/// Reads the JSON of a request: `messages` (behind `system`) or `input` or `prompt` is the input,
/// all else metadata. Without payloads only numbers, truth values and the model are kept; beyond
/// `max_bytes` as well, and the row says so.
pub(super) fn describe(body: &[u8], payloads: bool, max_bytes: usize) -> Described {
    let fits = body.len() <= max_bytes;
    let Ok(mut members) = serde_json::from_slice::<Members<'_>>(body) else {
        let event = match std::str::from_utf8(body) {
            Ok(text) if payloads && fits => Event::new().input(text),
            _ => Event::new().metadata(&Unread { request_bytes: body.len() }),
        };
        return Described { event, model: None };
    };
    let model = members.get("model").and_then(|model| serde_json::from_str(model.get()).ok());
    if !payloads || !fits {
        let is_plain =
            |text: &str| text.starts_with(|c: char| c.is_ascii_digit() || "-tf".contains(c));
        members.retain(|name, value| name == "model" || is_plain(value.get()));
        let cut = (!fits).then_some(body.len());
        return Described { event: Event::new().metadata(&Rest { members, cut }), model };
    }
    let event = match ["messages", "input", "prompt"].into_iter().find_map(|n| members.remove(n)) {
        Some(input) => match members.remove("system") {
            Some(system) => Event::new().input(&WithSystem { system, messages: input }),
            None => Event::new().input(input),
        },
        None => Event::new(),
    };
    Described { event: event.metadata(&Rest { members, cut: None }), model }
}

#[derive(Serialize)]
struct Unread {
    /// Nothing else is known of the request.
    request_bytes: usize,
}

struct Rest<'a> {
    members: Members<'a>,
    /// Length of a body that was too long.
    cut: Option<usize>,
}

impl Serialize for Rest<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.members {
            map.serialize_entry(name, value)?;
        }
        if let Some(bytes) = self.cut {
            map.serialize_entry("request_cut", &true)?;
            map.serialize_entry("request_bytes", &bytes)?;
        }
        map.end()
    }
}

/// Anthropic has the system's words beside the messages; everybody else among them.
struct WithSystem<'a> {
    system: &'a RawValue,
    messages: &'a RawValue,
}

impl Serialize for WithSystem<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Message<'a> {
            role: &'static str,
            content: &'a RawValue,
        }
        let Ok(messages) = serde_json::from_str::<Vec<&RawValue>>(self.messages.get()) else {
            return self.messages.serialize(serializer);
        };
        let mut all = serializer.serialize_seq(Some(messages.len() + 1))?;
        all.serialize_element(&Message { role: "system", content: self.system })?;
        for message in messages {
            all.serialize_element(message)?;
        }
        all.end()
    }
}
