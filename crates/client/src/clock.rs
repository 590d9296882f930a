//! The only place where this crate reads a clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Monotonic time, for every duration and deadline.
///
/// Read through tokio, so that a test that pauses time drives the whole client with it.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Wall time, for labels only.
#[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock")]
pub(crate) fn wall() -> WallTime {
    since_epoch(SystemTime::now())
}

/// A clock before 1970 reads as 1970 instead of panicking.
pub(crate) fn since_epoch(time: SystemTime) -> WallTime {
    WallTime(time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO))
}

/// A moment as time since the unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct WallTime(Duration);

impl WallTime {
    /// Seconds with fraction, as `metrics.start` and `metrics.end` carry them.
    pub(crate) fn unix_seconds(self) -> f64 {
        self.0.as_secs_f64()
    }

    /// Whole microseconds since the unix epoch.
    pub(crate) fn unix_micros(self) -> u64 {
        u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX)
    }

    /// Zero if the other is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// ISO-8601 in UTC with milliseconds, as `created` carries it.
    pub(crate) fn iso(self) -> String {
        let milliseconds = i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX);
        match jiff::Timestamp::from_millisecond(milliseconds) {
            Ok(timestamp) => format!("{timestamp:.3}"),
            // Only a clock beyond the year 9999 gets here.
            Err(_) => "1970-01-01T00:00:00.000Z".to_owned(),
        }
    }
}

impl From<WallTime> for SystemTime {
    fn from(time: WallTime) -> Self {
        // It was made of such a time; only one with an end beyond the clock's last moment is not.
        UNIX_EPOCH.checked_add(time.0).unwrap_or(UNIX_EPOCH)
    }
}

#[cfg(test)]
impl WallTime {
    pub(crate) fn from_unix_seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

/// A start on both clocks, so that a span's end follows the monotonic one and a step of the
/// wall clock cannot make it negative.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Started {
    pub(crate) wall: WallTime,
    pub(crate) monotonic: Instant,
}

impl Started {
    pub(crate) fn now() -> Self {
        Self { wall: wall(), monotonic: now() }
    }

    /// A start of the past, whose end is known too.
    pub(crate) fn at(wall: WallTime) -> Self {
        Self { wall, monotonic: now() }
    }

    /// The present moment on the wall clock of the start.
    pub(crate) fn elapsed_wall(self) -> WallTime {
        WallTime(self.wall.0 + now().saturating_duration_since(self.monotonic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn created_is_iso_with_milliseconds() {
        let time = WallTime(Duration::from_millis(1_700_000_000_123));
        assert_eq!(time.iso(), "2023-11-14T22:13:20.123Z");
        assert_eq!(WallTime(Duration::MAX).iso(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn invariant_9_a_clock_before_1970_is_no_panic() {
        assert_eq!(since_epoch(UNIX_EPOCH - Duration::from_secs(1)), WallTime(Duration::ZERO));
        assert_eq!(since_epoch(UNIX_EPOCH + Duration::from_secs(1)).unix_seconds(), 1.0);
    }

    #[test]
    fn an_end_is_never_before_its_start_whatever_either_clock_does() {
        let hour = Duration::from_secs(3600);
        // The wall clock was an hour ahead at the start and has been set right since.
        let ahead = Started { wall: WallTime(wall().0 + hour), monotonic: now() };
        assert!(ahead.elapsed_wall() >= ahead.wall);
        // The monotonic clock shows less than at the start.
        let later = Started { wall: wall(), monotonic: now() + hour };
        assert_eq!(later.elapsed_wall(), later.wall);
    }
}
