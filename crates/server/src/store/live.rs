//! What changed just now, for pages that watch.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::Notify;

use super::Answer;

/// Objects noted until somebody takes them; beyond it only that there were more.
const MOST_TOUCHED: usize = 10_000;

/// An object that changed, with its sums as lists show them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct Changed {
    /// `experiment`, `project_logs`, `playground_logs` or `dataset`.
    pub(crate) object_type: &'static str,
    pub(crate) object_id: String,
    /// `null` for rows that came before the registration of what they belong to.
    pub(crate) project_id: Option<String>,
    /// Spans and other rows.
    pub(crate) rows: u64,
    pub(crate) cases: u64,
    /// Cases with an error in any span.
    pub(crate) errors: u64,
    /// ISO 8601, to the second; `null` without rows.
    pub(crate) last_write: Option<String>,
}

/// Numbers of the objects that changed since somebody last looked.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    noted: Mutex<Noted>,
    bell: Notify,
}

/// What was noted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Noted {
    pub(crate) objects: BTreeSet<i64>,
    /// Whether others changed as well, nobody knows which.
    pub(crate) others: bool,
}

impl Touched {
    /// Notes objects. Never waits.
    pub(crate) fn note(&self, objects: impl IntoIterator<Item = i64>) {
        let mut noted = self.lock();
        noted.objects.extend(objects);
        if noted.objects.len() > MOST_TOUCHED {
            *noted = Noted { objects: BTreeSet::new(), others: true };
        }
        if *noted != Noted::default() {
            self.bell.notify_one();
        }
    }

    /// Notes that something changed, nobody knows what. Never waits.
    #[cfg(feature = "postgres")]
    pub(crate) fn note_others(&self) {
        *self.lock() = Noted { objects: BTreeSet::new(), others: true };
        self.bell.notify_one();
    }

    /// Waits until something changed and takes it. For one reader.
    ///
    /// # Cancel safety
    /// Only waits until it takes.
    pub(crate) async fn take(&self) -> Noted {
        loop {
            let noted = std::mem::take(&mut *self.lock());
            if noted != Noted::default() {
                return noted;
            }
            self.bell.notified().await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rung when other processes changed what this one remembers; never where there are none.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere {
    /// Keys were made or revoked.
    pub(crate) keys: Notify,
    /// Objects were renamed or deleted.
    pub(crate) objects: Notify,
}

/// The part of a store that tells what changes.
pub(crate) trait LiveStore {
    /// What other processes with the same store change.
    fn elsewhere(&self) -> Arc<Elsewhere>;

    /// Objects as they are indexed: lists show what has come here.
    fn touched(&self) -> Arc<Touched>;

    /// Looks objects up by number; those that are gone are left out.
    fn tallied(&self, objects: Vec<i64>) -> Answer<'_, Vec<Changed>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_noted_is_taken_once_and_bounded() {
        let touched = Touched::default();
        touched.note([3, 1]);
        touched.note([1, 2]);
        let taken = touched.take().await;
        assert_eq!(taken, Noted { objects: [1, 2, 3].into(), others: false });
        touched.note(0..2 * MOST_TOUCHED as i64);
        touched.note([7]);
        let taken = touched.take().await;
        assert_eq!(taken, Noted { objects: [7].into(), others: true });
        touched.note([]);
        let waiting = tokio::time::timeout(std::time::Duration::ZERO, touched.take());
        assert!(waiting.await.is_err());
    }
}
