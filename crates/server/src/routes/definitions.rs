//! Reading what a request wants stored as a function.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::auth::Caller;
use super::projects::check_name;
use super::reply::ApiError;
use crate::app::App;
use crate::functions::{Definition, PROMPT};
use crate::store::{IfExists, NewFunction};

/// Environments that one definition may name.
const ENVIRONMENTS: usize = 100;

/// What a route takes for a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Prompts alone.
    Prompt,
    /// Everything, prompts as well.
    Function,
}

impl Family {
    /// What to call one of them.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Function => "function",
        }
    }

    /// The type they all have.
    pub(super) fn kind(self) -> Option<String> {
        (self == Self::Prompt).then(|| PROMPT.to_owned())
    }
}

/// Members beside the definition itself. Known ones must have their type.
#[derive(Debug, Deserialize)]
struct Beside {
    project_id: Option<String>,
    project_name: Option<String>,
    if_exists: Option<Existing>,
    environment_slugs: Option<Vec<String>>,
    environments: Option<Vec<Environment>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Existing {
    Error,
    Ignore,
    Replace,
}

#[derive(Debug, Deserialize)]
struct Environment {
    slug: String,
}

/// Reads one definition. What it says about one that exists goes before `if_exists`, but for
/// prompts, whose routes decide that themselves.
pub(super) fn read(
    family: Family,
    members: Map<String, Value>,
    if_exists: IfExists,
) -> Result<NewFunction, ApiError> {
    let beside = Beside::deserialize(&members).map_err(|error| ApiError::unreadable(&error))?;
    let definition = match family {
        Family::Prompt => Definition::prompt(members),
        Family::Function => Definition::of(members),
    };
    let definition = definition.map_err(|fault| ApiError::bad_request(fault.to_string()))?;
    let project_id = beside.project_id.filter(|id| !id.is_empty());
    let project_name = check_name(beside.project_name)?;
    if project_id.is_none() && project_name.is_none() {
        return Err(ApiError::bad_request("\"project_id\" or \"project_name\" is missing"));
    }
    let environments = beside.environments.unwrap_or_default().into_iter();
    let named = environments.map(|Environment { slug }| slug);
    let named = named.chain(beside.environment_slugs.unwrap_or_default());
    let environments: Vec<_> = named.map(environment).collect::<Result<_, _>>()?;
    if environments.len() > ENVIRONMENTS {
        let message = format!("a function may name at most {ENVIRONMENTS} environments at once");
        return Err(ApiError::bad_request(message));
    }
    let if_exists = match beside.if_exists.filter(|_| family == Family::Function) {
        None => if_exists,
        Some(Existing::Error) => IfExists::Error,
        Some(Existing::Ignore) => IfExists::Ignore,
        Some(Existing::Replace) => IfExists::Replace,
    };
    let same_kind = family == Family::Prompt;
    Ok(NewFunction { project_id, project_name, definition, if_exists, same_kind, environments })
}

/// Checks the name of an environment.
pub(super) fn environment(name: String) -> Result<String, ApiError> {
    check_name(Some(name))?
        .ok_or_else(|| ApiError::bad_request("the name of the environment is empty"))
}

/// Checks the project that a definition names. With a key of one project, it is then named by id,
/// so that none is made.
pub(super) async fn permitted(
    app: &App,
    caller: &Caller,
    mut new: NewFunction,
) -> Result<NewFunction, ApiError> {
    match (&new.project_id, &new.project_name) {
        (Some(id), _) => caller.project(app, id).await?,
        (None, Some(name)) => new.project_id = caller.project_named(app, name).await?,
        (None, None) => caller.everything()?,
    }
    for tool in &new.definition.tools {
        caller.project(app, &tool.project_id).await?;
    }
    Ok(new)
}
