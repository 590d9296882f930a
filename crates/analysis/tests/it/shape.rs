//! Figures of requests and waits.

use proptest::prelude::*;
use serde_json::json;
use tidegate_analysis::explain::{Distribution, Failure, explain};
use tidegate_analysis::profile::Profile;
use tidegate_analysis::timeline::Interval;
use tidegate_model::profile::{Cause, Source};

use crate::build::{Build, anything};

#[test]
fn the_figures_of_a_small_profile() {
    let mut build = Build::sdk();
    build.root(1, 0, 40);
    build.request(10, 0, 20, 60);
    build.request(30, 0, 40, 100);
    build.answer(5, 40, 120, 130, Some(503));
    build.answer(5, 40, 150, 170, None);
    build.wait(Cause::Gate, None, 0, 20);
    build.wait(Cause::Gate, Some(1), 10, 30);
    build.wait(Cause::Flush, None, 40, 180);
    build.end(200, Some(40));
    let explanation = explain(&build.profile());
    let shape = &explanation.shape;
    let uploads = shape.uploads;
    assert_eq!((uploads.requests, uploads.overlapping_pairs, uploads.peak_in_flight), (4, 1, 2));
    assert_eq!((uploads.phase_us, uploads.cumulative_us, uploads.idle_us), (150, 130, 40));
    assert_eq!((uploads.idle_gaps, uploads.idle_gap_us_mean), (2, 20.0));
    assert_eq!(uploads.mean_in_flight, 130.0 / 150.0);
    assert!((shape.requests_per_s - 4.0 / 150e-6).abs() < 1e-6);
    assert_eq!((shape.rows, shape.bytes), (50, 25_000));
    let rows = Distribution { mean: 12.5, median: 7.5, min: 5, max: 30 };
    assert_eq!(shape.rows_per_request, rows);
    let failure = |status| Failure { status, requests: 1 };
    assert_eq!(shape.failures, [failure(None), failure(Some(503))]);
    assert_eq!((shape.gate_waits, shape.gate_wait_us, shape.gate_wait_ratio), (2, 40, 0.15));
    assert_eq!((shape.flush_waits, shape.flush_wait_us, shape.flush_wait_ratio), (1, 140, 0.7));
    assert_eq!((explanation.wall_us, explanation.is_complete), (200, true));
}

#[test]
fn names_in_json_carry_their_units() {
    let mut build = Build::sdk();
    build.root(1, 0, 30);
    build.request(10, 0, 30, 60);
    build.cpu(60, 6);
    build.header.cpus = Some(2);
    let json = serde_json::to_value(explain(&build.profile())).expect("JSON");
    assert_eq!(json["shape"]["overlapping_pairs"], 0);
    assert_eq!(json["shape"]["cumulative_us"], 30);
    assert_eq!(json["shape"]["rows_per_request"]["median"], 10.0);
    assert_eq!(json["cpu"]["idle_ratio"], 0.9);
    assert_eq!(json["cpu"]["cores"], 2);
    assert_eq!(json["source"], "sdk");
    let path = json["critical_path"].as_object().expect("an object");
    assert!(path.keys().all(|name| name.ends_with("_ratio")), "{path:?}");
    let finding = &json["diagnosis"][0];
    assert_eq!(finding["cause"], "healthy");
    assert!(finding["advice"].is_string());
    let figure = &finding["evidence"][0];
    assert_eq!((&figure["name"], &figure["unit"]), (&json!("blocked_ratio"), &json!("ratio")));
}

#[test]
fn a_server_is_looked_at_from_its_first_request_on() {
    let mut build = Build::new(Source::Server);
    build.request(1, 70, 70, 80);
    build.request(1, 80, 80, 110);
    build.end(5_000, None);
    let explanation = explain(&build.profile());
    assert_eq!((explanation.start_us, explanation.wall_us), (70, 40));
    assert_eq!(explanation.critical_path, None);
}

#[test]
fn nothing_at_all_is_healthy() {
    let explanation = explain(&Profile::default());
    assert_eq!((explanation.wall_us, explanation.diagnosis.len()), (0, 1));
    assert_eq!(explanation.diagnosis[0].cause.id(), "healthy");
}

proptest! {
    #[test]
    fn overlap_and_gaps_are_those_of_counting_every_microsecond(build in anything()) {
        let profile = build.profile();
        let shape = explain(&profile).shape.uploads;
        let all: Vec<Interval> =
            profile.requests.iter().map(|r| Interval::new(r.start_us, r.end_us)).collect();
        let proper: Vec<_> = all.iter().filter(|r| r.end_us > r.start_us).collect();
        let at = |t: u64| proper.iter().filter(|r| r.start_us <= t && t < r.end_us).count();
        let first = proper.iter().map(|r| r.start_us).min().unwrap_or(0);
        let last = proper.iter().map(|r| r.end_us).max().unwrap_or(0);
        let mut pairs = 0;
        for (position, a) in proper.iter().enumerate() {
            let overlaps = |b: &&&Interval| a.start_us < b.end_us && b.start_us < a.end_us;
            pairs += proper[position + 1..].iter().filter(overlaps).count();
        }
        prop_assert_eq!(shape.overlapping_pairs, pairs);
        prop_assert_eq!(shape.peak_in_flight, (first..last).map(at).max().unwrap_or(0));
        prop_assert_eq!(shape.phase_us, last - first);
        prop_assert_eq!(shape.idle_us, (first..last).filter(|&t| at(t) == 0).count() as u64);
        prop_assert_eq!(shape.cumulative_us, (first..last).map(|t| at(t) as u64).sum::<u64>());
        let gaps = (first..last).filter(|&t| at(t) == 0 && t > first && at(t - 1) > 0).count();
        prop_assert_eq!(shape.idle_gaps, gaps);
    }
}
