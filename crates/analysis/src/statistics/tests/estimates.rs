use super::*;
use crate::comparison::{Trial, compare};

fn estimate(values: &[f64]) -> Estimate {
    Estimate::of(&scores(&single(values)), Level::default()).unwrap()
}

fn estimate_metric(values: &[f64]) -> Estimate {
    Estimate::of(&metrics(&single(values)), Level::default()).unwrap()
}

#[test]
fn nothing_and_one_case_claim_nothing() {
    assert_eq!(Estimate::of(&scores(&[]), Level::default()), None);
    assert_eq!(Estimate::of(&scores(&single(&[f64::NAN])), Level::default()), None);
    let one = estimate(&[1.0]);
    assert_eq!((one.mean, one.standard_error, one.interval), (1.0, None, None));
    assert_eq!((one.case_sd, one.cases, one.trials), (None, 1, 1));
}

#[test]
fn the_method_follows_the_values() {
    assert_eq!(method(&estimate(&[0.0, 1.0, 1.0])), Some(Method::Wilson));
    assert_eq!(method(&estimate(&[0.0, 0.5, 1.0])), Some(Method::EffectiveWilson));
    assert_eq!(method(&estimate(&[0.5, 0.5, 0.5])), Some(Method::Constant));
    assert_eq!(method(&estimate(&[0.5, 1.5, 1.0])), Some(Method::Student));
    assert_eq!(method(&estimate_metric(&[0.0, 1.0])), Some(Method::Student));
    assert_eq!(method(&estimate_metric(&[1.0, 1.0, 1.0, 9.0])), Some(Method::Hall));
    let trials = [("a", 1.0), ("a", 0.0), ("b", 1.0)].map(|(key, value)| (key.to_owned(), value));
    let several = Estimate::of(&scores(&trials), Level::default()).unwrap();
    assert_eq!(method(&several), Some(Method::EffectiveWilson));
}

#[test]
fn values_without_spread_are_not_certain() {
    let right = estimate(&[1.0; 50]).interval.unwrap();
    assert_eq!(right.upper, 1.0);
    assert!((0.92..0.93).contains(&right.lower), "{right:?}");
    let graded = estimate(&[0.7; 50]).interval.unwrap();
    assert!((0.64..0.66).contains(&graded.lower), "{graded:?}");
    assert!((0.72..0.73).contains(&graded.upper), "{graded:?}");
    // Every case is right once in two trials: no spread between cases, but a hundred answers.
    let values: Vec<_> = (0..100).map(|n| (format!("{}", n / 2), f64::from(n % 2))).collect();
    let half = Estimate::of(&scores(&values), Level::default()).unwrap();
    let interval = half.interval.unwrap();
    assert_eq!((half.mean, half.standard_error), (0.5, Some(0.0)));
    assert!((0.39..0.42).contains(&interval.lower), "{interval:?}");
    // A metric has no range that would bound what was not seen.
    let tokens = estimate_metric(&[12.0; 50]);
    assert_eq!((tokens.interval, tokens.standard_error), (None, Some(0.0)));
}

#[test]
fn trials_of_a_case_are_no_cases() {
    // Five identical answers to each question say what one does.
    let once = single(&[0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0]);
    let often: Vec<_> = once.iter().flat_map(|one| std::iter::repeat_n(one.clone(), 5)).collect();
    let one = Estimate::of(&scores(&once), Level::default()).unwrap();
    let five = Estimate::of(&scores(&often), Level::default()).unwrap();
    assert_eq!(one.standard_error, five.standard_error);
    assert_eq!((five.cases, five.trials), (8, 40));
    assert!(five.interval.unwrap().half_width() > one.interval.unwrap().half_width());
}

#[test]
fn the_mean_is_that_of_the_summary() {
    let trial = |case: &str, score: f64| Trial {
        case_key: case.into(),
        scores: [("s".to_owned(), score)].into(),
        ..Trial::default()
    };
    let trials =
        [trial("a", 0.1), trial("b", 0.7), trial("a", 0.3), trial("b", 0.2), trial("c", 0.3)];
    let summary = compare(&trials, None).scores["s"].score;
    assert_eq!(summarize(&trials, Level::default())["s"].mean, summary);
}

#[test]
fn numbers_at_the_ends_of_the_range_are_survived() {
    let huge = estimate(&[f64::MAX, -f64::MAX, f64::MAX]);
    assert!(huge.mean.is_finite());
    assert_eq!((huge.standard_error, huge.interval), (None, None));
    let tiny = estimate_metric(&[f64::MIN_POSITIVE, 0.0, f64::MIN_POSITIVE]);
    assert_eq!(tiny.interval, None);
}

#[test]
fn a_higher_level_is_wider_and_results_serialize() {
    let values = single(&[0.0, 0.2, 0.9, 1.0]);
    let at = |level| Estimate::of(&scores(&values), Level::new(level).unwrap()).unwrap();
    let (low, high) = (at(0.8), at(0.99));
    assert!(low.interval.unwrap().half_width() < high.interval.unwrap().half_width());
    let json = serde_json::to_value(at(0.95)).unwrap();
    assert_eq!(json["interval"]["method"], "effective_wilson");
    assert_eq!((&json["interval"]["level"], &json["cases"]), (&0.95.into(), &4.into()));
}
