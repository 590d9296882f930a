//! Waiting for what another process does.

use std::thread;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(10);

/// Asks again and again until there is an answer; `None` at the deadline.
#[expect(clippy::disallowed_methods, reason = "the one stopwatch of this crate")]
pub(crate) fn until<T>(deadline: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + deadline;
    loop {
        let answer = ask();
        if answer.is_some() || Instant::now() >= end {
            return answer;
        }
        // Other processes send no wake-up. An early one only asks once more.
        thread::park_timeout(PAUSE);
    }
}
