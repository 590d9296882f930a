//! Parameters that are kept on the server: values with a schema that says what they may be.

mod schema;

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::client::Client;
use crate::load::{CacheEntry, Kind, LoadError, LoadSource, Query};
use crate::prompt::Prompt;

/// Which parameters to load.
#[derive(Debug, Clone)]
#[must_use]
pub struct LoadParameters {
    query: Query,
}

impl LoadParameters {
    /// Names the project and the parameters in it.
    pub fn new(project: impl Into<String>, slug: impl Into<String>) -> Self {
        Self { query: Query::named(Kind::Parameters, project.into(), slug.into()) }
    }

    /// As [`LoadParameters::new`], with the id of the project.
    pub fn in_project_id(project_id: impl Into<String>, slug: impl Into<String>) -> Self {
        Self { query: Query::in_project(Kind::Parameters, project_id.into(), slug.into()) }
    }

    /// Names the parameters by their id alone.
    pub fn by_id(id: impl Into<String>) -> Self {
        Self { query: Query::by_id(Kind::Parameters, id.into()) }
    }

    /// Chooses a version, as [`Parameters::version`] gives it, instead of the latest; it beats an
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
}

/// Parameters of one version.
///
/// ```no_run
/// # async fn tune(client: tidegate_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use tidegate_client::LoadParameters;
///
/// #[derive(serde::Deserialize)]
/// struct Settings {
///     temperature: f64,
///     model: String,
/// }
///
/// let parameters = client.load_parameters(LoadParameters::new("shop", "answers")).await?;
/// let settings: Settings = parameters.read()?; // with the defaults of the schema
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    row: Map<String, Value>,
    source: LoadSource,
}

/// Values that the schema does not allow.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParametersError {
    /// Some are missing or of another type; at most sixteen are named.
    #[error("parameters {slug:?} do not fit their schema: {}", problems.join("; "))]
    Invalid {
        /// Which parameters.
        slug: String,
        /// One text for each value, which begins with its place.
        problems: Vec<String>,
    },
    /// The program wants something else than the schema says.
    #[error("parameters {slug:?} are not what the program reads")]
    Read {
        /// Which parameters.
        slug: String,
        /// What does not fit.
        source: serde_json::Error,
    },
    /// There is no value of this name that is a prompt.
    #[error("parameters {slug:?} have no prompt {name:?}")]
    NoPrompt {
        /// Which parameters.
        slug: String,
        /// The name.
        name: String,
    },
}

impl ParametersError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        "correct the values or the schema on the server"
    }
}

impl Client {
    /// Loads parameters. The server is always asked; where it fails a copy is used as
    /// [`Client::load_prompt`] does, of the cache that
    /// [`Config::parameters_cache`](crate::Config::parameters_cache) describes.
    ///
    /// # Errors
    /// As [`Client::load_prompt`].
    ///
    /// # Cancel safety
    /// Dropping the future has no effect; what the server answers is still cached.
    pub async fn load_parameters(&self, wanted: LoadParameters) -> Result<Parameters, LoadError> {
        let (row, source) = self.load(wanted.query, CacheEntry::default()).await?;
        Ok(Parameters { row, source })
    }
}

impl Parameters {
    /// The UUID.
    #[must_use]
    pub fn id(&self) -> &str {
        self.text("id").unwrap_or_default()
    }

    /// The id of the project.
    #[must_use]
    pub fn project_id(&self) -> &str {
        self.text("project_id").unwrap_or_default()
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

    /// The version, which never changes.
    #[must_use]
    pub fn version(&self) -> &str {
        self.text("_xact_id").unwrap_or_default()
    }

    /// What they are for.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.text("description")
    }

    /// The JSON Schema of the values.
    #[must_use]
    pub fn schema(&self) -> Option<&Map<String, Value>> {
        self.function_data("__schema")
    }

    /// The values that are set, as the server has them; see [`Parameters::values`].
    #[must_use]
    pub fn data(&self) -> Option<&Map<String, Value>> {
        self.function_data("data")
    }

    /// Where they come from.
    #[must_use]
    pub fn source(&self) -> LoadSource {
        self.source
    }

    /// The values that are set, and the defaults of the schema for the others.
    ///
    /// Of the schema `type`, `enum` and `required` are checked, on every level of `properties` and
    /// `items`; any other keyword is left to who uses the values.
    ///
    /// # Errors
    /// [`ParametersError::Invalid`] names every value that does not fit.
    pub fn values(&self) -> Result<Map<String, Value>, ParametersError> {
        self.values_with(&Map::new())
    }

    /// As [`Parameters::values`], with values that beat those that are set.
    ///
    /// # Errors
    /// As [`Parameters::values`].
    pub fn values_with(
        &self,
        beating: &Map<String, Value>,
    ) -> Result<Map<String, Value>, ParametersError> {
        let mut values = self.data().cloned().unwrap_or_default();
        values.extend(beating.iter().map(|(name, value)| (name.clone(), value.clone())));
        let Some(schema) = self.schema() else { return Ok(values) };
        let problems = schema::complete(&mut values, schema);
        if problems.is_empty() {
            return Ok(values);
        }
        Err(ParametersError::Invalid { slug: self.slug().to_owned(), problems })
    }

    /// The values as a type of the program.
    ///
    /// # Errors
    /// As [`Parameters::values`], and [`ParametersError::Read`] if the type does not fit them.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ParametersError> {
        let values = Value::Object(self.values()?);
        serde_json::from_value(values)
            .map_err(|source| ParametersError::Read { slug: self.slug().to_owned(), source })
    }

    /// A value that is a prompt: one whose schema says `"x-bt-type": "prompt"`.
    ///
    /// # Errors
    /// As [`Parameters::values`], and [`ParametersError::NoPrompt`].
    pub fn prompt(&self, name: &str) -> Result<Prompt, ParametersError> {
        let schema = self.schema().and_then(|schema| schema.get("properties")?.get(name));
        let is_prompt = schema.is_some_and(|schema| schema["x-bt-type"] == "prompt");
        match self.values()?.shift_remove(name) {
            Some(data @ Value::Object(_)) if is_prompt => Ok(Prompt::from_prompt_data(name, data)),
            _ => {
                let (slug, name) = (self.slug().to_owned(), name.to_owned());
                Err(ParametersError::NoPrompt { slug, name })
            }
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.row.get(name)?.as_str()
    }

    fn function_data(&self, name: &str) -> Option<&Map<String, Value>> {
        self.row.get("function_data")?.get(name)?.as_object()
    }
}
