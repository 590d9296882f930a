//! Mustache templates as the published SDKs render them into prompts: nothing is escaped for
//! HTML, and what is no text is JSON.
//!
//! A renderer of our own, because what a prompt says must not depend on the SDK that built it.
//! Of the crates, `mustache` is unmaintained, `ramhorns` is under MPL-2.0 and renders types that are
//! known when it is compiled, `mustache2` follows the specification, which escapes for HTML, and in
//! `handlebars` a name is not looked up in surrounding sections. Partials are the one thing left
//! out: no prompt has any, and they render as nothing, as they do there.

mod parse;
mod render;

#[cfg(test)]
mod tests;

pub(crate) use parse::Template;
pub use parse::TemplateError;
pub(crate) use render::{Limits, missing, render};
