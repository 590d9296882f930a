//! The only place where this program reads a clock.

use std::time::{Instant, SystemTime};

/// Monotonic time.
#[expect(clippy::disallowed_methods, reason = "the one reader of the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Time of the day, for the age of files.
#[expect(clippy::disallowed_methods, reason = "the one reader of the clock")]
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}
