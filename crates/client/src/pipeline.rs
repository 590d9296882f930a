//! The upload pipeline as a pure state machine: records in, batches out, every record settled.
//!
//! Nothing here knows of tokio, sockets or clocks. The [driver](crate::driver) feeds events and
//! the present moment, and carries out the [`Action`]s that come back:
//!
//! ```text
//! records -> coalesce per row key -> ready rows -> even batches over free lanes -> Action::Send
//!                                                     ^                                |
//!                                                     +-- retry, split, isolate <-- reply
//!                                     Action::Settle | Action::Spool <---- or its fate
//! ```

pub(crate) mod backoff;
pub(crate) mod batch;
pub(crate) mod core;
pub(crate) mod cost;
mod dispatch;
mod followed;
pub(crate) mod lanes;
pub(crate) mod row;
mod settle;
mod stage;

pub(crate) use self::core::{Action, Core, Options, Pressure, Settled, Spooled, Written};
pub(crate) use self::stage::Stage;

use std::time::Duration;

/// What a server, or the lack of one, said to a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// 2xx.
    Acknowledged,
    /// A step towards the delivery is done; this is the next one.
    Next(Stage),
    /// Nothing was sent: the body is larger than a limit that was learned only now.
    OverLimit,
    /// What an earlier step has achieved does not count any more: all steps from the first one on.
    Restart { detail: String },
    /// A network error, a time-out, 408, 429 or 5xx: the same batch may succeed later.
    Retry { after: Option<Duration>, detail: String },
    /// 413.
    TooLarge,
    /// 400 or 422: some row is bad.
    Rejected { detail: String },
    /// Any other final answer, which no smaller batch would change.
    Refused { detail: String },
    /// 401 or 403.
    Unauthorized { detail: String },
}

#[cfg(test)]
mod tests;
