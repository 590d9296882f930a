//! Messages, tools and response formats with their variables filled in.

use serde_json::{Map, Value, json};

use super::build::TemplateFormat;
use super::error::BuildError;
use crate::template::{self, Limits, Template};

/// Deepest nesting of a response format whose texts are templates.
const MAX_DEPTH: usize = 64;

/// Fills variables in, within limits of the whole prompt.
#[derive(Debug)]
pub(super) struct Filler {
    variables: Value,
    format: TemplateFormat,
    strict: bool,
    limits: Limits,
}

impl Filler {
    pub(super) fn new(variables: Value, format: TemplateFormat, strict: bool) -> Self {
        Self { variables, format, strict, limits: Limits::default() }
    }

    /// Renders one text.
    pub(super) fn text(&mut self, place: &str, text: &str) -> Result<String, BuildError> {
        if self.format == TemplateFormat::None {
            return Ok(text.to_owned());
        }
        let failed = |source| BuildError::Template { place: place.to_owned(), source };
        let template = Template::parse(text).map_err(failed)?;
        if self.strict
            && let Some(name) = template::missing(&template, &self.variables)
        {
            let (place, name) = (place.to_owned(), name.to_owned());
            return Err(BuildError::Missing { place, name });
        }
        template::render(&template, &self.variables, &mut self.limits).map_err(failed)
    }

    pub(super) fn messages(&mut self, messages: &[Value]) -> Result<Vec<Value>, BuildError> {
        let mut filled = Vec::with_capacity(messages.len());
        for (index, message) in messages.iter().enumerate() {
            filled.push(self.message(&format!("messages[{index}]"), message)?);
        }
        Ok(filled)
    }

    fn message(&mut self, place: &str, message: &Value) -> Result<Value, BuildError> {
        let mut filled = object(place, message)?.clone();
        let at = |name: &str| format!("{place}.{name}");
        let content = match filled.get("content") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(self.text(&at("content"), text)?.into()),
            Some(Value::Array(parts)) => Some(self.parts(&at("content"), parts)?.into()),
            Some(_) => return Err(shape(&at("content"), "a text or a list of parts")),
        };
        put(&mut filled, "content", content);
        let calls = match filled.get("tool_calls") {
            None | Some(Value::Null) => None,
            Some(Value::Array(calls)) => Some(self.tool_calls(&at("tool_calls"), calls)?.into()),
            Some(_) => return Err(shape(&at("tool_calls"), "a list")),
        };
        put(&mut filled, "tool_calls", calls);
        self.member(place, &mut filled, "tool_call_id")?;
        Ok(Value::Object(filled))
    }

    fn parts(&mut self, place: &str, parts: &[Value]) -> Result<Vec<Value>, BuildError> {
        let mut filled = Vec::with_capacity(parts.len());
        for (index, part) in parts.iter().enumerate() {
            let place = format!("{place}[{index}]");
            let mut part = object(&place, part)?.clone();
            match part.get("type").and_then(Value::as_str) {
                Some("text") => self.member(&place, &mut part, "text")?,
                Some("image_url") => {
                    let place = format!("{place}.image_url");
                    let image = part.get("image_url").unwrap_or(&Value::Null);
                    let url = object(&place, image)?.get("url");
                    if let Some(images) = self.images(&place, url)? {
                        filled.extend(images);
                        continue;
                    }
                    self.files(&place, &mut part, "image_url", &["url"])?;
                }
                Some("input_audio") => {
                    let place = format!("{place}.input_audio");
                    self.files(&place, &mut part, "input_audio", &["data"])?;
                }
                Some("file") => {
                    let place = format!("{place}.file");
                    let members = ["file_data", "file_id", "filename"];
                    self.files(&place, &mut part, "file", &members)?;
                }
                // Of an interface that this crate does not know: as it is.
                _ => {}
            }
            filled.push(Value::Object(part));
        }
        Ok(filled)
    }

    /// One part for each image, where a variable that is a list of them stands for the address.
    fn images(&self, place: &str, url: Option<&Value>) -> Result<Option<Vec<Value>>, BuildError> {
        let Some(Value::Array(items)) = url.and_then(Value::as_str).and_then(|u| self.only(u))
        else {
            return Ok(None);
        };
        let is_image = |item: &Value| is_attachment(item) || item.as_str().is_some_and(is_address);
        if !items.iter().all(is_image) {
            return Ok(None);
        }
        let mut images = Vec::with_capacity(items.len());
        for item in items {
            let url: Value = match attached(place, item)? {
                Some(address) => address.into(),
                None => item.clone(),
            };
            images.push(json!({"type": "image_url", "image_url": {"url": url}}));
        }
        Ok(Some(images))
    }

    /// Renders members of a member, in which a variable may be an attachment.
    fn files(
        &mut self,
        place: &str,
        part: &mut Map<String, Value>,
        name: &str,
        members: &[&str],
    ) -> Result<(), BuildError> {
        let inner = part.get(name).unwrap_or(&Value::Null);
        let mut inner = object(place, inner)?.clone();
        for member in members {
            let value = inner.get(*member);
            let variable = value.and_then(Value::as_str).and_then(|text| self.only(text));
            let place_of = format!("{place}.{member}");
            let own = value.map(|value| attached(&place_of, value)).transpose()?.flatten();
            let given = variable.map(|value| attached(&place_of, value)).transpose()?.flatten();
            match own.or(given) {
                Some(address) => put(&mut inner, member, Some(address.into())),
                None => self.member(place, &mut inner, member)?,
            }
        }
        part.insert(name.to_owned(), Value::Object(inner));
        Ok(())
    }

    /// The variable, if a text is nothing but its tag.
    fn only(&self, text: &str) -> Option<&Value> {
        if self.format == TemplateFormat::None {
            return None;
        }
        let name = text.strip_prefix("{{")?.strip_suffix("}}")?.trim();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        if name.is_empty() || !name.chars().all(is_name) {
            return None;
        }
        name.split('.').try_fold(&self.variables, |value, name| value.get(name))
    }

    fn tool_calls(&mut self, place: &str, calls: &[Value]) -> Result<Vec<Value>, BuildError> {
        let mut filled = Vec::with_capacity(calls.len());
        for (index, call) in calls.iter().enumerate() {
            let place = format!("{place}[{index}]");
            let mut call = object(&place, call)?.clone();
            self.member(&place, &mut call, "id")?;
            let place = format!("{place}.function");
            let function = call.get("function").unwrap_or(&Value::Null);
            let mut function = object(&place, function)?.clone();
            self.member(&place, &mut function, "name")?;
            self.member(&place, &mut function, "arguments")?;
            call.insert("function".to_owned(), Value::Object(function));
            filled.push(Value::Object(call));
        }
        Ok(filled)
    }

    /// Renders a member in place, if it is there.
    fn member(
        &mut self,
        place: &str,
        of: &mut Map<String, Value>,
        name: &str,
    ) -> Result<(), BuildError> {
        let Some(value) = of.get_mut(name).filter(|value| !value.is_null()) else { return Ok(()) };
        let place = format!("{place}.{name}");
        let Value::String(text) = value else { return Err(shape(&place, "a text")) };
        *text = self.text(&place, text)?;
        Ok(())
    }

    /// The tools, which are kept as a text of JSON; `None` if that is blank.
    pub(super) fn tools(&mut self, text: &str) -> Result<Option<Vec<Value>>, BuildError> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        let text = self.text("tools", text)?;
        let Value::Array(tools) = serde_json::from_str(&text).map_err(BuildError::Tools)? else {
            return Err(shape("tools", "a list"));
        };
        for (index, tool) in tools.iter().enumerate() {
            if tool["type"] != "function" || !tool["function"]["name"].is_string() {
                let expected = "a tool of the type \"function\" with a function.name";
                return Err(shape(&format!("tools[{index}]"), expected));
            }
        }
        Ok(Some(tools))
    }

    /// Fills in a schema that the answer must have, which may be kept as a text of JSON.
    pub(super) fn response_format(&mut self, format: &mut Value) -> Result<(), BuildError> {
        if format["type"] != "json_schema" || !format["json_schema"]["name"].is_string() {
            return Ok(());
        }
        let Some(schema) = format["json_schema"].get_mut("schema") else { return Ok(()) };
        self.all_texts("response_format.json_schema.schema", schema, MAX_DEPTH)?;
        if let Value::String(text) = schema {
            let parsed = match text.trim() {
                "" => Some(Value::Null),
                json => serde_json::from_str(json).ok(),
            };
            // What is no JSON stays a text, for the model to refuse.
            if let Some(parsed) = parsed {
                *schema = parsed;
            }
        }
        Ok(())
    }

    fn all_texts(
        &mut self,
        place: &str,
        value: &mut Value,
        depth: usize,
    ) -> Result<(), BuildError> {
        let depth = depth.checked_sub(1).ok_or_else(|| shape(place, "less nesting"))?;
        match value {
            Value::String(text) => *text = self.text(place, text)?,
            Value::Array(items) => {
                items.iter_mut().try_for_each(|item| self.all_texts(place, item, depth))?;
            }
            Value::Object(members) => {
                for (name, value) in members {
                    self.all_texts(&format!("{place}.{name}"), value, depth)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The address that an attachment stands for; `None` if it is none.
fn attached(place: &str, value: &Value) -> Result<Option<String>, BuildError> {
    if !is_attachment(value) {
        return Ok(None);
    }
    // One that is inline is its own address; the others need a download first.
    match (value["type"].as_str(), value["src"].as_str()) {
        (Some("inline_attachment"), Some(src)) => Ok(Some(src.to_owned())),
        _ => {
            let filename = value["filename"].as_str().unwrap_or_default().to_owned();
            Err(BuildError::Attachment { place: place.to_owned(), filename })
        }
    }
}

fn is_attachment(value: &Value) -> bool {
    let has = |names: &[&str]| names.iter().all(|name| value[name].is_string());
    match value["type"].as_str() {
        Some("inline_attachment") => has(&["src"]),
        Some("braintrust_attachment") => has(&["filename", "content_type", "key"]),
        Some("external_attachment") => has(&["filename", "content_type", "url"]),
        _ => false,
    }
}

/// Whether a model can read an image from there.
fn is_address(text: &str) -> bool {
    let url = reqwest::Url::parse(text.trim());
    url.is_ok_and(|url| matches!(url.scheme(), "http" | "https" | "data"))
}

fn object<'a>(place: &str, value: &'a Value) -> Result<&'a Map<String, Value>, BuildError> {
    value.as_object().ok_or_else(|| shape(place, "an object"))
}

fn put(of: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value {
        Some(value) => drop(of.insert(name.to_owned(), value)),
        None => drop(of.shift_remove(name)),
    }
}

fn shape(place: &str, expected: &'static str) -> BuildError {
    BuildError::Shape { place: place.to_owned(), expected }
}
