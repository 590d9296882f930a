//! Ranges of time, scores and metrics in which cases are counted.

use std::ops::Range;

use super::deltas::MINUTE_US;
use crate::store::{Bucket, Histogram, Kind};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = MINUTE_US;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Widths of ranges of time that people read easily, in microseconds.
const WIDTHS: [i64; 24] = [
    SECOND / 10,
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    91 * DAY,
    364 * DAY,
    3_640 * DAY,
];

/// The narrowest width of which so many ranges, at most, hold all from `first` to `last`; they
/// begin at multiples of it.
fn width(first: i64, last: i64, buckets: usize) -> i64 {
    let most = i64::try_from(buckets).unwrap_or(i64::MAX).max(1);
    let fits = |width: &i64| last.div_euclid(*width) - first.div_euclid(*width) < most;
    // The last resort is for years that nobody lives in.
    WIDTHS.into_iter().find(fits).unwrap_or_else(|| (last.abs().max(first.abs()) + 1) * 2)
}

/// Cases by their time, still being counted.
#[derive(Debug)]
pub(crate) struct Times {
    found: Histogram,
    width: i64,
    /// The first range, in widths.
    start: i64,
    /// Of the first and the last case, in microseconds.
    first: i64,
    last: i64,
}

impl Times {
    /// Makes ranges for cases from `first` to `last`. What was asked for is shown as a whole, also
    /// where nothing happened.
    pub(crate) fn new(
        (first, last): (i64, i64),
        (from, to): (Option<i64>, Option<i64>),
        buckets: usize,
    ) -> Self {
        let (shown_first, shown_last) = (from.unwrap_or(first), to.unwrap_or(last));
        let width = width(shown_first, shown_last, buckets);
        let start = shown_first.div_euclid(width);
        let count = usize::try_from(shown_last.div_euclid(width) - start + 1).unwrap_or(1);
        // Widths are whole tenths of a second, so these are exact.
        let edge = |at: usize| ((start + at as i64) as f64 * width as f64) / 1e3;
        let buckets = (0..count).map(|at| Bucket::of(edge(at), edge(at + 1))).collect();
        let found = Histogram { buckets, ..Histogram::default() };
        Self { found, width, start, first, last }
    }

    /// How wide a range is, in microseconds; each begins at a multiple of it.
    #[cfg(feature = "postgres")]
    pub(crate) fn width(&self) -> i64 {
        self.width
    }

    /// Counts cases of a time.
    pub(crate) fn add(&mut self, created_us: i64, cases: u64, errors: u64) {
        let at = usize::try_from(created_us.div_euclid(self.width) - self.start).unwrap_or(0);
        self.found.add(at, cases, errors);
    }

    /// Whether a case is among those that are counted.
    pub(crate) fn has(&self, created_us: i64) -> bool {
        (self.first..=self.last).contains(&created_us)
    }

    /// Whole minutes, which may be counted as one, and the times (in microseconds) before and
    /// after them, which must be counted case by case.
    pub(crate) fn parts(&self) -> (Range<i64>, [Range<i64>; 2]) {
        let (first, last) = (self.first, self.last);
        let minutes = match self.width % MINUTE {
            0 => (first + MINUTE - 1).div_euclid(MINUTE)..(last + 1).div_euclid(MINUTE),
            _ => 0..0,
        };
        let apart = match minutes.is_empty() {
            true => [first..last + 1, 0..0],
            false => [first..minutes.start * MINUTE, minutes.end * MINUTE..last + 1],
        };
        (minutes, apart)
    }

    pub(crate) fn finish(self) -> Histogram {
        self.found
    }
}

/// Makes ranges for the values of a score or metric from `first` to `last`.
pub(crate) fn value_ranges(kind: Kind, (first, last): (f64, f64), buckets: usize) -> Histogram {
    let usual = kind == Kind::Score && first >= 0.0 && last <= 1.0;
    let (first, last) = if usual { (0.0, 1.0) } else { (first, last) };
    let buckets = if first < last { buckets.max(1) } else { 1 };
    // Halves first: the whole may be more than a number holds.
    let edge = |at: usize| {
        let share = at as f64 / buckets as f64;
        if at == buckets { last } else { first + (last * share - first * share) }
    };
    let buckets = (0..buckets).map(|at| Bucket::of(edge(at), edge(at + 1))).collect();
    Histogram { buckets, ..Histogram::default() }
}

/// Counts cases by a score or metric; `missing` lack it.
pub(crate) fn by_values(
    kind: Kind,
    values: &[(f64, bool)],
    missing: u64,
    buckets: usize,
) -> Histogram {
    if values.is_empty() {
        return Histogram { missing, ..Histogram::default() };
    }
    let first = values.iter().map(|(value, _)| *value).fold(f64::INFINITY, f64::min);
    let last = values.iter().map(|(value, _)| *value).fold(f64::NEG_INFINITY, f64::max);
    let mut found = value_ranges(kind, (first, last), buckets);
    found.missing = missing;
    for (value, failed) in values {
        // By the edges as they are told, which rounding may have moved.
        let above = found.buckets.partition_point(|bucket| bucket.lower <= *value);
        found.add(above.saturating_sub(1), 1, (*failed).into());
    }
    found
}

impl Bucket {
    fn of(lower: f64, upper: f64) -> Self {
        Self { lower, upper, cases: 0, errors: 0 }
    }
}

impl Histogram {
    pub(crate) fn add(&mut self, at: usize, cases: u64, errors: u64) {
        self.cases += cases;
        self.errors += errors;
        if let Some(bucket) = self.buckets.get_mut(at) {
            bucket.cases += cases;
            bucket.errors += errors;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_time_are_as_narrow_as_their_number_allows() {
        assert_eq!(width(0, 0, 1), SECOND / 10);
        assert_eq!(width(0, 59 * SECOND, 60), SECOND);
        assert_eq!(width(0, 60 * SECOND, 60), 2 * SECOND);
        assert_eq!(width(59 * SECOND, 61 * SECOND, 1), HOUR / 30);
        assert_eq!(width(0, 30 * DAY, 31), DAY);
        assert_eq!(width(-5 * DAY, -DAY, 5), DAY);
        for (first, last) in [(i64::MIN / 8, i64::MAX / 8), (-1, 1), (0, i64::MAX / 8)] {
            for buckets in [1, 2, 60] {
                let width = width(first, last, buckets);
                let count = last.div_euclid(width) - first.div_euclid(width) + 1;
                assert!(count <= buckets.max(2) as i64, "{first} {last} {buckets}: {count}");
            }
        }
    }
}
