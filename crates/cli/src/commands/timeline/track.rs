//! A quantity over time, as a function of steps.

/// What a track counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    Bytes,
    /// Producers that wait.
    Waiting,
    /// Cases under way.
    Running,
}

/// A quantity that keeps its value until the next step; 0 before the first one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Track {
    pub(super) name: &'static str,
    pub(super) measure: Measure,
    /// Value above which producers wait, if the quantity has such a limit.
    pub(super) limit: Option<u64>,
    /// In the order of time, which never goes back.
    steps: Vec<(u64, u64)>,
}

impl Track {
    /// From values, each with the microsecond from which it holds.
    pub(super) fn of_steps(
        name: &'static str,
        measure: Measure,
        mut steps: Vec<(u64, u64)>,
    ) -> Self {
        steps.sort_by_key(|(at, _)| *at);
        Self { name, measure, limit: None, steps }
    }

    /// Counts how many intervals hold at each moment; one without length is not seen.
    pub(super) fn of_intervals(
        name: &'static str,
        measure: Measure,
        intervals: impl Iterator<Item = (u64, u64)>,
    ) -> Self {
        let mut edges = Vec::new();
        for (start, end) in intervals.filter(|(start, end)| start < end) {
            edges.push((start, 1_i64));
            edges.push((end, -1));
        }
        // Ends come first, so that touching is not overlapping.
        edges.sort_unstable();
        let mut count = 0;
        let steps = edges.into_iter().map(|(at, change)| {
            count += change;
            (at, count.unsigned_abs())
        });
        Self { name, measure, limit: None, steps: steps.collect() }
    }

    /// Largest value.
    pub(super) fn most(&self) -> u64 {
        self.steps.iter().map(|(_, value)| *value).max().unwrap_or(0)
    }

    /// Largest value in each of `columns` equal parts of the time until `wall_us`: a peak is never
    /// lost between two columns.
    pub(super) fn columns(&self, wall_us: u64, columns: usize) -> Vec<u64> {
        let mut most = vec![0; columns];
        let Some(last) = columns.checked_sub(1) else { return most };
        let scale = columns as f64 / wall_us.max(1) as f64;
        let (mut from, mut value) = (0, 0);
        for (at, next) in &self.steps {
            let exact = *at as f64 * scale;
            let until = (exact as usize).min(last);
            // Until a step that lies on the border of a column, the old value stays out of it.
            let is_border = exact.fract() == 0.0 && until > from;
            for column in &mut most[from..=until - usize::from(is_border)] {
                *column = value.max(*column);
            }
            (from, value) = (until, *next);
            most[from] = value.max(most[from]);
        }
        for column in &mut most[from..] {
            *column = value.max(*column);
        }
        most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_hold_the_largest_value_of_their_time() {
        let track = Track::of_steps("x", Measure::Bytes, vec![(30, 0), (10, 5), (11, 9), (12, 2)]);
        assert_eq!(track.most(), 9);
        assert_eq!(track.columns(50, 5), [0, 9, 2, 0, 0]);
        assert_eq!(track.columns(50, 2), [9, 2]);
        assert_eq!(track.columns(50, 1), [9]);
        assert!(track.columns(50, 0).is_empty());
        // What lies beyond the end counts for the last column.
        assert_eq!(track.columns(5, 2), [0, 9]);
        assert_eq!(Track::of_steps("x", Measure::Bytes, vec![]).columns(0, 3), [0, 0, 0]);
    }

    #[test]
    fn intervals_are_counted_and_touching_ends_are_not_two() {
        let intervals = [(0, 10), (10, 20), (5, 15), (7, 7)];
        let track = Track::of_intervals("x", Measure::Waiting, intervals.into_iter());
        assert_eq!(track.most(), 2);
        assert_eq!(track.columns(20, 4), [1, 2, 2, 1]);
    }
}
