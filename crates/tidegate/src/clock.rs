//! The only place where this crate reads a clock.

use std::time::Instant;
#[cfg(feature = "tracing-layer")]
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970, for labels only; a clock before 1970 reads as 1970.
#[cfg(feature = "tracing-layer")]
#[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock")]
pub(crate) fn unix_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// Monotonic time, for durations.
#[expect(clippy::disallowed_methods, reason = "the one reader of the monotonic clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
