//! From a prompt and variables to a request.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Prompt;
use super::error::BuildError;
use super::message::Filler;
use crate::event::Event;

/// How the texts of a prompt are templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TemplateFormat {
    /// Mustache. A text stands as it is, any other value as JSON; nothing is escaped for HTML.
    #[default]
    Mustache,
    /// Texts stand as they are.
    None,
}

/// How to build a prompt.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct BuildOptions {
    strict: bool,
    messages: Vec<Value>,
    template_format: Option<TemplateFormat>,
}

impl BuildOptions {
    /// What [`Prompt::build`] uses.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether a variable that is not given is an error; it renders as nothing by default.
    ///
    /// Variables inside of sections may be missing all the same. A name with dots is there if all
    /// of it is; the published SDK is content with its first two parts.
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Adds messages after those of a chat prompt, as they are: what was said so far. Of these,
    /// those of the role `system` are left out if the prompt has one.
    pub fn messages(mut self, messages: impl IntoIterator<Item = Value>) -> Self {
        self.messages.extend(messages);
        self
    }

    /// Reads the texts as this kind of template, whatever the prompt says.
    pub fn template_format(mut self, format: TemplateFormat) -> Self {
        self.template_format = Some(format);
        self
    }
}

/// What to say to a model.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum PromptContent {
    /// Of a chat prompt.
    Chat {
        /// As the chat completions interface takes them.
        messages: Vec<Value>,
        /// What the model may call, if the prompt says so.
        tools: Option<Vec<Value>>,
    },
    /// The text of a completion prompt.
    Completion(String),
}

/// A prompt with its variables filled in.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BuiltPrompt {
    /// The model to ask.
    pub model: String,
    /// What to say.
    pub content: PromptContent,
    /// Parameters of the model, such as `temperature` and `response_format`.
    pub params: Map<String, Value>,
    span_metadata: Option<Map<String, Value>>,
}

/// Parameters that speak to Braintrust's proxy and not to a model.
const PROXY_PARAMS: [&str; 3] = ["use_cache", "reasoning_enabled", "reasoning_budget"];

impl Prompt {
    /// Fills variables in: an object, whose members the templates name. All of it, whatever it is,
    /// is also there as `input`.
    ///
    /// # Errors
    /// [`BuildError`] names the place in the prompt.
    pub fn build<T: Serialize + ?Sized>(&self, variables: &T) -> Result<BuiltPrompt, BuildError> {
        self.build_with(variables, BuildOptions::new())
    }

    /// As [`Prompt::build`], with options.
    ///
    /// # Errors
    /// As [`Prompt::build`]; under [`BuildOptions::strict`] also a variable that is not given.
    pub fn build_with<T: Serialize + ?Sized>(
        &self,
        variables: &T,
        options: BuildOptions,
    ) -> Result<BuiltPrompt, BuildError> {
        let given = serde_json::to_value(variables).map_err(BuildError::Variables)?;
        let (model, mut params) = self.params()?;
        let format = match options.template_format {
            Some(format) => format,
            None => self.template_format()?,
        };
        let mut scope = Map::from_iter([("input".to_owned(), given.clone())]);
        if let Value::Object(members) = &given {
            scope.extend(members.clone());
        }
        let mut filler = Filler::new(Value::Object(scope), format, options.strict);
        let content = self.content(&mut filler, options.messages)?;
        if let Some(response_format) = params.get_mut("response_format") {
            filler.response_format(response_format)?;
        }
        let span_metadata = (!self.no_trace).then(|| self.span_metadata(&given));
        Ok(BuiltPrompt { model, content, params, span_metadata })
    }

    /// The model, and everything else that it is asked with.
    fn params(&self) -> Result<(String, Map<String, Value>), BuildError> {
        let mut params = self.defaults.clone();
        let own = self.options().and_then(|options| options.get("params")?.as_object());
        for (name, value) in own.into_iter().flatten() {
            if !PROXY_PARAMS.contains(&name.as_str()) {
                params.insert(name.clone(), value.clone());
            }
        }
        let default = params.shift_remove("model");
        let own = self.options().and_then(|options| options.get("model"));
        let model = match own.filter(|model| !model.is_null()).or(default.as_ref()) {
            Some(Value::String(model)) => model.clone(),
            None | Some(Value::Null) => return Err(BuildError::NoModel),
            Some(_) => {
                let (place, expected) = ("options.model".to_owned(), "a text");
                return Err(BuildError::Shape { place, expected });
            }
        };
        if params.get("response_format").is_some_and(Value::is_null) {
            params.shift_remove("response_format");
        }
        Ok((model, params))
    }

    fn content(
        &self,
        filler: &mut Filler,
        further: Vec<Value>,
    ) -> Result<PromptContent, BuildError> {
        let block = self.data().and_then(|data| data.get("prompt")).filter(|data| !data.is_null());
        let block = block.ok_or(BuildError::Empty)?;
        let shape = |place: &str, expected| BuildError::Shape { place: place.to_owned(), expected };
        match block["type"].as_str() {
            Some("chat") => {
                let messages: &[Value] = match &block["messages"] {
                    Value::Null => &[],
                    Value::Array(messages) => messages,
                    _ => return Err(shape("messages", "a list")),
                };
                let mut messages = filler.messages(messages)?;
                let is_system = |message: &Value| message["role"] == "system";
                let has_system = messages.iter().any(is_system);
                messages.extend(further.into_iter().filter(|m| !(has_system && is_system(m))));
                let tools = match &block["tools"] {
                    Value::Null => None,
                    Value::String(tools) => filler.tools(tools)?,
                    _ => return Err(shape("tools", "a text of JSON")),
                };
                Ok(PromptContent::Chat { messages, tools })
            }
            Some("completion") if !further.is_empty() => Err(BuildError::Completion),
            Some("completion") => match &block["content"] {
                Value::String(content) => {
                    Ok(PromptContent::Completion(filler.text("content", content)?))
                }
                _ => Err(shape("content", "a text")),
            },
            _ => Err(shape("prompt.type", "\"chat\" or \"completion\"")),
        }
    }

    /// What a span says of the prompt, so that the two find each other.
    fn span_metadata(&self, variables: &Value) -> Map<String, Value> {
        let mut metadata = Map::new();
        if let Some(id) = self.id() {
            let mut prompt = json!({
                "variables": variables,
                "id": id,
                "project_id": self.project_id(),
                "version": self.version(),
            });
            if let Some(session) = self.row.get("prompt_session_id") {
                prompt["prompt_session_id"] = session.clone();
            }
            metadata.insert("prompt".to_owned(), prompt);
        }
        metadata
    }
}

impl BuiltPrompt {
    /// The messages of a chat prompt; none of a completion prompt.
    #[must_use]
    pub fn messages(&self) -> &[Value] {
        match &self.content {
            PromptContent::Chat { messages, .. } => messages,
            PromptContent::Completion(_) => &[],
        }
    }

    /// The text of a completion prompt.
    #[must_use]
    pub fn prompt(&self) -> Option<&str> {
        match &self.content {
            PromptContent::Chat { .. } => None,
            PromptContent::Completion(prompt) => Some(prompt),
        }
    }

    /// The tools of a chat prompt.
    #[must_use]
    pub fn tools(&self) -> Option<&[Value]> {
        match &self.content {
            PromptContent::Chat { tools, .. } => tools.as_deref(),
            PromptContent::Completion(_) => None,
        }
    }

    /// The form that the answer must have.
    #[must_use]
    pub fn response_format(&self) -> Option<&Value> {
        self.params.get("response_format")
    }

    /// The body of a request to an interface like that of OpenAI: `model`, the parameters, and
    /// `messages` with `tools`, or `prompt`.
    #[must_use]
    pub fn request(&self) -> Map<String, Value> {
        let mut request = Map::from_iter([("model".to_owned(), self.model.clone().into())]);
        request.extend(self.params.clone());
        match &self.content {
            PromptContent::Chat { messages, tools } => {
                request.insert("messages".to_owned(), messages.clone().into());
                if let Some(tools) = tools {
                    request.insert("tools".to_owned(), tools.clone().into());
                }
            }
            PromptContent::Completion(prompt) => {
                request.insert("prompt".to_owned(), prompt.clone().into());
            }
        }
        request
    }

    /// Metadata for the span that asks the model: `prompt`, with the variables, id, project and
    /// version. Empty for a prompt that belongs to no server, `None` under
    /// [`LoadPrompt::no_trace`](super::LoadPrompt::no_trace).
    #[must_use]
    pub fn span_metadata(&self) -> Option<&Map<String, Value>> {
        self.span_metadata.as_ref()
    }

    /// [`BuiltPrompt::span_metadata`] as an event, which is empty if there is none.
    pub fn event(&self) -> Event {
        match &self.span_metadata {
            Some(metadata) if !metadata.is_empty() => Event::new().metadata(metadata),
            _ => Event::new(),
        }
    }
}
