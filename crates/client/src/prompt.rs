//! Prompts that are kept on the server: what to ask a model, with places for variables.

mod build;
mod error;
mod message;

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::{Map, Value};

use crate::client::Client;
use crate::load::{CacheEntry, Kind, LoadError, LoadSource, Query};

pub use build::{BuildOptions, BuiltPrompt, PromptContent, TemplateFormat};
pub use error::BuildError;

/// Which prompt to load, and how it is built.
#[derive(Debug, Clone)]
#[must_use]
pub struct LoadPrompt {
    query: Query,
    defaults: Map<String, Value>,
    no_trace: bool,
}

impl LoadPrompt {
    /// Names the project and the prompt in it.
    pub fn new(project: impl Into<String>, slug: impl Into<String>) -> Self {
        Self::of(Query::named(Kind::Prompt, project.into(), slug.into()))
    }

    /// As [`LoadPrompt::new`], with the id of the project.
    pub fn in_project_id(project_id: impl Into<String>, slug: impl Into<String>) -> Self {
        Self::of(Query::in_project(Kind::Prompt, project_id.into(), slug.into()))
    }

    /// Names the prompt by its id alone.
    pub fn by_id(id: impl Into<String>) -> Self {
        Self::of(Query::by_id(Kind::Prompt, id.into()))
    }

    fn of(query: Query) -> Self {
        Self { query, defaults: Map::new(), no_trace: false }
    }

    /// Chooses a version, as [`Prompt::version`] gives it, instead of the latest; it beats an
    /// environment.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.query.version(version.into());
        self
    }

    /// Chooses the version that an environment has, such as `production`.
    pub fn environment(mut self, environment: impl Into<String>) -> Self {
        self.query.environment(environment.into());
        self
    }

    /// Sets how long the server may take, login included, before a copy is used; that of
    /// [`Config::request_timeout`](crate::Config::request_timeout) by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.query.timeout = Some(timeout);
        self
    }

    /// Sets parameters of the model, `model` among them, that hold where the prompt has none.
    pub fn defaults(mut self, defaults: Map<String, Value>) -> Self {
        self.defaults = defaults;
        self
    }

    /// Sets whether what is built says nothing of the prompt to spans; it does by default.
    pub fn no_trace(mut self, no_trace: bool) -> Self {
        self.no_trace = no_trace;
        self
    }
}

/// A prompt of one version.
///
/// ```no_run
/// # async fn ask(client: tidegate_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use serde_json::json;
/// use tidegate_client::{LoadPrompt, Span};
///
/// let prompt = client.load_prompt(LoadPrompt::new("shop", "greeting")).await?;
/// let built = prompt.build(&json!({"name": "Ada"}))?;
/// let span = Span::start("ask");
/// span.log(built.event()); // says which prompt and which variables
/// let request = built.request(); // the body of a chat completion
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    row: Map<String, Value>,
    defaults: Map<String, Value>,
    no_trace: bool,
    source: LoadSource,
}

impl Client {
    /// Loads a prompt.
    ///
    /// The server is always asked, for a version that never changes too. If it cannot be reached,
    /// is late or fails (408, 429, 5xx), the copy that an earlier load left in the cache is used,
    /// [`Prompt::source`] says so, and so does a line on stderr, once per
    /// [`BRAINTRUST_QUEUE_DROP_LOGGING_PERIOD`](crate::env). A key that is refused, or a prompt that
    /// is not there, is always an error. Where copies are kept: [`Config::prompt_cache`].
    ///
    /// # Errors
    /// [`LoadError`] if there is no such prompt, the server refuses, or it fails and no copy of the
    /// same version, environment, project, organisation and key is in the cache.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect; what the server answers is still cached.
    ///
    /// [`Config::prompt_cache`]: crate::Config::prompt_cache
    pub async fn load_prompt(&self, wanted: LoadPrompt) -> Result<Prompt, LoadError> {
        let LoadPrompt { query, defaults, no_trace } = wanted;
        let entry = CacheEntry { defaults: defaults.clone(), no_trace };
        let (row, source) = self.load(query, entry).await?;
        Ok(Prompt { row, defaults, no_trace, source })
    }
}

impl Prompt {
    /// Makes a prompt of the member `prompt_data` of one, which belongs to no server.
    #[must_use]
    pub fn from_prompt_data(name: impl Into<String>, prompt_data: Value) -> Self {
        let name: String = name.into();
        let name = Value::from(name);
        let members = [("name", name.clone()), ("slug", name), ("prompt_data", prompt_data)];
        let row = members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
        Self { row, defaults: Map::new(), no_trace: false, source: LoadSource::Program }
    }

    /// The UUID; `None` for one that belongs to no server.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.text("id")
    }

    /// The id of the project.
    #[must_use]
    pub fn project_id(&self) -> Option<&str> {
        self.text("project_id")
    }

    /// The name for people.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text("name").unwrap_or_default()
    }

    /// The name for programs, unique within the project.
    #[must_use]
    pub fn slug(&self) -> &str {
        self.text("slug").unwrap_or_default()
    }

    /// The version, which never changes; `None` for one that belongs to no server.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.text("_xact_id")
    }

    /// What it is for.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.text("description")
    }

    /// The model that it names; those of [`LoadPrompt::defaults`] aside.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.options()?.get("model")?.as_str()
    }

    /// How its texts are templates, as it says itself.
    ///
    /// # Errors
    /// [`BuildError::Format`] if that is none that this crate knows.
    pub fn template_format(&self) -> Result<TemplateFormat, BuildError> {
        match self.data().and_then(|data| data.get("template_format")) {
            None | Some(Value::Null) => Ok(TemplateFormat::Mustache),
            Some(Value::String(name)) if name == "mustache" => Ok(TemplateFormat::Mustache),
            Some(Value::String(name)) if name == "none" => Ok(TemplateFormat::None),
            Some(Value::String(name)) => Err(BuildError::Format { name: name.clone() }),
            Some(other) => Err(BuildError::Format { name: other.to_string() }),
        }
    }

    /// All of it, as the server has it.
    #[must_use]
    pub fn row(&self) -> &Map<String, Value> {
        &self.row
    }

    /// Where it comes from.
    #[must_use]
    pub fn source(&self) -> LoadSource {
        self.source
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.row.get(name)?.as_str()
    }

    fn data(&self) -> Option<&Map<String, Value>> {
        self.row.get("prompt_data")?.as_object()
    }

    fn options(&self) -> Option<&Map<String, Value>> {
        self.data()?.get("options")?.as_object()
    }
}
