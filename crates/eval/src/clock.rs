//! The only place where this crate reads a clock.

use std::time::{Instant, SystemTime};

/// Monotonic time.
#[expect(clippy::disallowed_methods, reason = "the one reader of the monotonic clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The clock that timers go by. Tests may pause it, which the other one does not see.
pub(crate) fn of_timers() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

/// Wall time, for labels only. A clock outside of the years -9999 to 9999 reads as 1970.
#[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock")]
pub(crate) fn wall() -> jiff::Timestamp {
    jiff::Timestamp::try_from(SystemTime::now()).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}
