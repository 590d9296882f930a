//! Other methods on the same data: why those in use are in use.

use tidegate_analysis::statistics::{Interval, Level, Observations, interval};

use crate::model::{Cell, Random, Values};

type Method = fn(&[f64]) -> Option<Interval>;

const OF_MEANS: [(&str, Method); 4] = [
    ("effective Wilson", |values| {
        interval::effective_wilson(values, f64::INFINITY, Level::default())
    }),
    ("t", |values| interval::student(values, Level::default())),
    ("Hall", |values| interval::hall(values, Level::default())),
    ("BCa", |values| interval::bca(values, Level::default(), 1_000, 1)),
];
const OF_DIFFERENCES: [(&str, Method); 4] = [
    ("Bonett & Price", |values| interval::bonett_price(values, Level::default())),
    ("t", |values| interval::student(values, Level::default())),
    ("Hall", |values| interval::hall(values, Level::default())),
    ("BCa", |values| interval::bca(values, Level::default(), 1_000, 1)),
];

/// Coverage of every method for the mean, for no difference, and for a difference, as rows of a
/// table; a method that gives no interval for a sample covers nothing there.
pub(crate) fn rows(cell: &Cell, runs: u32) -> Vec<String> {
    let mut random = Random::new(1);
    let keys: Vec<String> = (0..cell.cases).map(|case| format!("{case:05}")).collect();
    let shifted = cell.values.shifted();
    let truths = [cell.values.mean(), 0.0, shifted.mean() - cell.values.mean()];
    let mut covered = [[0_u32; 4]; 3];
    for _ in 0..runs {
        let questions = cell.questions(&mut random);
        let mut means = |values| -> Vec<f64> {
            let data = cell.experiment(values, &questions, &keys, &mut random);
            Observations::of_metric(data).cases().iter().map(|case| case.mean).collect()
        };
        let (base, again, better) = (means(cell.values), means(cell.values), means(shifted));
        let difference =
            |side: &[f64]| side.iter().zip(&base).map(|(one, other)| one - other).collect();
        let samples: [Vec<f64>; 3] = [base.clone(), difference(&again), difference(&better)];
        for (index, sample) in samples.iter().enumerate() {
            let methods = if index == 0 { OF_MEANS } else { OF_DIFFERENCES };
            for (count, (_, method)) in covered[index].iter_mut().zip(methods) {
                let holds = method(sample).is_some_and(|one| one.contains(truths[index]));
                *count += u32::from(holds);
            }
        }
    }
    let names = ["mean", "diff. 0", "diff."];
    let methods = [OF_MEANS, OF_DIFFERENCES, OF_DIFFERENCES];
    let rows = covered.iter().zip(names).zip(methods).map(|((counts, name), methods)| {
        // Methods for 0..=1 give durations no interval, or few.
        let applies = |count: &u32| *count > runs / 2;
        let shares = counts.iter().zip(methods).filter(|(count, _)| applies(count));
        let shares = shares.map(|(count, (method, _))| {
            format!("{method} {:.1}", 100.0 * f64::from(*count) / f64::from(runs))
        });
        format!("{name}: {}", shares.collect::<Vec<_>>().join(", "))
    });
    rows.collect()
}

/// The cells worth looking at: few cases, and values that are hard. The last two are harder than
/// any of the table: 3 cases of 50 change, all for the better.
pub(crate) fn cells() -> Vec<Cell> {
    let rare = |trials| Cell { cases: 50, values: Values::Binary(0.93), trials, correlation: 0.9 };
    let hard = |cell: &Cell| cell.values.mean() != 0.5;
    Cell::all(&[50]).into_iter().filter(hard).chain([1, 5].map(rare)).collect()
}
