//! The only place where this crate reads a clock.

use std::time::Instant;

/// Monotonic time.
#[expect(clippy::disallowed_methods, reason = "the one reader of the monotonic clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The clock that timers go by. Tests may pause it, which the other one does not see.
pub(crate) fn of_timers() -> tokio::time::Instant {
    tokio::time::Instant::now()
}
