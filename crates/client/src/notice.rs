//! The one line on stderr that says that records were lost.

use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;
use crate::inbox::DropReason;

/// Prints losses at once when the first happens, then at most once per period.
#[derive(Debug)]
pub(crate) struct Notices {
    period: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last_printed: Option<Instant>,
    unsaid: u64,
    last_reason: Option<DropReason>,
}

impl Notices {
    pub(crate) fn new(period: Duration) -> Self {
        Self { period, state: Mutex::default() }
    }

    /// Says that records were lost, with the server's words if there are any.
    pub(crate) fn lost(&self, records: u64, reason: DropReason, detail: Option<&str>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.unsaid += records;
        state.last_reason = Some(reason);
        let now = clock::now();
        let due = state
            .last_printed
            .is_none_or(|last| now.saturating_duration_since(last) >= self.period);
        if !due {
            return;
        }
        state.last_printed = Some(now);
        state.say(detail);
    }

    /// Says what the period has held back so far; nothing may stay unsaid at the end.
    pub(crate) fn finish(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).say(None);
    }

    /// Says something that is not a loss, such as a deprecated setting.
    pub(crate) fn warn(text: &str) {
        say(&format!("tidegate: warning: {text}"));
    }
}

impl State {
    fn say(&mut self, detail: Option<&str>) {
        let (count @ 1.., Some(reason)) = (self.unsaid, self.last_reason) else { return };
        self.unsaid = 0;
        let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
        say(&format!("tidegate: {count} record(s) lost: {}{detail}", reason.explain()));
    }
}

/// A closed stderr leaves nobody to tell, and must not take the host program down.
fn say(line: &str) {
    drop(writeln!(std::io::stderr().lock(), "{line}"));
}
