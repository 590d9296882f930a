//! From the body of a `/logs3` request to writes: decoding and validation, away from the store.

mod decode;
mod fast;
mod scan;
mod surrogates;

pub(crate) use decode::{DecodeError, Decoded, decode};
