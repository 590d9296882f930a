//! How often the intervals hold the truth, and how often equal experiments raise an alarm.
//!
//! ```sh
//! cargo run --release -p tidegate-analysis --example coverage -- 10000
//! ```
//! Prints a table in Markdown; ends with 1 if a cell is out of bounds that `docs/statistics.md`
//! does not list. A small version runs with the tests. With `methods` after the number it shows
//! instead how other methods cover the same data.

mod limits;
mod methods;
mod model;
mod simulate;

use std::io::Write as _;
use std::process::ExitCode;

use model::{Cell, Values};
use simulate::Counts;

/// Several scores at once, all of a hard kind.
const FAMILY: Cell = Cell { cases: 50, values: Values::Skewed(8), trials: 1, correlation: 0.0 };
const FAMILY_SCORES: usize = 5;

fn main() -> std::io::Result<ExitCode> {
    let runs = std::env::args().nth(1).and_then(|runs| runs.parse().ok()).unwrap_or(10_000);
    if std::env::args().nth(2).is_some_and(|mode| mode == "methods") {
        return compare_methods(runs);
    }
    let cells = Cell::all(&[50, 200, 1_000]);
    let counts = simulate::all(&cells, runs);
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "| cases | values | trials | corr. | mean | diff. 0 | diff. | verdict | gate | found |"
    )?;
    writeln!(out, "|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|")?;
    for (cell, counts) in cells.iter().zip(&counts) {
        writeln!(out, "{}", row(cell, counts))?;
    }
    let mut out_of_bounds = 0;
    for (cell, counts) in cells.iter().zip(&counts) {
        for (column, share) in limits::misses(counts, 0.0) {
            let listed = limits::is_listed(cell, column, share);
            out_of_bounds += u32::from(!listed);
            let known = if listed { "a listed limit" } else { "NOT LISTED" };
            writeln!(out, "{}: {column:?} {:.2} %, {known}", describe(cell), 100.0 * share)?;
        }
    }
    let alarms = simulate::family_alarms(&FAMILY, FAMILY_SCORES, runs);
    writeln!(out, "any of {FAMILY_SCORES} scores called: {:.2} %", 100.0 * alarms)?;
    let too_many = alarms > limits::most_alarms(runs);
    Ok(ExitCode::from(u8::from(out_of_bounds > 0 || too_many)))
}

fn compare_methods(runs: u32) -> std::io::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    for cell in methods::cells() {
        writeln!(out, "{}", describe(&cell))?;
        for row in methods::rows(&cell, runs) {
            writeln!(out, "    {row}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(cell: &Cell) -> String {
    let Cell { cases, values, trials, correlation } = cell;
    format!("{cases} cases, {}, {trials} trials, correlation {correlation}", values.name())
}

fn row(cell: &Cell, counts: &Counts) -> String {
    let mut row = format!(
        "| {} | {} | {} | {} |",
        cell.cases,
        cell.values.name(),
        cell.trials,
        cell.correlation
    );
    for count in [
        counts.mean_covered,
        counts.null_covered,
        counts.shift_covered,
        counts.false_verdicts,
        counts.false_failures,
        counts.found,
    ] {
        row += &format!(" {:.1} |", 100.0 * counts.share(count));
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs with 50 cases; few enough for a debug build, so the bounds are wide.
    #[test]
    fn fifty_cases_cover_about_as_often_as_they_say() {
        let cells = Cell::all(&[50]);
        let counts = simulate::all(&cells, 300);
        for (cell, counts) in cells.iter().zip(&counts) {
            // Three standard errors of 300 runs.
            let misses = limits::misses(counts, 3.0);
            let missed: Vec<_> = misses
                .into_iter()
                .filter(|(column, share)| !limits::is_listed(cell, *column, *share))
                .collect();
            assert!(missed.is_empty(), "{}: {missed:?}", describe(cell));
        }
    }

    #[test]
    fn several_scores_raise_no_more_alarms_than_one() {
        let alarms = simulate::family_alarms(&FAMILY, FAMILY_SCORES, 300);
        assert!(alarms <= limits::most_alarms(300), "{alarms}");
    }

    #[test]
    fn simulated_trials_correlate_as_told() {
        let cell = Cell { cases: 20_000, values: Values::Skewed(8), trials: 2, correlation: 0.5 };
        let mut random = model::Random::new(1);
        let keys: Vec<String> = (0..cell.cases).map(|case| case.to_string()).collect();
        let questions = cell.questions(&mut random);
        let values = cell.experiment(cell.values, &questions, &keys, &mut random);
        let values: Vec<f64> = values.into_iter().map(|(_, value)| value).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        assert!((mean - cell.values.mean()).abs() < 0.005, "{mean}");
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
        let pairs = values.chunks(2).map(|pair| (pair[0] - mean) * (pair[1] - mean));
        let correlation = pairs.sum::<f64>() / cell.cases as f64 / variance;
        assert!((correlation - 0.5).abs() < 0.05, "{correlation}");
    }
}
