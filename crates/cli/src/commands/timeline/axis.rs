//! Where an axis of time has its marks, and what stands at them.

use crate::units;

const SECOND: u64 = 1_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// Steps that people count in, in microseconds; below and above them it is 1, 2, 5.
const STEPS: [u64; 15] = [
    10 * SECOND,
    20 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    20 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
];

/// A mark of an axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) at_us: u64,
    pub(super) label: String,
}

/// Marks from 0 to `wall_us`, at most `most` besides that of 0, or two if that is less.
pub(super) fn marks(wall_us: u64, most: usize) -> Vec<Mark> {
    let step = step(wall_us, most.max(1) as u64);
    let mut marks = Vec::new();
    let mut at_us = 0_u64;
    loop {
        marks.push(Mark { at_us, label: label(at_us, step) });
        match at_us.checked_add(step) {
            Some(next) if next <= wall_us => at_us = next,
            _ => return marks,
        }
    }
}

/// The smallest usual step of which `most` reach at least to the end; or the largest that fits at
/// all, so that there is a mark besides 0.
fn step(wall_us: u64, most: u64) -> u64 {
    let least = wall_us.div_ceil(most).max(1);
    let decimal = |from: u64, to: u64| {
        let powers = std::iter::successors(Some(from), |power| power.checked_mul(10));
        powers
            .flat_map(|power| [1, 2, 5].map(|factor| power.saturating_mul(factor)))
            .take_while(move |step| *step < to)
    };
    let all = decimal(1, 10 * SECOND).chain(STEPS).chain(decimal(5 * DAY, u64::MAX));
    let mut found = u64::MAX;
    for step in all.take_while(|step| *step <= wall_us) {
        found = step;
        if step >= least {
            break;
        }
    }
    found
}

/// The time in the unit of the step.
fn label(at_us: u64, step: u64) -> String {
    let at = at_us as f64;
    match step {
        _ if at_us == 0 => "0".to_owned(),
        _ if step < 1_000 => format!("{at_us} µs"),
        _ if step < SECOND / 10 => format!("{} ms", at_us / 1_000),
        _ if step < SECOND => format!("{:.1} s", at / SECOND as f64),
        _ if step < MINUTE && at_us <= 2 * MINUTE => format!("{} s", at_us / SECOND),
        _ => units::duration(at_us),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(wall_us: u64, most: usize) -> Vec<String> {
        marks(wall_us, most).into_iter().map(|mark| mark.label).collect()
    }

    #[test]
    fn marks_are_round_and_no_more_than_fit() {
        assert_eq!(labels(0, 5), ["0"]);
        assert_eq!(labels(1, 5), ["0", "1 µs"]);
        assert_eq!(labels(485_000, 2), ["0", "0.2 s", "0.4 s"]);
        assert_eq!(labels(485_000, 1), ["0", "0.2 s", "0.4 s"]);
        assert_eq!(labels(480_000, 5), ["0", "0.1 s", "0.2 s", "0.3 s", "0.4 s"]);
        assert_eq!(labels(95_000, 5), ["0", "20 ms", "40 ms", "60 ms", "80 ms"]);
        assert_eq!(
            labels(14_630_000, 8),
            ["0", "2 s", "4 s", "6 s", "8 s", "10 s", "12 s", "14 s"]
        );
        assert_eq!(labels(150 * SECOND, 5), ["0", "30 s", "60 s", "90 s", "120 s", "2 min 30 s"]);
        assert_eq!(labels(3 * HOUR, 3), ["0", "1 h", "2 h", "3 h"].map(|h| h.to_owned()));
        for wall_us in [7, 999_999, 86_400_000_001, u64::MAX - 1, u64::MAX] {
            for most in [1, 3, 12] {
                let marks = marks(wall_us, most);
                assert!(
                    (1..=most.max(2) + 1).contains(&marks.len()),
                    "{wall_us}, {most}: {marks:?}"
                );
            }
        }
    }
}
