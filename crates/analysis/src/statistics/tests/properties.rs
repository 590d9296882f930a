use proptest::prelude::*;

use super::*;

/// Few keys, so that cases have several trials; values of every kind.
fn values(kind: BoxedStrategy<f64>) -> impl Strategy<Value = Vec<(String, f64)>> {
    prop::collection::vec(("[a-z]", kind), 0..60)
}

fn any_kind() -> BoxedStrategy<f64> {
    prop_oneof![
        Just(0.0),
        Just(1.0),
        0.0..=1.0,
        -10.0..10.0,
        prop::num::f64::ANY,
        Just(f64::MAX),
        Just(f64::MIN_POSITIVE),
    ]
    .boxed()
}

fn graded() -> BoxedStrategy<f64> {
    prop_oneof![Just(0.0), Just(1.0), Just(0.5), 0.0..=1.0].boxed()
}

/// Sixteenths, so that sums, shifts and differences are exact.
fn sixteenths() -> BoxedStrategy<f64> {
    (0..=16_u8).prop_map(|n| f64::from(n) / 16.0).boxed()
}

fn quick() -> Options {
    Options::default().flips(199)
}

fn both(current: &[(String, f64)], base: &[(String, f64)]) -> PairedComparison {
    PairedComparison::of(&scores(current), &scores(base), Direction::HigherIsBetter, &quick())
}

fn assert_finite(interval: Option<Interval>) {
    if let Some(interval) = interval {
        assert!(interval.lower.is_finite() && interval.upper.is_finite(), "{interval:?}");
        assert!(interval.lower <= interval.upper, "{interval:?}");
    }
}

proptest! {
    #[test]
    fn no_input_gives_nan(current in values(any_kind()), base in values(any_kind())) {
        for observations in [scores(&current), metrics(&current)] {
            if let Some(estimate) = Estimate::of(&observations, Level::default()) {
                prop_assert!(estimate.mean.is_finite());
                prop_assert!(estimate.standard_error.is_none_or(f64::is_finite));
                prop_assert!(estimate.case_sd.is_none_or(f64::is_finite));
                assert_finite(estimate.interval);
            }
            let means = observations.case_means();
            assert_finite(interval::bca(&means, Level::default(), 100, 1));
            assert_finite(interval::hall(&means, Level::default()));
        }
        let comparison = both(&current, &base);
        for number in [
            comparison.current_mean,
            comparison.base_mean,
            comparison.difference,
            comparison.standard_error,
            comparison.difference_sd,
        ] {
            prop_assert!(number.is_none_or(f64::is_finite));
        }
        assert_finite(comparison.interval);
        for p_value in [comparison.p_value, comparison.p_value_adjusted].into_iter().flatten() {
            prop_assert!(p_value > 0.0 && p_value <= 1.0, "{}", p_value);
        }
    }

    #[test]
    fn scores_stay_in_their_range(current in values(graded()), base in values(graded())) {
        if let Some(estimate) = Estimate::of(&scores(&current), Level::default()) {
            prop_assert!((0.0..=1.0).contains(&estimate.mean));
            prop_assert_eq!(estimate.interval.is_some(), estimate.cases > 1);
            if let Some(interval) = estimate.interval {
                prop_assert!(interval.lower >= 0.0 && interval.upper <= 1.0);
                prop_assert!(interval.lower < interval.upper);
                let rounding = 1e-12;
                prop_assert!(interval.lower <= estimate.mean + rounding);
                prop_assert!(interval.upper >= estimate.mean - rounding);
            }
        }
        let comparison = both(&current, &base);
        prop_assert_eq!(comparison.interval.is_some(), comparison.matched_cases > 1);
        if let Some(interval) = comparison.interval {
            prop_assert!(interval.lower >= -1.0 && interval.upper <= 1.0);
        }
        let all = comparison.improved_cases + comparison.regressed_cases + comparison.tied_cases;
        prop_assert_eq!(all, comparison.matched_cases);
    }

    #[test]
    fn swapping_sides_flips_signs(current in values(graded()), base in values(graded())) {
        let (there, back) = (both(&current, &base), both(&base, &current));
        let sum = there.difference.zip(back.difference).map_or(0.0, |(one, other)| one + other);
        prop_assert!(sum.abs() < 1e-12);
        prop_assert_eq!(there.improved_cases, back.regressed_cases);
        prop_assert_eq!(there.current_only_cases, back.base_only_cases);
        if let Some((one, other)) = there.interval.zip(back.interval) {
            prop_assert!((one.lower + other.upper).abs() < 1e-12);
            prop_assert!((one.upper + other.lower).abs() < 1e-12);
        }
        let mirrored = match back.verdict {
            Verdict::Better => Verdict::Worse,
            Verdict::Worse => Verdict::Better,
            verdict => verdict,
        };
        // Drawn flips differ between the sides, but not by their kind.
        prop_assert_eq!(there.test, back.test);
        if there.test != Some(Test::SignFlipSampled) {
            prop_assert_eq!(there.p_value, back.p_value);
            prop_assert_eq!(there.verdict, mirrored);
        }
    }

    #[test]
    fn the_order_of_trials_does_not_matter(
        (current, shuffled) in values(graded())
            .prop_flat_map(|values| (Just(values.clone()), Just(values).prop_shuffle())),
        base in values(graded()),
    ) {
        let estimate = |values: &[_]| Estimate::of(&scores(values), Level::default());
        prop_assert_eq!(estimate(&current), estimate(&shuffled));
        prop_assert_eq!(both(&current, &base), both(&shuffled, &base));
    }

    #[test]
    fn a_shift_of_both_sides_changes_no_p_value(
        current in values(sixteenths()),
        base in values(sixteenths()),
        shift in 1..64_u8,
    ) {
        let shifted = |values: &[(String, f64)]| -> Vec<_> {
            values.iter().map(|(key, v)| (key.clone(), v + f64::from(shift))).collect()
        };
        let lower = Direction::LowerIsBetter;
        let (more, less) = (shifted(&current), shifted(&base));
        let plain = PairedComparison::of(&metrics(&current), &metrics(&base), lower, &quick());
        let moved = PairedComparison::of(&metrics(&more), &metrics(&less), lower, &quick());
        prop_assert_eq!(plain.improved_cases, moved.improved_cases);
        prop_assert_eq!(plain.p_value.is_some(), moved.p_value.is_some());
        if let Some((one, other)) = plain.p_value.zip(moved.p_value) {
            prop_assert!((one - other).abs() < 1e-9, "{} {}", one, other);
        }
    }

    #[test]
    fn holm_never_lowers_a_p_value_and_keeps_their_order(
        p_values in prop::collection::vec(0.0..=1.0, 0..20),
    ) {
        let adjusted = holm(&p_values);
        for (one, p_value) in adjusted.iter().zip(&p_values) {
            prop_assert!(one >= p_value && *one <= 1.0);
            for (other, q_value) in adjusted.iter().zip(&p_values) {
                prop_assert!(p_value > q_value || one <= other);
            }
        }
    }

    #[test]
    fn sign_flips_do_not_depend_on_signs_of_all_or_scale(
        differences in prop::collection::vec(-16..=16_i8, 0..16),
        scale in 1..100_u8,
    ) {
        let test = |factor: f64| {
            let values: Vec<_> = differences.iter().map(|d| f64::from(*d) * factor).collect();
            sign_flip(&values, 99, 1).unwrap()
        };
        prop_assert_eq!(test(1.0), test(-1.0));
        prop_assert_eq!(test(1.0), test(f64::from(scale)));
        prop_assert!(test(1.0).p_value > 0.0);
    }
}
