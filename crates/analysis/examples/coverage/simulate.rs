//! Running the cells and counting what holds.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tidegate_analysis::comparison::Trial;
use tidegate_analysis::statistics::{
    Direction, Estimate, GateOutcome, Interval, Level, Margin, Observations, Options,
    PairedComparison, Verdict, compare_scores, no_regression,
};

use crate::model::{Cell, Random, Values};

/// Enough for a p-value around 5 %, and ten times as fast as the default.
const FLIPS: u32 = 999;

/// Counts over all runs of a cell.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) runs: u32,
    /// The interval of the mean holds the true mean.
    pub(crate) mean_covered: u32,
    /// The interval of the difference of two equal experiments holds 0.
    pub(crate) null_covered: u32,
    /// The interval of the difference from a shifted experiment holds the true difference.
    pub(crate) shift_covered: u32,
    /// A verdict of better or worse between equal experiments.
    pub(crate) false_verdicts: u32,
    /// A failed gate between equal experiments.
    pub(crate) false_failures: u32,
    /// The shifted experiment is told from the base, in the right direction.
    pub(crate) found: u32,
}

impl Counts {
    pub(crate) fn share(&self, count: u32) -> f64 {
        f64::from(count) / f64::from(self.runs)
    }
}

/// Runs all cells on as many threads as there are processors; the result does not depend on it.
pub(crate) fn all(cells: &[Cell], runs: u32) -> Vec<Counts> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(vec![Counts::default(); cells.len()]);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                // Relaxed: the counter only hands out numbers.
                let take = || next.fetch_add(1, Ordering::Relaxed);
                for index in std::iter::repeat_with(take).take_while(|n| *n < cells.len()) {
                    let counts = run(&cells[index], index as u64, runs);
                    results.lock().expect("no thread panics with the lock")[index] = counts;
                }
            });
        }
    });
    results.into_inner().expect("no thread panics with the lock")
}

fn run(cell: &Cell, seed: u64, runs: u32) -> Counts {
    let mut random = Random::new(seed);
    let keys: Vec<String> = (0..cell.cases).map(|case| format!("{case:05}")).collect();
    let mut counts = Counts { runs, ..Counts::default() };
    let better = cell.values.shifted();
    let shift = better.mean() - cell.values.mean();
    for run in 0..runs {
        let questions = cell.questions(&mut random);
        let mut experiment =
            |values| observations(values, cell.experiment(values, &questions, &keys, &mut random));
        let (base, again) = (experiment(cell.values), experiment(cell.values));
        let shifted = experiment(better);
        let options = Options::default().flips(FLIPS).seed(u64::from(run));
        let compare = |current| PairedComparison::of(current, &base, direction(better), &options);

        let estimate = Estimate::of(&base, Level::default());
        let mean = estimate.and_then(|estimate| estimate.interval);
        counts.mean_covered += covers(mean, cell.values.mean());
        let null = compare(&again);
        counts.null_covered += covers(null.interval, 0.0);
        counts.false_verdicts += u32::from(null.verdict != Verdict::Undecided);
        let failed = no_regression(&null, Margin::ZERO) == GateOutcome::Fail;
        counts.false_failures += u32::from(failed);
        let other = compare(&shifted);
        counts.shift_covered += covers(other.interval, shift);
        let expected = if is_gain(better, shift) { Verdict::Better } else { Verdict::Worse };
        counts.found += u32::from(other.verdict == expected);
    }
    counts
}

fn observations<'a>(values: Values, data: Vec<(&'a str, f64)>) -> Observations<'a> {
    match values {
        Values::Duration(_) => Observations::of_metric(data),
        _ => Observations::of_score(data),
    }
}

fn direction(values: Values) -> Direction {
    match values {
        Values::Duration(_) => Direction::LowerIsBetter,
        _ => Direction::HigherIsBetter,
    }
}

fn is_gain(values: Values, shift: f64) -> bool {
    (shift > 0.0) == (direction(values) == Direction::HigherIsBetter)
}

fn covers(interval: Option<Interval>, truth: f64) -> u32 {
    // A sample that says nothing about its spread covers nothing.
    u32::from(interval.is_some_and(|interval| interval.contains(truth)))
}

/// The share of comparisons of equal experiments in which any of several scores is called better
/// or worse: what Holm's correction must keep within 5 %.
pub(crate) fn family_alarms(cell: &Cell, scores: usize, runs: u32) -> f64 {
    let mut random = Random::new(1);
    let keys: Vec<String> = (0..cell.cases).map(|case| format!("{case:05}")).collect();
    let mut alarms = 0;
    for _ in 0..runs {
        let mut experiments =
            [vec![Trial::default(); keys.len()], vec![Trial::default(); keys.len()]];
        for score in 0..scores {
            let questions = cell.questions(&mut random);
            for trials in &mut experiments {
                let values = cell.experiment(cell.values, &questions, &keys, &mut random);
                for (trial, (key, value)) in trials.iter_mut().zip(values) {
                    trial.case_key = key.to_owned();
                    trial.scores.insert(format!("score {score}"), value);
                }
            }
        }
        let [current, base] = &experiments;
        let all = compare_scores(current, base, &Options::default().flips(FLIPS));
        alarms += u32::from(all.values().any(|one| one.verdict != Verdict::Undecided));
    }
    f64::from(alarms) / f64::from(runs)
}
