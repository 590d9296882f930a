//! The timeline of requests: what overlaps, what waits, what lies idle.
//!
//! ```
//! use tidegate_analysis::timeline::{Interval, Timeline};
//! let healthy = [Interval::new(0, 250), Interval::new(10, 260), Interval::new(20, 270)];
//! let shape = Timeline::of(&healthy);
//! assert_eq!((shape.overlapping_pairs, shape.peak_in_flight), (3, 3));
//! let serial = [Interval::new(0, 250), Interval::new(300, 550)];
//! let shape = Timeline::of(&serial);
//! assert_eq!((shape.overlapping_pairs, shape.idle_gap_us_mean), (0, 50.0));
//! ```

use serde::Serialize;

/// From the start of something to its end, in microseconds on one clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// When it began.
    pub start_us: u64,
    /// When it ended; never before the start.
    pub end_us: u64,
}

impl Interval {
    /// Makes an interval; an end before the start counts as the start.
    #[must_use]
    pub fn new(start_us: u64, end_us: u64) -> Self {
        Self { start_us, end_us: end_us.max(start_us) }
    }
}

/// The shape of a set of requests. Something without duration counts as a request, overlaps
/// nothing, and bounds neither phase nor gaps.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Timeline {
    /// Number of intervals.
    pub requests: usize,
    /// Sum of all durations, in microseconds.
    pub cumulative_us: u64,
    /// From the first start to the last end, in microseconds.
    pub phase_us: u64,
    /// Pairs that share a stretch of time; touching ends do not count.
    pub overlapping_pairs: usize,
    /// Most intervals at one moment.
    pub peak_in_flight: usize,
    /// Intervals under way, on average over the phase: its cumulative time over its length.
    pub mean_in_flight: f64,
    /// Gaps between the first start and the last end in which nothing was under way.
    pub idle_gaps: usize,
    /// Length of all gaps, in microseconds.
    pub idle_us: u64,
    /// Mean length of the gaps; 0 without gaps.
    pub idle_gap_us_mean: f64,
    /// Share of the phase that the gaps are, 0 to 1.
    pub idle_ratio: f64,
}

impl Timeline {
    /// Looks at intervals in any order, in O(n log n).
    #[must_use]
    pub fn of(intervals: &[Interval]) -> Self {
        Self::over(intervals.iter().copied())
    }

    /// As [`of`](Self::of), of intervals that are made on the way.
    #[must_use]
    pub fn over(intervals: impl IntoIterator<Item = Interval>) -> Self {
        // Ends sort before starts of the same moment, so that touching is not overlapping.
        let mut edges: Vec<(u64, bool)> = Vec::new();
        let mut shape = Self::default();
        for Interval { start_us, end_us } in intervals {
            shape.requests += 1;
            let length = end_us.saturating_sub(start_us);
            shape.cumulative_us = shape.cumulative_us.saturating_add(length);
            if length > 0 {
                edges.push((start_us, true));
                edges.push((end_us, false));
            }
        }
        edges.sort_unstable();
        if let (Some((first, _)), Some((last, _))) = (edges.first(), edges.last()) {
            shape.phase_us = last - first;
        }
        let (mut open, mut idle_since) = (0, None);
        for (at, starts) in edges {
            if !starts {
                open -= 1;
                idle_since = (open == 0).then_some(at);
                continue;
            }
            if let Some(since) = idle_since.take()
                && at > since
            {
                shape.idle_us += at - since;
                shape.idle_gaps += 1;
            }
            // A newcomer overlaps everything that is under way.
            shape.overlapping_pairs += open;
            open += 1;
            shape.peak_in_flight = shape.peak_in_flight.max(open);
        }
        if shape.idle_gaps > 0 {
            shape.idle_gap_us_mean = shape.idle_us as f64 / shape.idle_gaps as f64;
        }
        if shape.phase_us > 0 {
            shape.mean_in_flight = shape.cumulative_us as f64 / shape.phase_us as f64;
            shape.idle_ratio = shape.idle_us as f64 / shape.phase_us as f64;
        }
        shape
    }

    /// Time in which anything was under way, in microseconds.
    #[must_use]
    pub fn busy_us(&self) -> u64 {
        self.phase_us - self.idle_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_gaps_and_peaks_are_those_of_the_definition() {
        let intervals: Vec<_> =
            [(0, 10), (5, 15), (15, 20), (30, 40), (30, 31), (35, 35), (90, 100)]
                .map(|(start, end)| Interval::new(start, end))
                .to_vec();
        let shape = Timeline::of(&intervals);
        let overlap = |a: &Interval, b: &Interval| a.start_us < b.end_us && b.start_us < a.end_us;
        let proper: Vec<_> = intervals.iter().filter(|i| i.end_us > i.start_us).collect();
        let mut pairs = 0;
        for (position, a) in proper.iter().enumerate() {
            pairs += proper[position + 1..].iter().filter(|b| overlap(a, b)).count();
        }
        assert_eq!(shape.overlapping_pairs, pairs);
        assert_eq!(shape.peak_in_flight, 2);
        assert_eq!(shape.requests, 7);
        assert_eq!(shape.cumulative_us, 10 + 10 + 5 + 10 + 1 + 10);
        assert_eq!(shape.idle_gap_us_mean, (10.0 + 50.0) / 2.0);
        assert_eq!((shape.phase_us, shape.idle_gaps, shape.idle_us), (100, 2, 60));
        assert_eq!((shape.busy_us(), shape.idle_ratio), (40, 0.6));
        assert_eq!(shape.mean_in_flight, 0.46);
    }

    #[test]
    fn nothing_and_backward_intervals() {
        assert_eq!(Timeline::of(&[]), Timeline::default());
        assert_eq!(Timeline::of(&[Interval::new(9, 3)]).cumulative_us, 0);
        let ages = Timeline::of(&[Interval::new(0, u64::MAX), Interval::new(1, u64::MAX)]);
        assert_eq!((ages.cumulative_us, ages.overlapping_pairs), (u64::MAX, 1));
    }
}
