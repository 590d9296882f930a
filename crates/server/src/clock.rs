//! The wall clock, which only labels things: order comes from transaction ids.

use std::time::Instant;

use jiff::Timestamp;

/// Monotonic time, for durations.
#[expect(clippy::disallowed_methods, reason = "the one reader of the clock")]
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}

/// The current time.
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Unix seconds, clamped to what a transaction id can hold.
pub(crate) fn unix_seconds() -> u32 {
    u32::try_from(now().as_second().max(0)).unwrap_or(u32::MAX)
}

/// The current time as clients write it: ISO 8601, milliseconds, `Z`.
pub(crate) fn now_text() -> String {
    format!("{:.3}", now())
}
