//! How many tasks run at once when a service decides: additive increase, multiplicative decrease.
//!
//! ```text
//! call succeeds while the limit is used  ->  limit grows: by 1 until the first cut, then by 1/limit
//! call fails in a way that may pass      ->  limit x 0.7, once for all calls that began before it
//! ```
//!
//! This file is the rule, without a clock or a task; `gate` is what waits.

mod gate;

use std::time::{Duration, Instant};

use serde::Serialize;

pub(crate) use gate::{Adaptive, Ticket};

/// What is left of the limit after a cut. Less loses more of what the service would allow; more
/// needs more rejected calls to find a limit that is far lower.
const CUT: f64 = 0.7;
/// A service may ask for more; a run must not hang on its word.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What [`Eval::adaptive_concurrency`](crate::Eval::adaptive_concurrency) came to.
///
/// Serializes as `{limit, highest, cuts}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Concurrency {
    /// Tasks that were allowed to run at once in the end.
    pub limit: usize,
    /// The most that were allowed at any time.
    pub highest: usize,
    /// How often a retryable failure lowered the limit.
    pub cuts: u64,
}

/// When a call began: how many cuts there had been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Begun(u64);

/// Whether one more task may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is counted as running.
    Now,
    /// Not before this moment.
    At(Instant),
    /// As soon as another one ends, or the limit grows.
    Full,
}

/// The limit and what it depends on.
#[derive(Debug)]
pub(crate) struct State {
    min: usize,
    max: usize,
    /// Whole tasks count; the fraction is growth that is not enough for one yet.
    limit: f64,
    running: usize,
    /// Those that want to start and wait for the limit: without any, it is not what holds tasks
    /// back, and nothing is known of a higher one.
    waiting: usize,
    cuts: u64,
    highest: usize,
    paused_until: Option<Instant>,
}

impl State {
    /// Starts with `min`, which is at least 1; `max` is at least `min`.
    pub(crate) fn new(min: usize, max: usize) -> Self {
        let min = min.max(1);
        let max = max.max(min);
        Self {
            min,
            max,
            limit: min as f64,
            running: 0,
            waiting: 0,
            cuts: 0,
            highest: min,
            paused_until: None,
        }
    }

    /// Between `min` and `max`.
    pub(crate) fn limit(&self) -> usize {
        self.limit as usize
    }

    pub(crate) fn admit(&mut self, now: Instant) -> Admission {
        match self.paused_until {
            Some(until) if until > now => return Admission::At(until),
            _ => self.paused_until = None,
        }
        if self.running >= self.limit() {
            return Admission::Full;
        }
        self.running += 1;
        Admission::Now
    }

    /// A task that was admitted has ended, with all its tries.
    pub(crate) fn left(&mut self) {
        self.running -= 1;
    }

    /// One that was not admitted begins to wait.
    pub(crate) fn wait(&mut self) {
        self.waiting += 1;
    }

    /// It waits no longer.
    pub(crate) fn waited(&mut self) {
        self.waiting -= 1;
    }

    /// A call of a running task begins.
    pub(crate) fn begun(&self) -> Begun {
        Begun(self.cuts)
    }

    /// A call came through. What began before the last cut says nothing of the limit since.
    pub(crate) fn succeeded(&mut self, begun: Begun) {
        if begun == self.begun() && self.waiting > 0 && self.has_settled() {
            // Before the first cut, doubling per round: from 1 to 500 one by one would take long.
            let step = if self.cuts == 0 { 1.0 } else { 1.0 / self.limit };
            self.limit = (self.limit + step).min(self.max as f64);
            self.highest = self.highest.max(self.limit());
        }
    }

    /// A call failed in a way that may pass, and perhaps with a wait that the service asks for.
    pub(crate) fn overloaded(&mut self, begun: Begun, now: Instant, wait: Option<Duration>) {
        if let Some(until) = wait.and_then(|wait| now.checked_add(wait.min(LONGEST_PAUSE))) {
            self.paused_until = self.paused_until.max(Some(until));
        }
        if begun == self.begun() && self.has_settled() {
            self.limit = (self.limit * CUT).max(self.min as f64);
            self.cuts += 1;
        }
    }

    /// Whether no more run than the limit allows. After a cut those above it go on, and what they
    /// meet is still the old limit's doing.
    fn has_settled(&self) -> bool {
        self.running <= self.limit()
    }

    pub(crate) fn reached(&self) -> Concurrency {
        Concurrency { limit: self.limit(), highest: self.highest, cuts: self.cuts }
    }
}

#[cfg(test)]
mod tests;
