//! Load shedding: how many bytes of request bodies are held at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts held bytes against a limit.
#[derive(Debug)]
pub(crate) struct ByteGauge {
    limit: u64,
    used: AtomicU64,
    refused: AtomicU64,
}

/// Bytes held; dropping it gives them back.
#[derive(Debug)]
pub(crate) struct Lease {
    gauge: Arc<ByteGauge>,
    bytes: u64,
}

impl ByteGauge {
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicU64::new(0), refused: AtomicU64::new(0) })
    }

    /// Bytes held now.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Bytes that may be held.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// How often a lease could not grow.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Starts a lease of nothing.
    pub(crate) fn lease(self: &Arc<Self>) -> Lease {
        Lease { gauge: Arc::clone(self), bytes: 0 }
    }
}

impl Lease {
    /// Makes the lease cover `total` bytes; never waits. `false` changes nothing.
    #[must_use]
    pub(crate) fn cover(&mut self, total: u64) -> bool {
        let Some(more) = total.checked_sub(self.bytes) else { return true };
        let limit = self.gauge.limit;
        // Relaxed: the counter orders nothing else.
        let grown = self.gauge.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(more).filter(|&sum| sum <= limit)
        });
        if grown.is_ok() {
            self.bytes = total;
        } else {
            self.gauge.refused.fetch_add(1, Ordering::Relaxed);
        }
        grown.is_ok()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.gauge.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_are_refused_beyond_the_limit_and_given_back() {
        let gauge = ByteGauge::new(10);
        let mut first = gauge.lease();
        assert!(first.cover(4) && first.cover(7) && first.cover(2));
        let mut second = gauge.lease();
        assert!(!second.cover(4) && gauge.refused() == 1);
        assert!(second.cover(3));
        drop(first);
        assert!(second.cover(10));
        drop(second);
        assert_eq!(gauge.used.load(Ordering::Relaxed), 0);
    }
}
