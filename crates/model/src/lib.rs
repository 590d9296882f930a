//! Rows, ids, merge rules and wire types of the Braintrust protocol.
//!
//! Everything here is pure: no I/O, no clock, no globals. The client builds rows from this
//! crate, the server stores them with it, and both use one [`merge`] so that what a client
//! coalesces and what a server merges cannot drift apart.

#![deny(missing_docs)]

pub mod id;
pub mod limits;
pub mod merge;
pub mod price;
pub mod profile;
pub mod row;
pub mod slug;
pub mod w3c;
pub mod wire;
pub mod xact;

pub use id::{RowId, SpanId, TraceId};
pub use row::{Destination, MergeKey, Row};
pub use slug::SpanComponents;
pub use xact::XactId;
