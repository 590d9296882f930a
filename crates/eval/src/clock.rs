//! The only place where this crate reads a clock.

use std::time::Instant;

/// Monotonic time.
#[expect(clippy::disallowed_methods, reason = "the one reader of the monotonic clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
