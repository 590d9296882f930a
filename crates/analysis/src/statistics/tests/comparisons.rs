use super::*;
use crate::comparison::{Metric, Trial};

fn compared(current: &[f64], base: &[f64]) -> PairedComparison {
    compared_within(current, base, &Options::default())
}

fn compared_within(current: &[f64], base: &[f64], options: &Options) -> PairedComparison {
    let (current, base) = (single(current), single(base));
    PairedComparison::of(&scores(&current), &scores(&base), Direction::HigherIsBetter, options)
}

/// `n` cases: the first `improved` went from 0 to 1, the next `regressed` the other way.
fn changed(n: usize, improved: usize, regressed: usize) -> PairedComparison {
    let mut current = vec![1.0; n];
    let mut base = vec![1.0; n];
    base[..improved].fill(0.0);
    current[improved..improved + regressed].fill(0.0);
    compared(&current, &base)
}

#[test]
fn the_published_example_of_the_mid_p_test() {
    // Fagerland, Lydersen & Laake (2013), table 1: 1 against 7 of 21 children.
    let children = changed(21, 1, 7);
    assert_eq!(children.test, Some(Test::McnemarMidP));
    assert!((children.p_value.unwrap() - 10.0 / 256.0).abs() < 1e-12);
    assert!((mcnemar_mid_p(3, 3) - (1.0 - 20.0 / 128.0)).abs() < 1e-12);
}

#[test]
fn a_difference_is_called_only_if_test_and_interval_agree() {
    assert_eq!(changed(100, 20, 4).verdict, Verdict::Better);
    assert_eq!(changed(100, 4, 20).verdict, Verdict::Worse);
    assert_eq!(changed(100, 6, 4).verdict, Verdict::Undecided);
    assert_eq!(changed(100, 0, 0).verdict, Verdict::Undecided);
    // Five changes in one direction: p = 1/32 by the mid-p test, but the interval just holds 0.
    let five = changed(100, 5, 0);
    assert!((five.p_value.unwrap() - 1.0 / 32.0).abs() < 1e-12);
    assert!(five.interval.unwrap().lower < 0.0);
    assert_eq!(five.verdict, Verdict::Undecided);
}

#[test]
fn cases_match_by_key_and_the_rest_is_counted() {
    let current: Vec<_> = [("a", 1.0), ("a", 0.0), ("b", 1.0), ("c", 1.0), ("e", 0.5)]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
    let base: Vec<_> = [("b", 1.0), ("a", 1.0), ("d", 0.0), ("f", 1.0), ("e", 0.25)]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
    let options = Options::default();
    let higher = Direction::HigherIsBetter;
    let comparison = PairedComparison::of(&scores(&current), &scores(&base), higher, &options);
    assert_eq!(comparison.matched_cases, 3);
    assert_eq!((comparison.current_only_cases, comparison.base_only_cases), (1, 2));
    let counts = (comparison.improved_cases, comparison.regressed_cases, comparison.tied_cases);
    assert_eq!(counts, (1, 1, 1));
    assert_eq!(comparison.current_mean, Some(2.0 / 3.0));
    assert_eq!(comparison.base_mean, Some(0.75));
}

#[test]
fn no_and_one_matched_case_claim_nothing() {
    for comparison in [compared(&[], &[]), compared(&[1.0], &[]), compared(&[1.0], &[0.0])] {
        assert_eq!((comparison.p_value, comparison.interval), (None, None));
        assert_eq!(comparison.verdict, Verdict::Undecided);
        assert_eq!(no_regression(&comparison, Margin::ZERO), GateOutcome::Undecided);
    }
    assert_eq!(compared(&[1.0], &[0.0]).difference, Some(1.0));
}

#[test]
fn rounding_is_no_difference() {
    let noisy: Vec<f64> = (0..30).map(|case| f64::from(case) / 30.0 + 1e-14).collect();
    let clean: Vec<f64> = (0..30).map(|case| f64::from(case) / 30.0).collect();
    let comparison = compared(&noisy[1..], &clean[1..]);
    assert_eq!((comparison.tied_cases, comparison.difference), (29, Some(0.0)));
    assert_eq!(comparison.p_value, Some(1.0));
    assert_eq!(comparison.interval.unwrap().method, Method::Constant);
}

#[test]
fn a_margin_makes_same_and_comes_first() {
    let base: Vec<f64> = (0..200).map(|case| f64::from(case) / 250.0).collect();
    let current: Vec<f64> =
        base.iter().enumerate().map(|(case, b)| b + 0.004 + 0.001 * (case % 3) as f64).collect();
    assert_eq!(compared(&current, &base).verdict, Verdict::Better);
    let options = Options::default().same_within(Margin::new(0.02).unwrap());
    assert_eq!(compared_within(&current, &base, &options).verdict, Verdict::Same);
}

#[test]
fn verdicts_are_corrected_over_scores_and_names_of_one_side_are_there() {
    // Alone a p-value of 0.02 is enough; beside three scores that did not change it is not.
    let trial = |case: usize, improved: bool| {
        let score = |name: &str, value: f64| (name.to_owned(), value);
        let value = f64::from(u8::from(improved));
        let scores = [score("a", value), score("b", 1.0), score("c", 1.0), score("d", 1.0)];
        Trial { case_key: case.to_string(), scores: scores.into(), ..Trial::default() }
    };
    let base: Vec<_> = (0..60).map(|case| trial(case, (10..12).contains(&case))).collect();
    let mut current: Vec<_> = (0..60).map(|case| trial(case, case < 10)).collect();
    current[0].scores.insert("new", 1.0);
    let all = compare_scores(&current, &base, &Options::default());
    assert_eq!(all["new"].matched_cases, 0);
    assert!(all["a"].p_value.unwrap() < 0.025);
    assert!((all["a"].p_value_adjusted.unwrap() / all["a"].p_value.unwrap() - 4.0).abs() < 1e-12);
    assert_eq!(all["a"].verdict, Verdict::Undecided);
    let alone = |trials: &[Trial]| -> Vec<Trial> {
        let mut trials = trials.to_vec();
        for trial in &mut trials {
            trial.scores = [("a", trial.scores["a"])].into();
        }
        trials
    };
    let a = &compare_scores(&alone(&current), &alone(&base), &Options::default())["a"];
    assert_eq!(a.verdict, Verdict::Better);
}

#[test]
fn a_metric_is_better_when_it_falls() {
    let trials = |seconds: fn(usize) -> f64| -> Vec<Trial> {
        let metric = |case| Metric { value: seconds(case), unit: "s".into() };
        (0..40)
            .map(|case| Trial {
                case_key: case.to_string(),
                metrics: [("duration".to_owned(), metric(case))].into(),
                ..Trial::default()
            })
            .collect()
    };
    let base = trials(|case| 10.0 + case as f64);
    let current = trials(|case| 9.0 + case as f64 + 0.1 * (case % 5) as f64);
    let all = compare_metrics(&current, &base, &Options::default());
    assert_eq!(all["duration"].verdict, Verdict::Better);
    assert_eq!(all["duration"].improved_cases, 40);
    assert!(all["duration"].difference.unwrap() < 0.0);
    assert_eq!(no_regression(&all["duration"], Margin::ZERO), GateOutcome::Pass);
    let back = compare_metrics(&base, &current, &Options::default());
    assert_eq!(no_regression(&back["duration"], Margin::ZERO), GateOutcome::Fail);
    assert_eq!(no_regression(&back["duration"], Margin::new(2.0).unwrap()), GateOutcome::Pass);
}

#[test]
fn gates_are_undecided_without_data() {
    assert_eq!(Threshold::AtLeast(0.5).decide(None), GateOutcome::Undecided);
    let ten = Estimate::of(&scores(&single(&[1.0; 10])), Level::default()).unwrap();
    assert_eq!(Threshold::AtLeast(f64::NAN).decide(Some(&ten)), GateOutcome::Undecided);
    assert_eq!(Threshold::AtLeast(0.7).decide(Some(&ten)), GateOutcome::Pass);
    assert_eq!(Threshold::AtMost(0.7).decide(Some(&ten)), GateOutcome::Fail);
    assert_eq!(Threshold::AtMost(1.0).decide(Some(&ten)), GateOutcome::Pass);
}

#[test]
fn large_permutation_tests_are_drawn_and_agree_with_enumeration() {
    let few: Vec<f64> = (1..=16).map(|n| f64::from(n) - 5.5).collect();
    let exact = sign_flip(&few, 9_999, 1).unwrap();
    assert!(exact.is_exact);
    // A seventeenth difference that hardly matters turns enumeration into draws.
    let more: Vec<f64> = few.iter().copied().chain([1e-6]).collect();
    let drawn = sign_flip(&more, 99_999, 1).unwrap();
    assert!(!drawn.is_exact);
    assert!((drawn.p_value - exact.p_value).abs() < 0.005, "{drawn:?} {exact:?}");
    assert_eq!(drawn, sign_flip(&more, 99_999, 1).unwrap());
    assert_eq!(sign_flip(&[1.0; 40], 999, 1).unwrap().p_value, 0.001);
    assert_eq!(sign_flip(&[f64::INFINITY], 999, 1), None);
    assert_eq!(sign_flip(&[f64::MAX, f64::MAX], 999, 1).unwrap().p_value, 0.5);
}

#[test]
fn plans_shrink_with_cases_and_know_no_spread() {
    let target = Target::default();
    let mut last = f64::INFINITY;
    for cases in 2..400 {
        let effect = minimum_detectable_effect(1.0, cases, target).unwrap();
        assert!(effect < last);
        assert!(cases_needed(1.0, effect, target).is_some_and(|needed| needed <= cases));
        last = effect;
    }
    assert_eq!(minimum_detectable_effect(0.0, 100, target), None);
    assert_eq!(cases_needed(1.0, 0.0, target), None);
    assert_eq!(cases_needed(1.0, 1e-9, target), None);
    assert_eq!(cases_needed(1e-9, 1.0, target), Some(2));
    let comparison = changed(100, 20, 4);
    let plan = Plan::of_comparison(&comparison, target).unwrap();
    assert_eq!((plan.basis, plan.cases), (Basis::Differences, 100));
    assert!(plan.cases_for(plan.minimum_detectable_effect / 2.0).unwrap() > 380);
    assert_eq!(Plan::of_comparison(&changed(100, 0, 0), target), None);
}
