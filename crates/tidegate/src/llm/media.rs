//! Media in requests and answers: base64 becomes an attachment, and what stood around it stays.
//!
//! The places are those of Braintrust's specification, found by the names of members, so that
//! whatever is compatible with one of the interfaces is found too. What cannot be taken stays as it
//! was.

mod types;

use std::io;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};
use tidegate_client::Attachment;

use self::types::{audio, filename};

/// How long a request or an answer may be to be searched, and how much base64 is taken of one.
pub(super) const MOST_BYTES: usize = 32 << 20;
/// Less is not worth an upload; a reference is longer.
const LEAST_CHARS: usize = 20;
/// What an attachment costs beside its bytes: its names, and its reference in the row.
const OVERHEAD_BYTES: u64 = 1024;
/// Where none of these stands, there is nothing to be taken and nothing is parsed.
const MARKS: [&str; 4] = ["base64", "nline", "input_audio", "image_generation_call"];

/// Services leave out the padding at times.
const CONFIG: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const PLAIN: GeneralPurpose = GeneralPurpose::new(&STANDARD, CONFIG);
/// Google's clients write bytes so.
const FOR_URLS: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, CONFIG);

/// What was taken out of one request or answer.
#[derive(Debug, Default)]
pub(super) struct Media {
    /// What all of it may take of the client's byte budget; 0 takes nothing.
    room: u64,
    held: u64,
    found: Vec<Attachment>,
}

/// Whether a text may have media in it.
pub(super) fn is_mentioned(text: &[u8]) -> bool {
    // What is no text is no JSON, but a part of one may end within a character.
    let text = text.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    MARKS.iter().any(|mark| text.contains(mark))
}

impl Media {
    pub(super) fn new(room: u64) -> Self {
        Self { room, ..Self::default() }
    }

    /// Sets what all of it may take from now on.
    pub(super) fn allow(&mut self, room: u64) {
        self.room = room;
    }

    /// The same body without media, if there is any in it.
    pub(super) fn shorter(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        if self.room == 0 || body.len() > MOST_BYTES || !is_mentioned(body) {
            return None;
        }
        let mut value = serde_json::from_slice(body).ok()?;
        self.replace(&mut value).then(|| serde_json::to_vec(&value).ok())?
    }

    /// Puts references into the places of media; whether there were any.
    pub(super) fn replace(&mut self, value: &mut Value) -> bool {
        let before = self.found.len();
        if self.room > 0 {
            self.walk(value);
        }
        self.found.len() > before
    }

    /// Makes the references known to the client, which then uploads what a recorded value refers to.
    /// Right before they are recorded: what is known and never recorded would stay in memory.
    pub(super) fn announce(&self) {
        if !self.found.is_empty() {
            serde_json::to_writer(io::sink(), &self.found).ok();
        }
    }

    /// As deep as JSON is parsed: 128.
    fn walk(&mut self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item)),
            Value::Object(members) => self.object(members),
            _ => {}
        }
    }

    fn object(&mut self, members: &mut Map<String, Value>) {
        self.generated(members);
        self.inline(members);
        let named = match members.get("filename") {
            Some(Value::String(name)) if members.contains_key("file_data") => Some(name.clone()),
            _ => None,
        };
        for (name, value) in members {
            match (name.as_str(), value) {
                ("image_url" | "file_data", value @ Value::String(_)) => {
                    self.data_uri(value, named.as_deref());
                }
                ("image_url", Value::Object(image)) => {
                    if let Some(url) = image.get_mut("url") {
                        self.data_uri(url, None);
                    }
                }
                ("input_audio", Value::Object(sound)) => self.sound(sound),
                ("source", value) if is_base64_source(value) => self.source(value),
                (_, value) => self.walk(value),
            }
        }
    }

    /// A text that is a data URI and nothing else.
    fn data_uri(&mut self, place: &mut Value, named: Option<&str>) {
        let found = place.as_str().and_then(|text| {
            let (head, data) = text.trim().strip_prefix("data:")?.split_once(',')?;
            let (kind, encoding) = head.rsplit_once(';')?;
            // In the data they are no base64 either.
            let is_plain = !head.contains(['"', '\\', ' ']);
            let kind = kind.split(';').next().filter(|kind| !kind.is_empty());
            (is_plain && encoding.eq_ignore_ascii_case("base64"))
                .then(|| self.take(data, kind.unwrap_or("text/plain"), named))?
        });
        if let Some(reference) = found {
            *place = reference;
        }
    }

    /// OpenAI's sound has its base64 beside the name of the format.
    fn sound(&mut self, sound: &mut Map<String, Value>) {
        let kind = audio(sound.get("format").and_then(Value::as_str).unwrap_or_default());
        let data = sound.get("data").and_then(Value::as_str);
        if let Some(reference) = data.and_then(|data| self.take(data, &kind, None)) {
            sound.insert("data".into(), reference);
        }
    }

    /// A picture that OpenAI's tool has made.
    fn generated(&mut self, item: &mut Map<String, Value>) {
        if item.get("type").is_none_or(|kind| kind != "image_generation_call") {
            return;
        }
        let format = item.get("output_format").and_then(Value::as_str).unwrap_or("png");
        let kind = format!("image/{format}");
        let data = item.get("result").and_then(Value::as_str);
        if let Some(reference) = data.and_then(|data| self.take(data, &kind, None)) {
            item.insert("result".into(), reference);
        }
    }

    /// Anthropic's source, all of which becomes the reference.
    fn source(&mut self, place: &mut Value) {
        let text = |name| place.get(name).and_then(Value::as_str);
        let kind = text("media_type").unwrap_or_default();
        if let Some(reference) = text("data").and_then(|data| self.take(data, kind, None)) {
            *place = reference;
        }
    }

    /// Google's data in a part, which becomes OpenAI's form, as Braintrust's viewer has it.
    fn inline(&mut self, part: &mut Map<String, Value>) {
        for name in ["inlineData", "inline_data"] {
            let Some(inline) = part.get(name) else { continue };
            let text = |names: [&str; 2]| names.iter().find_map(|name| inline.get(name)?.as_str());
            let kind = text(["mimeType", "mime_type"]).unwrap_or_default();
            let named = text(["displayName", "display_name"]);
            let (target, inner) = match kind.starts_with("image/") {
                true => ("image_url", "url"),
                false => ("file", "file_data"),
            };
            if part.contains_key(target) {
                continue;
            }
            let data = inline.get("data").and_then(Value::as_str);
            if let Some(reference) = data.and_then(|data| self.take(data, kind, named)) {
                part.shift_remove(name);
                part.insert(target.into(), Map::from_iter([(inner.into(), reference)]).into());
            }
        }
    }

    /// Makes an attachment of base64, and returns its reference.
    fn take(&mut self, data: &str, kind: &str, named: Option<&str>) -> Option<Value> {
        let most = self.room.min(MOST_BYTES as u64);
        let cost = data.len() as u64 / 4 * 3 + OVERHEAD_BYTES;
        if data.len() < LEAST_CHARS || self.held + cost > most {
            return None;
        }
        let engine = if data.contains(['-', '_']) { &FOR_URLS } else { &PLAIN };
        let bytes = engine.decode(data).ok()?;
        let kind = types::checked(kind);
        let named = named.filter(|name| !name.is_empty());
        let name = named.map_or_else(|| filename(kind), str::to_owned);
        let attachment = Attachment::from_bytes(name, kind, bytes);
        let reference = serde_json::to_value(attachment.reference()).ok()?;
        self.held += cost;
        self.found.push(attachment);
        Some(reference)
    }
}

fn is_base64_source(value: &Value) -> bool {
    value.get("type").is_some_and(|kind| kind == "base64")
}

#[cfg(test)]
mod tests;
