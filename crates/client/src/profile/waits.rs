//! Who waited for the recording, told by those who waited.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tidegate_model::TraceId;
use tidegate_model::profile::Cause;

use crate::clock;

/// What took less did not wait.
const LEAST: Duration = Duration::from_micros(100);
/// Waits that the upload thread has not seen yet. It looks every few milliseconds.
const MOST: usize = 16_384;

/// A wait that is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waited {
    pub(super) cause: Cause,
    pub(super) trace: Option<TraceId>,
    pub(super) start: Instant,
    pub(super) end: Instant,
}

/// Shared by those who wait and the upload thread. Without a profile it costs one load.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    /// Whether a profile is being recorded.
    on: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ended: Vec<Waited>,
    left_out: u64,
    /// When the last case had ended; who flushes after that holds up no case.
    produced: Option<Instant>,
}

impl Waits {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to note waits; `false` if somebody else has begun and not ended.
    pub(crate) fn begin_profile(&self) -> bool {
        let is_first = !self.on.swap(true, Ordering::AcqRel);
        if is_first {
            *self.lock() = State::default();
        }
        is_first
    }

    pub(crate) fn end_profile(&self) {
        self.on.store(false, Ordering::Release);
    }

    pub(crate) fn produced(&self) {
        self.lock().produced.get_or_insert_with(clock::now);
    }

    /// Notes how long the guard lives, if a profile is being recorded.
    pub(crate) fn begin(
        &self,
        cause: Cause,
        trace: impl FnOnce() -> Option<TraceId>,
    ) -> Option<Waiting<'_>> {
        if !self.on.load(Ordering::Relaxed) {
            return None;
        }
        if cause == Cause::Flush && self.lock().produced.is_some() {
            return None;
        }
        Some(Waiting { waits: self, cause, trace: trace(), start: clock::now() })
    }

    /// What has happened since the last call.
    pub(super) fn take(&self) -> Taken {
        let mut state = self.lock();
        let ended = std::mem::take(&mut state.ended);
        let left_out = std::mem::take(&mut state.left_out);
        Taken { ended, left_out, produced: state.produced }
    }
}

#[derive(Debug)]
pub(super) struct Taken {
    pub(super) ended: Vec<Waited>,
    pub(super) left_out: u64,
    pub(super) produced: Option<Instant>,
}

/// Somebody who waits; a future that is dropped meanwhile has waited until then.
#[derive(Debug)]
pub(crate) struct Waiting<'a> {
    waits: &'a Waits,
    cause: Cause,
    trace: Option<TraceId>,
    start: Instant,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let Self { waits, cause, trace, start } = *self;
        let end = clock::now();
        if end.saturating_duration_since(start) < LEAST {
            return;
        }
        let mut state = waits.lock();
        if state.ended.len() >= MOST {
            state.left_out += 1;
        } else {
            state.ended.push(Waited { cause, trace, start, end });
        }
    }
}
