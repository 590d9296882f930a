//! The byte budget: every record holds a [`Lease`] from `log()` until it is settled.

use std::time::Duration;

use crate::sync::{
    Arc, AtomicU64, AtomicUsize, Condvar, Mutex, Notify, Ordering, PoisonError, fence,
};

/// A bound on the wire bytes that may be pending at once.
#[derive(Debug)]
pub(crate) struct Budget {
    capacity_bytes: u64,
    used_bytes: AtomicU64,
    /// Producers that wait for room, sync and async ones.
    waiting: AtomicUsize,
    /// Bytes that [`Budget::admit_first`] waits for, which nobody else may take.
    wanted_bytes: AtomicU64,
    /// Woken when room appears.
    freed: Notify,
    parked: Mutex<()>,
    unpark: Condvar,
    /// Told once a producer begins to wait, so that the uploader stops lingering.
    gate_closed: Notify,
}

/// Bytes held in a [`Budget`]; dropping it gives them back.
#[derive(Debug)]
pub(crate) struct Lease {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Budget {
    pub(crate) fn new(capacity_bytes: u64) -> Arc<Self> {
        Arc::new(Self {
            capacity_bytes,
            used_bytes: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            wanted_bytes: AtomicU64::new(0),
            freed: Notify::new(),
            parked: Mutex::new(()),
            unpark: Condvar::new(),
            gate_closed: Notify::new(),
        })
    }

    pub(crate) fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn capacity_bytes(&self) -> u64 {
        self.capacity_bytes
    }

    pub(crate) fn free_bytes(&self) -> u64 {
        self.capacity_bytes.saturating_sub(self.used_bytes())
    }

    /// Whether anybody waits for room.
    pub(crate) fn has_waiters(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    /// Resolves when a producer begins to wait.
    pub(crate) async fn gate_closed(&self) {
        self.gate_closed.notified().await;
    }

    /// Reserves without waiting; `None` if the budget is full.
    ///
    /// A length beyond the whole budget is admitted alone, when nothing else is pending, so
    /// that one huge row cannot wait for ever: pending bytes ≤ max(budget, one row).
    pub(crate) fn try_admit(self: &Arc<Self>, bytes: u64) -> Option<Lease> {
        self.try_admit_beside(self.wanted_bytes.load(Ordering::Relaxed), bytes)
    }

    /// Reserves, leaving room for others.
    fn try_admit_beside(self: &Arc<Self>, others: u64, bytes: u64) -> Option<Lease> {
        // Relaxed: the counter orders nothing else; the inbox lock publishes the record.
        self.used_bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                let total = used.checked_add(bytes)?;
                let beside = total.checked_add(others)?;
                (used == 0 || beside <= self.capacity_bytes).then_some(total)
            })
            .ok()?;
        Some(Lease { budget: Arc::clone(self), bytes })
    }

    /// Parks the calling thread until there is room or the time is up.
    ///
    /// The condition variable measures the time: the clock of the caller's runtime may be
    /// paused by a test, and would never pass a deadline while this thread is parked.
    pub(crate) fn admit_blocking(self: &Arc<Self>, bytes: u64, timeout: Duration) -> Option<Lease> {
        let _waiting = Waiting::begin(self);
        let guard = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lease = None;
        let full = |(): &mut ()| {
            lease = self.try_admit(bytes);
            lease.is_none()
        };
        drop(self.unpark.wait_timeout_while(guard, timeout, full));
        lease
    }

    /// Waits until there is room.
    ///
    /// # Cancel safety
    /// Dropping the future reserves nothing.
    pub(crate) async fn admit(self: &Arc<Self>, bytes: u64) -> Lease {
        let _waiting = Waiting::begin(self);
        loop {
            // Registered before the check, so that a release in between is not missed.
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            if let Some(lease) = self.try_admit(bytes) {
                return lease;
            }
            freed.await;
        }
    }

    /// Waits until there is room, before all who come later: for a piece of something whose other
    /// pieces are on their way, and which many small records would keep out for ever.
    ///
    /// # Cancel safety
    /// Dropping the future reserves nothing.
    pub(crate) async fn admit_first(self: &Arc<Self>, bytes: u64) -> Lease {
        if let Some(lease) = self.try_admit(bytes) {
            return lease;
        }
        let _waiting = Waiting::begin(self);
        let _wanted = Wanted::begin(self, bytes);
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            if let Some(lease) = self.try_admit_beside(0, bytes) {
                return lease;
            }
            freed.await;
        }
    }

    /// A share of the budget, within bounds.
    pub(crate) fn share(&self, parts: u64, least: u64, most: u64) -> u64 {
        (self.capacity_bytes / parts).clamp(least, most)
    }

    /// Waits until pending bytes are below the capacity, reserving nothing.
    pub(crate) async fn open(self: &Arc<Self>) {
        if self.used_bytes() < self.capacity_bytes {
            return;
        }
        let _waiting = Waiting::begin(self);
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            if self.used_bytes() < self.capacity_bytes {
                return;
            }
            freed.await;
        }
    }

    fn release(&self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        self.used_bytes.fetch_sub(bytes, Ordering::Release);
        self.wake();
    }

    /// Has those who wait look again.
    fn wake(&self) {
        // Through the counter's total order a producer either sees the freed bytes in its
        // check or is seen here as waiting.
        fence(Ordering::SeqCst);
        if self.has_waiters() {
            drop(self.parked.lock().unwrap_or_else(PoisonError::into_inner));
            self.unpark.notify_all();
            self.freed.notify_waiters();
        }
    }
}

/// Counts one waiting producer for as long as it lives.
struct Waiting<'a>(&'a Budget);

impl<'a> Waiting<'a> {
    fn begin(budget: &'a Budget) -> Self {
        budget.waiting.fetch_add(1, Ordering::AcqRel);
        fence(Ordering::SeqCst);
        budget.gate_closed.notify_one();
        Self(budget)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Bytes that are kept free for one who waits.
struct Wanted<'a>(&'a Budget, u64);

impl<'a> Wanted<'a> {
    fn begin(budget: &'a Budget, bytes: u64) -> Self {
        budget.wanted_bytes.fetch_add(bytes, Ordering::Relaxed);
        Self(budget, bytes)
    }
}

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        self.0.wanted_bytes.fetch_sub(self.1, Ordering::Release);
        // If the wait was given up, there is room for others now.
        self.0.wake();
    }
}

impl Lease {
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Parts with some of its bytes, at most all of them.
    pub(crate) fn split(&mut self, bytes: u64) -> Self {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Self { budget: Arc::clone(&self.budget), bytes }
    }

    /// Takes over another lease's bytes.
    pub(crate) fn absorb(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// Gives back what coalescing saved. Never grows: bytes beyond the lease were never asked
    /// for at the gate.
    pub(crate) fn shrink_to(&mut self, bytes: u64) {
        let saved = self.bytes.saturating_sub(bytes);
        self.bytes -= saved;
        self.budget.release(saved);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.budget.release(self.bytes);
    }
}
