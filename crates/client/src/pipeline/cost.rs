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
    /// Requests of one size say nothing about the slope: all of their time counts as fixed
    /// then, which leads to fewer requests, never to more.
    pub(crate) fn line(&self) -> Option<(f64, f64)> {
        if self.weight < ENOUGH * DECAY.powf(ENOUGH) {
            return None;
        }
        let spread = self.weight * self.rows_squared - self.rows * self.rows;
        let slope = if spread > 1e-6 * self.rows_squared.max(1.0) {
            ((self.weight * self.rows_seconds - self.rows * self.seconds) / spread).max(0.0)
        } else {
            0.0
        };
        let fixed = (self.seconds - slope * self.rows) / self.weight;
        Some((fixed.max(0.0), slope))
    }

    /// The fewest requests, at most `lanes`, that deliver the rows about as soon as `lanes` do.
    pub(crate) fn requests_for(&self, rows: usize, lanes: usize) -> usize {
        let most = lanes.min(rows).max(1);
        let Some((fixed, per_row)) = self.line() else { return most };
        let time = |requests: usize| fixed + per_row * rows.div_ceil(requests) as f64;
        let bound = time(most) * TOLERANCE;
        (1..=most).find(|&requests| time(requests) <= bound).unwrap_or(most)
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
        assert_eq!(Cost::default().requests_for(440, 8), 8, "nothing known: all free lanes");
        assert_eq!(learned(250.0, 4.0).requests_for(440, 8), 8);
        assert_eq!(learned(250.0, 4.0).requests_for(3, 8), 1, "12 ms are not worth two requests");
        assert_eq!(learned(250.0, 0.2).requests_for(40, 8), 1);
        assert_eq!(learned(0.0, 1.0).requests_for(80, 8), 8);
        assert_eq!(learned(5.0, 1.0).requests_for(0, 8), 1);
    }

    #[test]
    fn requests_of_one_size_count_as_fixed_cost() {
        let mut cost = Cost::default();
        for _ in 0..10 {
            cost.observe(50, Duration::from_millis(300));
        }
        let (fixed, per_row) = cost.line().expect("enough seen");
        assert!((fixed - 0.3).abs() < 1e-9 && per_row == 0.0);
    }
}
