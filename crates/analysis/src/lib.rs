//! Pure analysis of recorded runs: no I/O, no clock, the same numbers wherever it runs.
//!
//! The collector and the evaluation library both compare experiments through [`comparison`], so
//! that a summary computed locally equals the one the collector returns.

#![deny(missing_docs)]

pub mod comparison;
pub mod explain;
pub mod export;
mod name_map;
pub mod profile;
pub mod statistics;
pub mod timeline;
pub mod tracks;

pub use name_map::{Iter, NameMap};
