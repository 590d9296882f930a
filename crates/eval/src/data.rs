//! Where cases come from: any iterator, or a file.

mod error;
mod jsonl;
mod source;

pub use error::DataError;
pub use jsonl::{Jsonl, jsonl};
pub(crate) use source::{Cases, Source};
