//! The statistics of `tidegate-analysis` against scipy and statsmodels.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_analysis::statistics::{
    Direction, Estimate, Interval, Level, Observations, Options, PairedComparison, Target,
    cases_needed, holm, interval, mcnemar_mid_p, minimum_detectable_effect, sign_flip,
};
use tidegate_testkit::run;

use crate::clients::{DEADLINE, python};

/// What both sides compute from the same numbers differs by rounding and by the 1e-11 of quantiles.
const EXACT: f64 = 1e-9;

/// Questions to the reference, with our answers and how far they may be apart.
#[derive(Default)]
struct Questions {
    asked: Vec<Value>,
    ours: Vec<(Vec<f64>, f64)>,
}

impl Questions {
    fn ask(&mut self, function: &str, arguments: &Value, ours: &[f64], tolerance: f64) {
        self.asked.push(json!([function, arguments]));
        self.ours.push((ours.to_vec(), tolerance));
    }

    fn check(self) {
        let directory = TempDir::new().expect("a temporary directory");
        let file = directory.path().join("questions.json");
        fs::write(&file, Value::from(self.asked.clone()).to_string()).expect("a file of questions");
        let mut reference = python("venv-statistics", "statistics_reference.py");
        let finished = run(reference.arg(file), DEADLINE).success();
        let theirs: Vec<Vec<f64>> = serde_json::from_str(&finished.stdout).expect("numbers");
        assert_eq!(theirs.len(), self.ours.len());
        for ((question, (ours, tolerance)), theirs) in
            self.asked.iter().zip(&self.ours).zip(&theirs)
        {
            let near = ours.len() == theirs.len()
                && ours.iter().zip(theirs).all(|(our, their)| (our - their).abs() <= *tolerance);
            assert!(near, "{question}\nours   {ours:?}\ntheirs {theirs:?}");
        }
    }
}

fn ends(interval: Option<Interval>) -> [f64; 2] {
    let interval = interval.expect("an interval");
    [interval.lower, interval.upper]
}

fn levels() -> [Level; 3] {
    [0.8, 0.95, 0.999].map(|level| Level::new(level).expect("a level"))
}

/// Samples of 0..=1 that are hard in different ways.
fn samples() -> Vec<Vec<f64>> {
    let ramp = |n: u32| (0..n).map(|k| f64::from(k) / f64::from(n)).collect::<Vec<_>>();
    let mut outlier = vec![0.999; 30];
    outlier[0] = 0.0;
    vec![
        vec![0.1, 0.9],
        vec![0.0, 0.0, 1.0],
        vec![0.2, 0.5, 0.4, 0.7, 0.2],
        vec![1.0, 1.0, 1.0, 1.0, 0.9, 1.0, 1.0, 0.3, 1.0, 1.0],
        vec![1e-9, 2e-9, 5e-9, 1e-9],
        outlier,
        ramp(50).into_iter().map(|x| 1.0 - x.powi(8)).collect(),
        // Beyond 1 000 degrees of freedom, where the quantile of t comes from a series.
        ramp(2_500).into_iter().map(|x| x * x).collect(),
    ]
}

#[test]
fn intervals_agree() {
    let mut questions = Questions::default();
    for level in levels() {
        let ratio = level.ratio();
        for (successes, cases) in [(0, 1), (1, 1), (0, 50), (50, 50), (45, 50), (3, 7), (1, 99_999)]
        {
            let ours = ends(interval::wilson(successes, cases, level));
            questions.ask("wilson", &json!([successes, cases, ratio]), &ours, EXACT);
        }
        for values in samples() {
            let ours = ends(interval::student(&values, level));
            questions.ask("student", &json!([values, ratio]), &ours, EXACT);
            let ours = ends(interval::hall(&values, level));
            questions.ask("hall", &json!([values, ratio]), &ours, EXACT);
            // The reference has no alpha as small as two values at 99.9 % need.
            let sizes: &[f64] = if values.len() > 2 || ratio < 0.99 { &[10.0, 1e12] } else { &[] };
            for most in sizes {
                let ours = ends(interval::effective_wilson(&values, *most, level));
                questions.ask("effective_wilson", &json!([values, most, ratio]), &ours, EXACT);
            }
        }
        let perfect = ends(interval::effective_wilson(&[1.0; 20], 100.0, level));
        questions.ask("effective_wilson", &json!([vec![1.0; 20], 100.0, ratio]), &perfect, EXACT);
        for (improved, regressed, cases) in [(0, 0, 5), (5, 0, 5), (10, 2, 50), (3, 4, 1_000)] {
            let mut differences = vec![0.0; cases];
            differences[..improved].fill(1.0);
            differences[improved..improved + regressed].fill(-1.0);
            let ours = ends(interval::bonett_price(&differences, level));
            let arguments = json!([improved, regressed, cases, ratio]);
            questions.ask("bonett_price", &arguments, &ours, EXACT);
        }
    }
    questions.check();
}

#[test]
fn the_bootstrap_agrees_within_its_noise() {
    let mut questions = Questions::default();
    let level = Level::default();
    for values in samples().into_iter().filter(|values| (5..100).contains(&values.len())) {
        let ours = interval::bca(&values, level, 20_000, 7).expect("a spread");
        // Ends of 20 000 resamples scatter by about 1 % of the width. Means of resamples of two
        // values, as in the sample with the outlier, step by the distance of these over n.
        let distinct = values.iter().any(|value| ![0.0, 0.999].contains(value));
        let step = if distinct { 0.0 } else { 1.0 / values.len() as f64 };
        let tolerance = 0.03 * (ours.upper - ours.lower) + step;
        questions.ask("bca", &json!([values, level.ratio()]), &[ours.lower, ours.upper], tolerance);
    }
    questions.check();
}

#[test]
fn tests_agree() {
    let mut questions = Questions::default();
    for (improved, regressed) in
        [(1, 0), (5, 5), (10, 2), (2, 10), (0, 30), (480, 520), (5_000, 5_200)]
    {
        let ours = [mcnemar_mid_p(improved, regressed)];
        questions.ask("mcnemar_mid_p", &json!([improved, regressed]), &ours, EXACT);
    }
    for differences in [
        vec![0.3, 0.1, 0.2, 0.4, 0.1],
        vec![0.5, 0.5, -0.5, 0.5, 0.5, -0.5, 0.5],
        vec![0.1, 0.2, 0.3, -0.6, 0.7, 0.1, -0.1, 0.2, 0.3],
        vec![1e-12, 3e-12, -1e-12, 1e-12, 5e-12],
        vec![1e9, 1.0, -1.0, 2.0, -3e9, 1e9],
    ] {
        let ours = [sign_flip(&differences, 0, 0).expect("finite").p_value];
        questions.ask("sign_flip", &json!([differences, null]), &ours, EXACT);
    }
    let many: Vec<f64> = (0..60).map(|k| f64::from(k * 37 % 60) / 60.0 - 0.42).collect();
    let ours = [sign_flip(&many, 99_999, 3).expect("finite").p_value];
    // Both draw, with a standard error of 0.0012 each around 0.05.
    questions.ask("sign_flip", &json!([many, 99_999]), &ours, 0.006);
    for p_values in [
        vec![0.01, 0.04, 0.03, 0.005],
        vec![0.5],
        vec![1.0, 0.9, 0.02, 0.02, 0.02],
        vec![0.0, 1e-300, 0.3, 0.3],
    ] {
        questions.ask("holm", &json!([p_values]), &holm(&p_values), EXACT);
    }
    questions.check();
}

#[test]
fn estimates_and_comparisons_agree() {
    let mut questions = Questions::default();
    // Forty cases of three trials: the clustered error of a regression on a constant.
    let values: Vec<f64> = (0..120_u32).map(|k| f64::from(k * k % 97) / 97.0).collect();
    let cases: Vec<u32> = (0..120).map(|k| k / 3).collect();
    let keys: Vec<String> = cases.iter().map(|case| format!("{case:02}")).collect();
    let pairs = keys.iter().map(String::as_str).zip(values.iter().copied());
    let estimate = Estimate::of(&Observations::of_score(pairs), Level::default());
    let estimate = estimate.expect("values");
    let ours = [estimate.mean, estimate.standard_error.expect("cases")];
    questions.ask("clustered_standard_error", &json!([values, cases]), &ours, EXACT);

    let (base, current) = (&values[..40], &values[60..100]);
    let keys: Vec<String> = (0..40).map(|case| format!("{case:02}")).collect();
    let scores = |values: &[f64]| {
        Observations::of_score(keys.iter().map(String::as_str).zip(values.iter().copied()))
    };
    let (higher, options) = (Direction::HigherIsBetter, Options::default());
    let comparison = PairedComparison::of(&scores(current), &scores(base), higher, &options);
    let ours = ends(comparison.interval);
    questions.ask("paired_student", &json!([current, base, 0.95]), &ours, EXACT);
    questions.check();
}

#[test]
fn plans_agree_with_the_noncentral_t() {
    let mut questions = Questions::default();
    let (level, power) = (Level::default(), 0.8);
    let target = Target::new(level, power).expect("a power");
    for cases in [10, 50, 200, 5_000] {
        let ours = minimum_detectable_effect(0.4, cases, target).expect("a spread");
        let arguments = json!([0.4, cases, level.ratio(), power]);
        questions.ask("minimum_detectable_effect", &arguments, &[ours], 0.01 * ours);
    }
    for effect in [0.5, 0.2, 0.1, 0.02] {
        let ours = cases_needed(0.4, effect, target).expect("a spread") as f64;
        questions.ask("cases_needed", &json!([0.4, effect, level.ratio(), power]), &[ours], 1.0);
    }
    questions.check();
}
