//! The bounds, and the cells that are known to be outside.

use crate::model::{Cell, Values};
use crate::simulate::Counts;

/// What is held against bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// Coverage of the interval of the mean.
    Mean,
    /// Coverage of the interval of the difference, where there is none.
    NoDifference,
    /// Coverage of the interval of the difference, where there is one.
    Difference,
    /// False alarms of the verdict.
    Verdict,
    /// False alarms of the gate.
    Gate,
}

/// Coverage that a 95 % interval should have.
const LEAST_COVERAGE: f64 = 0.93;
const MOST_COVERAGE: f64 = 0.97;
/// False alarms that are accepted.
const MOST_ALARMS: f64 = 0.05;

/// The standard error of a simulated share.
fn error(share: f64, runs: u32) -> f64 {
    (share * (1.0 - share) / f64::from(runs)).sqrt()
}

/// 5 %, and three standard errors of the simulation.
pub(crate) fn most_alarms(runs: u32) -> f64 {
    MOST_ALARMS + 3.0 * error(MOST_ALARMS, runs)
}

/// What of a cell is out of bounds, coverage by more than `tolerance` standard errors of its
/// simulation, alarms by more than three: most tests are exact, so half of the cells would
/// otherwise be above 5 % by chance.
pub(crate) fn misses(counts: &Counts, tolerance: f64) -> Vec<(Column, f64)> {
    let coverage = [
        (Column::Mean, counts.mean_covered),
        (Column::NoDifference, counts.null_covered),
        (Column::Difference, counts.shift_covered),
    ];
    let alarms = [(Column::Verdict, counts.false_verdicts), (Column::Gate, counts.false_failures)];
    let least = LEAST_COVERAGE - tolerance * error(LEAST_COVERAGE, counts.runs);
    let most = MOST_COVERAGE + tolerance * error(MOST_COVERAGE, counts.runs);
    let outside = coverage.into_iter().filter(|(_, count)| {
        let share = counts.share(*count);
        share < least || share > most
    });
    let loud =
        alarms.into_iter().filter(|(_, count)| counts.share(*count) > most_alarms(counts.runs));
    outside.chain(loud).map(|(column, count)| (column, counts.share(count))).collect()
}

/// Whether the section "Limits" of `docs/statistics.md` has this miss: yes/no scores near 0 or 1
/// with few cases, whose intervals are wider than they say. None is narrower.
pub(crate) fn is_listed(cell: &Cell, column: Column, share: f64) -> bool {
    let Values::Binary(mean) = cell.values else { return false };
    let most = match column {
        // Only so many values are possible with one trial a case: exactly 97.03 %.
        Column::Mean if cell.trials == 1 => 0.975,
        // Few cases change at all.
        Column::NoDifference | Column::Difference => 0.995,
        _ => return false,
    };
    cell.cases == 50 && mean != 0.5 && share > MOST_COVERAGE && share < most
}
