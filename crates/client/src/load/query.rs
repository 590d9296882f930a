//! What is asked for, and how it is named towards the server and the cache.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use super::LoadError;
use crate::experiment::encode;

/// What is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Prompt,
    Parameters,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Id(String),
    Named { project: Project, slug: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Project {
    Name(String),
    Id(String),
}

/// One object of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) kind: Kind,
    place: Place,
    version: Option<String>,
    environment: Option<String>,
    /// Until a copy is used; that of a request by default.
    pub(crate) timeout: Option<Duration>,
}

impl Query {
    pub(crate) fn named(kind: Kind, project: String, slug: String) -> Self {
        Self::of(kind, Place::Named { project: Project::Name(project), slug })
    }

    pub(crate) fn in_project(kind: Kind, project_id: String, slug: String) -> Self {
        Self::of(kind, Place::Named { project: Project::Id(project_id), slug })
    }

    pub(crate) fn by_id(kind: Kind, id: String) -> Self {
        Self::of(kind, Place::Id(id))
    }

    fn of(kind: Kind, place: Place) -> Self {
        Self { kind, place, version: None, environment: None, timeout: None }
    }

    pub(crate) fn version(&mut self, version: String) {
        self.version = Some(version);
    }

    pub(crate) fn environment(&mut self, environment: String) {
        self.environment = Some(environment);
    }

    /// The environment counts only without a version.
    fn chosen_environment(&self) -> Option<&str> {
        self.environment.as_deref().filter(|_| self.version.is_none())
    }

    pub(crate) fn is_by_id(&self) -> bool {
        matches!(self.place, Place::Id(_))
    }

    /// The path of the request without its parameters, which may name what is nobody's business.
    pub(crate) fn route(&self) -> String {
        let route = match self.kind {
            Kind::Prompt => "v1/prompt",
            Kind::Parameters => "v1/function",
        };
        match &self.place {
            Place::Id(id) => format!("{route}/{}", encode(id)),
            Place::Named { .. } => route.to_owned(),
        }
    }

    /// The path of the request.
    pub(crate) fn path(&self) -> String {
        let mut pairs = Vec::new();
        if let Place::Named { project, slug } = &self.place {
            pairs.push(match project {
                Project::Name(name) => ("project_name", name.as_str()),
                Project::Id(id) => ("project_id", id.as_str()),
            });
            pairs.push(("slug", slug.as_str()));
            if self.kind == Kind::Parameters {
                pairs.push(("function_type", "parameters"));
            }
        }
        if let Some(version) = &self.version {
            pairs.push(("version", version));
        }
        if let Some(environment) = self.chosen_environment() {
            pairs.push(("environment", environment));
        }
        let pairs: Vec<_> =
            pairs.into_iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let route = self.route();
        if pairs.is_empty() { route } else { format!("{route}?{}", pairs.join("&")) }
    }

    /// The key of the cache in the form of npm 3.35.0, except where that would mix up versions:
    /// there a pinned version by id and any environment go under the key of the latest.
    pub(crate) fn cache_key(&self) -> String {
        let mut key = match self.kind {
            Kind::Prompt => String::new(),
            Kind::Parameters => "parameters:".to_owned(),
        };
        let version = self.version.as_deref();
        match &self.place {
            Place::Id(id) => {
                key.push_str("id:");
                key.push_str(id);
                if let Some(version) = version {
                    key.push_str(":version:");
                    key.push_str(version);
                }
            }
            Place::Named { project: Project::Name(project) | Project::Id(project), slug } => {
                let version = match self.chosen_environment() {
                    Some(_) => "",
                    None => version.unwrap_or("latest"),
                };
                key.push_str(&format!("{project}:{slug}:{version}"));
            }
        }
        if let Some(environment) = self.chosen_environment() {
            key.push_str(":environment:");
            key.push_str(environment);
        }
        key
    }

    /// Whether an object may be what was asked for: the key of the cache alone does not tell a
    /// project `a:b` from a slug that begins with `b:`.
    pub(crate) fn fits(&self, row: &Map<String, Value>) -> bool {
        let is = |name: &str, wanted: &str| row.get(name).and_then(Value::as_str) == Some(wanted);
        match &self.place {
            Place::Id(id) => is("id", id),
            Place::Named { project, slug } => {
                let of_project = match project {
                    // The object does not say the name.
                    Project::Name(_) => true,
                    Project::Id(id) => is("project_id", id),
                };
                of_project && is("slug", slug)
            }
        }
    }

    /// The one object that the server sent.
    pub(crate) fn only(
        &self,
        mut objects: Vec<Map<String, Value>>,
    ) -> Result<Map<String, Value>, LoadError> {
        if self.kind == Kind::Parameters && !self.is_by_id() {
            // A server that does not know the filter sends functions of every type.
            objects.retain(is_parameters);
        }
        let what = self.to_string();
        let row = match objects.len() {
            0 => return Err(LoadError::NotFound { what }),
            1 => objects.remove(0),
            count => return Err(LoadError::Several { what, count }),
        };
        let malformed = |expected| Err(LoadError::Malformed { what, expected });
        let names = ["id", "project_id", "slug", "name", "_xact_id"];
        if !names.iter().all(|name| row.get(*name).is_some_and(Value::is_string)) {
            return malformed("id, project_id, slug, name and _xact_id");
        }
        if self.kind == Kind::Parameters && !is_parameters(&row) {
            return malformed("function_data of the type \"parameters\" with a __schema");
        }
        Ok(row)
    }
}

/// Whether a function is parameters.
fn is_parameters(row: &Map<String, Value>) -> bool {
    row.get("function_data")
        .is_some_and(|data| data["type"] == "parameters" && data["__schema"].is_object())
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Prompt => "prompt",
            Kind::Parameters => "parameters",
        };
        match &self.place {
            Place::Id(id) => write!(f, "{kind} with the id {id:?}")?,
            Place::Named { project: Project::Name(project), slug } => {
                write!(f, "{kind} {slug:?} of project {project:?}")?;
            }
            Place::Named { project: Project::Id(project), slug } => {
                write!(f, "{kind} {slug:?} of the project with the id {project:?}")?;
            }
        }
        match (&self.version, self.chosen_environment()) {
            (Some(version), _) => write!(f, " at version {version:?}"),
            (None, Some(environment)) => write!(f, " in environment {environment:?}"),
            (None, None) => Ok(()),
        }
    }
}
