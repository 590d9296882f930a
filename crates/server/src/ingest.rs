//! From the body of a `/logs3` request to writes: decoding and validation, away from the store.

mod agreement;
mod decode;
mod events;
mod fast;
mod overflow;
mod scan;
mod surrogates;

pub(crate) use agreement::check as check_agreement;
pub(crate) use decode::{DecodeError, Decoded, decode};
pub(crate) use events::{decode_events, decode_feedback};
pub(crate) use overflow::overflow_key;
pub(crate) use surrogates::repair as repair_surrogates;
