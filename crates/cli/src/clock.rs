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

/// The monotonic clock that perf stamps its samples with, in nanoseconds.
pub(crate) fn monotonic_ns() -> u64 {
    nanoseconds(rustix::time::clock_gettime(rustix::time::ClockId::Monotonic))
}

/// How far wall time is ahead of [`monotonic_ns`], in nanoseconds: what changes with it if
/// somebody sets the clock.
pub(crate) fn wall_ahead_ns() -> i128 {
    let before = monotonic_ns();
    let wall = nanoseconds(rustix::time::clock_gettime(rustix::time::ClockId::Realtime));
    // Between two looks, so that it does not matter where a busy machine pauses.
    let after = monotonic_ns();
    i128::from(wall) - (i128::from(before) + i128::from(after)) / 2
}

fn nanoseconds(time: rustix::time::Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}
