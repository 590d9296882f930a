//! The limit shared by the runner, which waits at it, and the tasks, which report to it.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::{Admission, Begun, Concurrency, State};
use crate::clock;

/// A limit that adapts; any number wait at it and report to it.
#[derive(Debug)]
pub(crate) struct Adaptive {
    state: Mutex<State>,
    changed: Notify,
}

/// A task that is counted as running, until this is dropped.
#[derive(Debug)]
pub(crate) struct Ticket(Arc<Adaptive>);

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.lock().left();
        self.0.changed.notify_one();
    }
}

/// One that waits for the limit, until this is dropped.
struct Waiting<'a>(&'a Adaptive);

impl<'a> Waiting<'a> {
    fn new(adaptive: &'a Adaptive) -> Self {
        adaptive.lock().wait();
        Self(adaptive)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().waited();
    }
}

impl Adaptive {
    pub(crate) fn new(min: usize, max: usize) -> Self {
        Self { state: Mutex::new(State::new(min, max)), changed: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until one more task may start.
    ///
    /// # Cancel safety
    /// Dropping the future, or what it returns, admits nothing.
    pub(crate) async fn admitted(self: &Arc<Self>) -> Ticket {
        let mut waiting = None;
        loop {
            // Before the look at the state, so that no change is missed between the two.
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let now = clock::of_timers();
            let admission = self.lock().admit(now.into_std());
            match admission {
                Admission::Now => return Ticket(Arc::clone(self)),
                Admission::At(moment) => {
                    tokio::time::sleep(moment.saturating_duration_since(now.into_std())).await;
                }
                Admission::Full => {
                    waiting.get_or_insert_with(|| Waiting::new(self));
                    changed.await;
                }
            }
        }
    }

    pub(crate) fn begun(&self) -> Begun {
        self.lock().begun()
    }

    pub(crate) fn succeeded(&self, begun: Begun) {
        self.lock().succeeded(begun);
        self.changed.notify_one();
    }

    pub(crate) fn overloaded(&self, begun: Begun, wait: Option<Duration>) {
        self.lock().overloaded(begun, clock::of_timers().into_std(), wait);
    }

    pub(crate) fn reached(&self) -> Concurrency {
        self.lock().reached()
    }
}
