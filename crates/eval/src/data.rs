//! Where cases come from: any iterator or stream, a file, a dataset, or an earlier experiment.

mod chunk;
mod csv;
mod dataset;
mod error;
mod experiment;
mod jsonl;
mod lines;
mod pages;
mod source;

pub use csv::{Csv, csv};
pub use error::DataError;
pub(crate) use experiment::Earlier;
pub use jsonl::{Jsonl, jsonl};
pub(crate) use source::{Cases, Source};
