//! Stand-ins with the names and signatures that the client uses.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
pub(crate) use loom::sync::{Mutex, MutexGuard};
pub(crate) use std::sync::{Arc, PoisonError};

/// Waits without a time-out: a missed wake-up is a deadlock, which loom reports.
#[derive(Debug)]
pub(crate) struct Condvar(loom::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(loom::sync::Condvar::new())
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }

    pub(crate) fn wait_timeout_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        _timeout: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> Result<MutexGuard<'a, T>, PoisonError<MutexGuard<'a, T>>> {
        while condition(&mut guard) {
            guard = self.0.wait(guard)?;
        }
        Ok(guard)
    }
}

#[derive(Debug)]
pub(crate) struct Notify(loom::sync::Notify);

impl Notify {
    pub(crate) fn new() -> Self {
        Self(loom::sync::Notify::new())
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify();
    }

    pub(crate) fn notify_waiters(&self) {}

    /// Blocks where the client awaits.
    pub(crate) fn wait(&self) {
        self.0.wait();
    }

    pub(crate) fn notified(&self) -> Notified {
        Notified
    }
}

/// Never ready: nothing asynchronous runs in these models.
#[derive(Debug)]
pub(crate) struct Notified;

impl Notified {
    pub(crate) fn enable(self: Pin<&mut Self>) -> bool {
        false
    }
}

impl Future for Notified {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}
