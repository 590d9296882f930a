//! How many cases are handed over at once.

use std::time::Duration;

/// What one hand-over should last the run. Waking the other thread takes a few microseconds, so
/// tasks faster than that would wait for the data; and what is read is at most about twice this
/// ahead of the run, which is one case as soon as cases take longer.
const LASTS: Duration = Duration::from_micros(500);
const MOST_CASES: usize = 64;

/// How many cases to hand over next, after so many lasted so long.
pub(super) fn next_size(cases: usize, lasted: Duration) -> usize {
    let per_case = lasted.as_nanos() / cases.max(1) as u128;
    let wanted = LASTS.as_nanos().checked_div(per_case).unwrap_or(u128::MAX);
    // Grows step by step: a run that fills its free slots takes some cases at once and then none.
    usize::try_from(wanted).unwrap_or(usize::MAX).clamp(1, (2 * cases).clamp(1, MOST_CASES))
}

/// How long to collect cases of a slow source before those at hand are passed on.
pub(super) const PATIENCE: Duration = LASTS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_cases_go_one_by_one_and_fast_ones_in_bulk() {
        let (slow, fast) = (Duration::from_millis(10), Duration::from_micros(2));
        assert_eq!(next_size(1, slow), 1);
        assert_eq!(next_size(64, slow), 3, "156 microseconds a case");
        assert_eq!(next_size(64, 10 * slow), 1);
        let sizes = (0..8).scan(1, |size, _| {
            *size = next_size(*size, fast);
            Some(*size)
        });
        assert_eq!(sizes.collect::<Vec<_>>(), [2, 4, 8, 16, 32, 64, 64, 64]);
        assert_eq!(next_size(1, Duration::ZERO), 2);
        assert_eq!(next_size(0, Duration::ZERO), 1);
    }
}
