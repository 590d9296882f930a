//! Where in a body something is, for errors.

use std::fmt;

use serde_json::{Map, Value};

use super::ast::QueryError;

/// A path from the body down; written only when something is refused.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Root,
    Member(&'a str),
    Index(usize),
}

impl<'a> Place<'a> {
    pub(super) fn root() -> Self {
        Self { parent: None, step: Step::Root }
    }

    pub(super) fn member(&'a self, name: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Member(name) }
    }

    pub(super) fn index(&'a self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }

    pub(super) fn refuse(&self, message: impl Into<String>) -> QueryError {
        QueryError::new(self.to_string(), message)
    }

    /// Refuses an object with other members than these.
    pub(super) fn only(
        &self,
        object: &Map<String, Value>,
        members: &[&str],
    ) -> Result<(), QueryError> {
        match object.keys().find(|name| !members.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(self.member(name).refuse("is not supported here")),
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(parent) = self.parent else { return Ok(()) };
        parent.fmt(f)?;
        match self.step {
            Step::Root => Ok(()),
            Step::Member(name) if parent.parent.is_none() => f.write_str(name),
            Step::Member(name) => write!(f, ".{name}"),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}
