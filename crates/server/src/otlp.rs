//! OTLP traces on their way in: from the body of an export request to rows, away from the store.
//!
//! A body goes [`body`] → [`wire`] or [`json`] → [`span`], which maps resource, scope and span to a
//! row by the conventions in [`conventions`]. One span at a time exists as a message, so that one
//! that is broken costs only itself.

mod attributes;
mod body;
mod conventions;
mod events;
mod json;
mod nested;
mod origin;
mod parent;
mod span;
mod value;
mod wire;

pub(crate) use body::{BodyFault, Decoded, Encoding, decode};
pub(crate) use parent::{Above, Parent, ParentObject};
pub(crate) use span::Traced;

#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;
