//! Prompts, parameters, tools and scorers as a store hands them out; Braintrust's word for all of
//! them is function. Each write makes a version, and none goes before its function does.

use serde_json::{Map, Value};
use tidegate_model::XactId;

use super::{Answer, Registered};
use crate::functions::Definition;

/// A function at one of its versions.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    /// UUID.
    pub(crate) id: String,
    /// UUID.
    pub(crate) project_id: String,
    /// ISO 8601, of the first version.
    pub(crate) created: String,
    /// The transaction that wrote this version.
    pub(crate) xact: XactId,
    pub(crate) slug: String,
    pub(crate) name: String,
    /// `function_data.type`.
    pub(crate) kind: String,
    /// JSON of an object with at least one member; see [`Definition`].
    pub(crate) text: String,
}

/// What to do about a function that has the slug already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfExists {
    /// Nothing of the request is done.
    Error,
    /// It stays as it is.
    Ignore,
    /// It gets another version.
    Replace,
}

/// A function to store.
#[derive(Debug, Clone)]
pub(crate) struct NewFunction {
    /// One of id and name is set; a name is registered if unknown.
    pub(crate) project_id: Option<String>,
    pub(crate) project_name: Option<String>,
    pub(crate) definition: Definition,
    pub(crate) if_exists: IfExists,
    /// Whether the slug of a function of another kind is refused.
    pub(crate) same_kind: bool,
    /// Environments that are to use the version that this makes.
    pub(crate) environments: Vec<String>,
}

/// Which version is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum At {
    #[default]
    Newest,
    /// The newest that is not after a transaction.
    Version(XactId),
    /// The one that an environment uses.
    Environment(String),
}

/// Conditions that all must hold. Functions that have no such version are left out.
#[derive(Debug, Clone, Default)]
pub(crate) struct FunctionFilter {
    /// Any of these.
    pub(crate) ids: Option<Vec<String>>,
    /// The present one.
    pub(crate) slug: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) function_type: Option<String>,
    pub(crate) project_id: Option<String>,
    pub(crate) project_name: Option<String>,
    pub(crate) at: At,
    /// Only functions after (older than) the one of this id.
    pub(crate) after: Option<String>,
    /// Only functions before (newer than) the one of this id, the nearest ones.
    pub(crate) before: Option<String>,
}

/// Part of a list of functions, newest first.
#[derive(Debug)]
pub(crate) struct FunctionPage {
    pub(crate) functions: Vec<Function>,
    /// Whether there are others beyond the last one, or before the first one if
    /// [`FunctionFilter::before`] was set.
    pub(crate) more: bool,
}

/// The version of a function that an environment uses.
#[derive(Debug, Clone)]
pub(crate) struct FunctionTag {
    /// UUID.
    pub(crate) id: String,
    pub(crate) function_id: String,
    pub(crate) environment: String,
    pub(crate) xact: XactId,
    /// ISO 8601.
    pub(crate) created: String,
}

/// The part of a store that keeps functions.
pub(crate) trait FunctionStore {
    /// Stores functions, all or none, under one new transaction id. `bytes` is what they take in
    /// memory.
    ///
    /// # Errors
    /// `UnknownProject`, `FunctionExists`, `SlugTaken`, `SlugRepeated`,
    /// `FunctionTooLarge`.
    fn put_functions(
        &self,
        new: Vec<NewFunction>,
        bytes: usize,
    ) -> Answer<'_, Vec<Registered<Function>>>;

    /// Lists functions, at most `limit` and no more than some megabytes of them.
    fn functions(&self, filter: FunctionFilter, limit: u32) -> Answer<'_, FunctionPage>;

    /// Merges changes into the newest version, which makes another one: objects into objects,
    /// anything else replaces. `None` if there is no such function.
    ///
    /// # Errors
    /// `BadFunction` if what comes out is none, `SlugTaken`, `FunctionTooLarge`.
    fn patch_function(
        &self,
        id: String,
        changes: Map<String, Value>,
        bytes: usize,
    ) -> Answer<'_, Option<Function>>;

    /// Removes a function with all its versions and returns the newest; `None` if it does not exist.
    fn delete_function(&self, id: String) -> Answer<'_, Option<Function>>;

    /// Lists the tags of a function, or the one of an environment.
    fn function_tags(
        &self,
        id: String,
        environment: Option<String>,
    ) -> Answer<'_, Vec<FunctionTag>>;

    /// Says which version an environment uses; `None` if there is no such function, or if it had
    /// no version then.
    fn set_function_tag(
        &self,
        id: String,
        environment: String,
        xact: XactId,
    ) -> Answer<'_, Option<FunctionTag>>;

    /// Removes a tag; `None` if it does not exist.
    fn delete_function_tag(
        &self,
        id: String,
        environment: String,
    ) -> Answer<'_, Option<FunctionTag>>;

    /// Forgets up to `limit` uploads of code from before a time that no version names, and returns
    /// the names of their files.
    fn expire_bundles(&self, before_us: i64, limit: u32) -> Answer<'_, Vec<Option<String>>>;
}
