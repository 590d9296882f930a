//! What a request costs, learned from recent ones: a fixed part and a part per row.
//!
//! A least-squares line through (rows, seconds), in which each new request halves the weight of
//! what is about `MEMORY` requests old. It answers one question: into how many parallel requests
//! is a given number of rows worth cutting?

use std::time::Duration;

/// Weight that older requests keep when a new one arrives.
const DECAY: f64 = 0.95;
/// Requests before the line is trusted.
const ENOUGH: f64 = 4.0;
/// A cut into fewer requests may take this much longer than the cut over all free lanes.
const TOLERANCE: f64 = 1.05;

#[derive(Debug, Clone, Default)]
pub(crate) struct Cost {
    weight: f64,
    rows: f64,
    seconds: f64,
    rows_squared: f64,
    rows_seconds: f64,
}

impl Cost {
    /// Learns from an acknowledged request.
    pub(crate) fn observe(&mut self, rows: usize, took: Duration) {
        let (x, y) = (rows as f64, took.as_secs_f64());
        for (sum, term) in [
            (&mut self.weight, 1.0),
            (&mut self.rows, x),
            (&mut self.seconds, y),
            (&mut self.rows_squared, x * x),
            (&mut self.rows_seconds, x * y),
        ] {
            *sum = *sum * DECAY + term;
        }
    }

    /// Fixed seconds and seconds per row; `None` before enough requests were seen.
    ///
    /// Requests of one size say nothing about the slope: all of their time counts as fixed then.
    pub(crate) fn line(&self) -> Option<(f64, f64)> {
        if self.weight < ENOUGH * DECAY.powf(ENOUGH) {
            return None;
        }
        let slope = if self.is_of_one_size() {
            0.0
        } else {
            let covered = self.weight * self.rows_seconds - self.rows * self.seconds;
            (covered / self.spread()).max(0.0)
        };
        let fixed = (self.seconds - slope * self.rows) / self.weight;
        Some((fixed.max(0.0), slope))
    }

    /// Whether any request was seen.
    pub(crate) fn is_known(&self) -> bool {
        self.weight > 0.0
    }

    fn spread(&self) -> f64 {
        self.weight * self.rows_squared - self.rows * self.rows
    }

    /// Whether all requests so far had about as many rows.
    fn is_of_one_size(&self) -> bool {
        self.spread() <= 1e-6 * self.rows_squared.max(1.0)
    }

    /// The line, or a guess as long as it says nothing about the slope: of two requests the
    /// smaller one ends earlier.
    fn sloped(&self) -> Option<(f64, f64)> {
        self.line().filter(|(_, per_row)| *per_row > 0.0).or_else(|| self.guess())
    }

    /// What a request of so many rows is expected to take; `None` before any was seen.
    pub(crate) fn expect(&self, rows: usize) -> Option<Duration> {
        let (fixed, per_row) = self.sloped()?;
        Some(Duration::from_secs_f64(fixed + per_row * rows as f64))
    }

    /// A line through the mean for as long as the slope is not known: half of it for the rows.
    fn guess(&self) -> Option<(f64, f64)> {
        self.is_known().then(|| {
            let fixed = self.seconds / self.weight / 2.0;
            (fixed, self.seconds / self.rows.max(1.0) / 2.0)
        })
    }

    /// How many of `rows` a lane that is free now should take, if others become free after the
    /// given times: as many as make all of them end together.
    ///
    /// Lane i can take `n_i = (level − wait_i − fixed) / per_row` rows until the common end
    /// `level`; it is found by leaving out, latest first, the lanes that would get none.
    pub(crate) fn share(&self, rows: usize, free: usize, mut waits: Vec<Duration>) -> usize {
        let even = rows.div_ceil(free.max(1));
        let Some((_, per_row)) = self.sloped().filter(|(_, per_row)| *per_row > 0.0) else {
            return even;
        };
        waits.sort_unstable();
        loop {
            let lanes = (free + waits.len()) as f64;
            let sum: f64 = waits.iter().map(Duration::as_secs_f64).sum();
            // Counted from now, without the fixed part, which is the same for all.
            let level = (per_row * rows as f64 + sum) / lanes;
            match waits.last() {
                Some(last) if last.as_secs_f64() >= level => drop(waits.pop()),
                _ => return ((level / per_row).ceil() as usize).clamp(1, even),
            }
        }
    }

    /// The fewest requests, at most `lanes`, that deliver the rows about as soon as `lanes` do;
    /// `None` before any request was seen.
    ///
    /// As long as all requests had one size, none is cut larger than twice of it: a line through a
    /// single point would promise that any number of rows takes no longer.
    pub(crate) fn requests_for(&self, rows: usize, lanes: usize) -> Option<usize> {
        let most = lanes.min(rows).max(1);
        let (fixed, per_row) = self.line().or_else(|| self.guess())?;
        if per_row == 0.0 && self.is_of_one_size() {
            let twice = (2.0 * self.rows / self.weight).round() as usize;
            return Some(rows.div_ceil(twice.max(1)).clamp(1, most));
        }
        let time = |requests: usize| fixed + per_row * rows.div_ceil(requests) as f64;
        let bound = time(most) * TOLERANCE;
        Some((1..=most).find(|&requests| time(requests) <= bound).unwrap_or(most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(fixed_ms: f64, per_row_ms: f64) -> Cost {
        let mut cost = Cost::default();
        for rows in [10, 80, 40, 120, 5, 60] {
            let took = (fixed_ms + per_row_ms * rows as f64) / 1000.0;
            cost.observe(rows, Duration::from_secs_f64(took));
        }
        cost
    }

    #[test]
    fn the_line_is_found_and_follows_a_change() {
        let mut cost = learned(250.0, 4.0);
        let (fixed, per_row) = cost.line().expect("enough seen");
        assert!((fixed - 0.25).abs() < 1e-6 && (per_row - 0.004).abs() < 1e-8);
        for round in 0..300 {
            let rows = 10 + (round % 5) * 10;
            cost.observe(rows, Duration::from_secs_f64(0.01 + 0.001 * rows as f64));
        }
        let (fixed, per_row) = cost.line().expect("enough seen");
        assert!((fixed - 0.01).abs() < 1e-4 && (per_row - 0.001).abs() < 1e-5, "{fixed} {per_row}");
    }

    #[test]
    fn rows_are_cut_only_where_it_saves_time() {
        assert_eq!(Cost::default().requests_for(440, 8), None);
        assert_eq!(learned(250.0, 4.0).requests_for(440, 8), Some(8));
        let few = learned(250.0, 4.0).requests_for(3, 8);
        assert_eq!(few, Some(1), "12 ms are not worth two requests");
        assert_eq!(learned(250.0, 0.2).requests_for(40, 8), Some(1));
        assert_eq!(learned(0.0, 1.0).requests_for(80, 8), Some(8));
        assert_eq!(learned(5.0, 1.0).requests_for(0, 8), Some(1));
    }

    #[test]
    fn a_free_lane_leaves_rows_to_those_that_are_free_soon() {
        let cost = learned(250.0, 4.0);
        let ms = Duration::from_millis;
        assert_eq!(cost.share(80, 8, vec![]), 10);
        assert_eq!(cost.share(80, 1, vec![ms(0); 7]), 10, "the others are free at once");
        assert_eq!(cost.share(80, 1, vec![ms(10_000); 7]), 80, "the others take far too long");
        // 60 rows: 40 here, and 20 there 80 ms (20 rows) later.
        assert_eq!(cost.share(60, 1, vec![ms(80)]), 40);
        assert_eq!(Cost::default().share(80, 2, vec![ms(1)]), 40, "nothing known: the free ones");
        let mut one = Cost::default();
        one.observe(12, ms(300));
        assert_eq!(one.share(340, 1, vec![ms(1); 7]), 43, "a guess is enough to share evenly");
    }

    #[test]
    fn requests_of_one_size_count_as_fixed_cost() {
        let mut cost = Cost::default();
        for _ in 0..10 {
            cost.observe(50, Duration::from_millis(300));
        }
        let (fixed, per_row) = cost.line().expect("enough seen");
        assert!((fixed - 0.3).abs() < 1e-9 && per_row == 0.0);
        assert_eq!(cost.requests_for(100, 8), Some(1), "nothing says that cutting helps");
        assert_eq!(cost.requests_for(400, 8), Some(4), "nor that 400 rows take no longer than 50");
        assert_eq!(cost.requests_for(4000, 8), Some(8));
        let less = cost.expect(10).expect("something was seen");
        assert!(less < Duration::from_millis(300), "but a small one ends earlier: {less:?}");
    }
}
