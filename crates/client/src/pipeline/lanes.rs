//! How many requests may run at once, and how many of them may be repeats.

use std::time::Instant;

/// What remains of the limit after a failure.
const CUT: f64 = 0.5;
/// Repeats that each new batch pays for; 20 %, as in reqwest's own retry policy.
const RETRIES_PER_BATCH: f64 = 0.2;
/// Repeats that are always in reserve.
const RETRY_RESERVE: f64 = 10.0;

/// Parallel lanes under additive increase, multiplicative decrease.
///
/// A failure cuts the limit, once per round trip: requests that were already on their way when
/// it was cut do not cut it again. Successes raise it by about one per round, and only while it
/// is what holds requests back.
#[derive(Debug)]
pub(crate) struct Lanes {
    limit: f64,
    last_cut: Option<Instant>,
    taken: Vec<bool>,
}

impl Lanes {
    pub(crate) fn new(lanes: usize) -> Self {
        let lanes = lanes.max(1);
        Self { limit: lanes as f64, last_cut: None, taken: vec![false; lanes] }
    }

    pub(crate) fn limit(&self) -> usize {
        (self.limit as usize).max(1)
    }

    /// How many lanes the limit leaves free.
    pub(crate) fn free(&self) -> usize {
        self.limit().saturating_sub(self.busy())
    }

    fn busy(&self) -> usize {
        self.taken.iter().filter(|taken| **taken).count()
    }

    /// Takes the lowest free lane.
    pub(crate) fn take(&mut self) -> usize {
        let lane = self.taken.iter().position(|taken| !taken).unwrap_or(0);
        self.taken[lane] = true;
        lane
    }

    pub(crate) fn give_back(&mut self, lane: usize) {
        self.taken[lane] = false;
    }

    /// A request sent at the given moment was answered; called before its lane is given back.
    pub(crate) fn succeeded(&mut self, sent_at: Instant) {
        let stale = self.last_cut.is_some_and(|cut| sent_at < cut);
        if stale || self.busy() < self.limit() {
            return;
        }
        self.limit = (self.limit + 1.0 / self.limit).min(self.taken.len() as f64);
    }

    /// A request sent at the given moment failed for want of a server that keeps up.
    pub(crate) fn failed(&mut self, sent_at: Instant, now: Instant) {
        if self.last_cut.is_some_and(|cut| sent_at < cut) {
            return;
        }
        self.last_cut = Some(now);
        self.limit = (self.limit * CUT).max(1.0);
    }
}

/// Repeats may make up a fifth of the traffic; beyond that they go one at a time, so that a
/// server in trouble is probed and not flooded. No batch is dropped for it, it only waits.
#[derive(Debug)]
pub(crate) struct RetryBudget(f64);

impl RetryBudget {
    pub(crate) fn new() -> Self {
        Self(RETRY_RESERVE)
    }

    pub(crate) fn first_try(&mut self) {
        self.0 = (self.0 + RETRIES_PER_BATCH).min(RETRY_RESERVE);
    }

    /// Whether a repeat may go now.
    pub(crate) fn allows(&self, repeats_in_flight: usize) -> bool {
        self.0 >= 1.0 || repeats_in_flight == 0
    }

    pub(crate) fn repeat(&mut self) {
        self.0 = (self.0 - 1.0).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock;

    fn fill(lanes: &mut Lanes) -> Vec<usize> {
        (0..lanes.free()).map(|_| lanes.take()).collect()
    }

    #[test]
    fn concurrency_is_cut_once_per_round_and_comes_back() {
        let start = clock::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut lanes = Lanes::new(8);
        let taken = fill(&mut lanes);
        assert_eq!(taken, [0, 1, 2, 3, 4, 5, 6, 7]);
        for lane in taken {
            lanes.failed(at(0), at(10 + lane as u64));
            lanes.give_back(lane);
        }
        assert_eq!(lanes.limit(), 4, "eight failures of one round are one cut");
        lanes.failed(at(20), at(30));
        lanes.failed(at(40), at(50));
        lanes.failed(at(60), at(70));
        assert_eq!(lanes.limit(), 1);
        let mut rounds = 0;
        while lanes.limit() < 8 {
            rounds += 1;
            for lane in fill(&mut lanes) {
                lanes.succeeded(at(100 + rounds));
                lanes.give_back(lane);
            }
            assert!(rounds < 100, "never recovers: {lanes:?}");
        }
    }

    #[test]
    fn the_limit_does_not_grow_while_it_is_not_reached() {
        let start = clock::now();
        let mut lanes = Lanes::new(8);
        lanes.failed(start, start);
        let lane = lanes.take();
        for _ in 0..100 {
            lanes.succeeded(start + Duration::from_secs(1));
        }
        lanes.give_back(lane);
        assert_eq!(lanes.limit(), 4);
    }

    #[test]
    fn repeats_beyond_the_budget_go_one_at_a_time() {
        let mut budget = RetryBudget::new();
        for _ in 0..10 {
            assert!(budget.allows(7));
            budget.repeat();
        }
        assert!(!budget.allows(1));
        assert!(budget.allows(0), "one probe always may");
        for _ in 0..5 {
            budget.first_try();
        }
        assert!(budget.allows(7));
    }
}
