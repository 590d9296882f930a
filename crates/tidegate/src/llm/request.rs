//! A request as a row's input and metadata.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::{SerializeMap as _, SerializeSeq as _, Serializer};
use serde_json::value::RawValue;
use tidegate_client::Event;

use super::media::Media;

/// Members as they are in the text, so that a large body is neither parsed nor copied twice.
type Members<'a> = BTreeMap<String, &'a RawValue>;

/// What a row has of a request.
#[derive(Debug, Default)]
pub(super) struct Described {
    pub(super) event: Event,
    pub(super) model: Option<String>,
}

/// What is kept of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept<'a> {
    pub(super) payloads: bool,
    pub(super) max_bytes: usize,
    /// What its media may take of the byte budget.
    pub(super) media_room: u64,
    /// The model, where it is not in the body.
    pub(super) model: Option<&'a str>,
}

/// Reads the JSON of a request: `messages` (and `system`), `input`, `prompt` or `contents` is the
/// input, all else metadata. Without payloads only numbers, truth values and the model are kept;
/// beyond `max_bytes` as well, and the row says so. Media are taken out before.
pub(super) fn describe(body: &[u8], kept: Kept<'_>) -> Described {
    let mut media = Media::new(kept.media_room);
    match media.shorter(body).filter(|shorter| shorter.len() <= kept.max_bytes) {
        Some(shorter) => {
            media.announce();
            members(&shorter, kept)
        }
        None => members(body, kept),
    }
}

fn members(body: &[u8], kept: Kept<'_>) -> Described {
    let fits = body.len() <= kept.max_bytes;
    let Ok(mut members) = serde_json::from_slice::<Members<'_>>(body) else {
        let event = match std::str::from_utf8(body) {
            Ok(text) if kept.payloads && fits => Event::new().input(text),
            _ => Event::new().metadata(&Unread { request_bytes: body.len() }),
        };
        return Described { event, model: kept.model.map(str::to_owned) };
    };
    let own = members.get("model").and_then(|model| serde_json::from_str(model.get()).ok());
    let model: Option<String> = own.or_else(|| kept.model.map(str::to_owned));
    let rest = |members, cut| Rest { members, model: model.as_deref(), cut };
    if !kept.payloads || !fits {
        let is_plain =
            |text: &str| text.starts_with(|c: char| c.is_ascii_digit() || "-tf".contains(c));
        members.retain(|_, value| is_plain(value.get()));
        let cut = (!fits).then_some(body.len());
        return Described { event: Event::new().metadata(&rest(members, cut)), model };
    }
    let input = ["messages", "input", "prompt"].into_iter().find_map(|n| members.remove(n));
    let event = if let Some(input) = input {
        match members.remove("system") {
            Some(system) => Event::new().input(&WithSystem { system, messages: input }),
            None => Event::new().input(input),
        }
    } else if let Some(contents) = members.remove("contents") {
        let names = ["systemInstruction", "system_instruction"];
        let system = names.into_iter().find_map(|name| Some((name, members.remove(name)?)));
        Event::new().input(&Contents { model: model.as_deref(), contents, system })
    } else {
        Event::new()
    };
    Described { event: event.metadata(&rest(members, None)), model }
}

#[derive(Serialize)]
struct Unread {
    /// Nothing else is known of the request.
    request_bytes: usize,
}

struct Rest<'a> {
    members: Members<'a>,
    model: Option<&'a str>,
    /// Length of a body that was too long.
    cut: Option<usize>,
}

impl Serialize for Rest<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.members.iter().filter(|(name, _)| *name != "model") {
            map.serialize_entry(name, value)?;
        }
        if let Some(model) = self.model {
            map.serialize_entry("model", model)?;
        }
        if let Some(bytes) = self.cut {
            map.serialize_entry("request_cut", &true)?;
            map.serialize_entry("request_bytes", &bytes)?;
        }
        map.end()
    }
}

/// Google's form, with the model, as Braintrust's SDKs and its viewer have it.
struct Contents<'a> {
    model: Option<&'a str>,
    contents: &'a RawValue,
    system: Option<(&'static str, &'a RawValue)>,
}

impl Serialize for Contents<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(model) = self.model {
            map.serialize_entry("model", model)?;
        }
        map.serialize_entry("contents", self.contents)?;
        if let Some((name, system)) = self.system {
            map.serialize_entry(name, system)?;
        }
        map.end()
    }
}

/// Anthropic has the system's words beside the messages; everybody else among them. Braintrust's
/// SDKs put them behind the messages.
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
        for message in messages {
            all.serialize_element(message)?;
        }
        all.serialize_element(&Message { role: "system", content: self.system })?;
        all.end()
    }
}
