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
}

impl Notices {
    pub(crate) fn new(period: Duration) -> Self {
        Self { period, state: Mutex::default() }
    }

    /// Says that records were lost, with the server's words if there are any.
    pub(crate) fn lost(&self, records: u64, reason: DropReason, detail: Option<&str>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.unsaid += records;
        let now = clock::now();
        let due = state
            .last_printed
            .is_none_or(|last| now.saturating_duration_since(last) >= self.period);
        if !due {
            return;
        }
        state.last_printed = Some(now);
        let count = std::mem::take(&mut state.unsaid);
        drop(state);
        let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
        say(&format!("tidegate: {count} record(s) lost: {}{detail}", reason.explain()));
    }

    /// Says something that is not a loss, such as a deprecated setting.
    pub(crate) fn warn(text: &str) {
        say(&format!("tidegate: warning: {text}"));
    }
}

/// A closed stderr leaves nobody to tell, and must not take the host program down.
fn say(line: &str) {
    drop(writeln!(std::io::stderr().lock(), "{line}"));
}
