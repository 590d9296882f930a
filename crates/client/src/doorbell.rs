//! Wakes the upload thread for the first record after a silence, and for none after that.
//!
//! A wake-up per record would cost producers several times what recording does: 12.8 µs per span
//! against 1.1–2.1 on a prototype.

use crate::sync::{AtomicBool, Notify, Ordering};

#[derive(Debug)]
pub(crate) struct Doorbell {
    /// Set while the uploader sleeps without a timer.
    resting: AtomicBool,
    /// What it sleeps on.
    pub(crate) wake: Notify,
}

impl Default for Doorbell {
    fn default() -> Self {
        Self::new()
    }
}

impl Doorbell {
    pub(crate) fn new() -> Self {
        Self { resting: AtomicBool::new(false), wake: Notify::new() }
    }

    /// The uploader found the queue empty and will sleep. To be called under the queue's lock:
    /// whoever pushes afterwards has taken the lock after this, and sees it.
    pub(crate) fn rest(&self) {
        self.resting.store(true, Ordering::Release);
    }

    /// A record was pushed; to be called after the queue's lock was given back.
    pub(crate) fn ring(&self) {
        // Relaxed is enough for the common case: the lock has ordered it already.
        if self.resting.load(Ordering::Relaxed) && self.resting.swap(false, Ordering::AcqRel) {
            self.wake.notify_one();
        }
    }

    /// Somebody wants the uploader's attention, records or not.
    pub(crate) fn call(&self) {
        self.resting.store(false, Ordering::Release);
        self.wake.notify_one();
    }
}
