//! The profile of a run: a file that says what happened when, on one monotonic clock.
//!
//! The format is [`tidegate_model::profile`], described in `docs/profiles.md`.

mod writer;

pub use writer::ProfileWriter;
