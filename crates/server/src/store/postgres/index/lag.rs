//! How far the index is behind the rows.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;
use crate::store::IndexLag;

/// What this collector knows of it.
#[derive(Debug, Default)]
pub(super) struct Lag(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    rows: i64,
    /// When the oldest change that is not indexed was made; `None` if there is none.
    since: Option<Instant>,
}

impl Lag {
    /// Notes how many rows there are to be indexed, and how old the oldest change is.
    pub(super) fn note(&self, rows: i64, age: Option<Duration>) {
        let since = age.and_then(|age| clock::monotonic().checked_sub(age));
        *self.known() = Known { rows, since };
    }

    /// Notes that nothing can be found out for now: the lag grows from here.
    pub(super) fn failed(&self) {
        self.known().since.get_or_insert_with(clock::monotonic);
    }

    pub(super) fn get(&self) -> IndexLag {
        let known = self.known();
        let age = known.since.map(|since| clock::monotonic().saturating_duration_since(since));
        IndexLag {
            rows: known.rows.max(0).cast_unsigned(),
            seconds: age.map_or(0, |age| age.as_secs()),
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lag_is_as_old_as_the_oldest_change_and_ends_with_it() {
        let lag = Lag::default();
        assert_eq!(lag.get(), IndexLag::default());
        lag.note(7, Some(Duration::from_secs(60)));
        assert!(matches!(lag.get(), IndexLag { rows: 7, seconds: 60..600 }));
        lag.note(0, None);
        assert_eq!(lag.get(), IndexLag::default());
    }
}
