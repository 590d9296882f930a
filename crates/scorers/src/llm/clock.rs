//! The only place where this crate reads a clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time since the unix epoch, to compare with dates of servers.
#[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock")]
pub(super) fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO)
}
