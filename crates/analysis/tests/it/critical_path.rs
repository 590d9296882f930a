//! The definition of the critical path.

use proptest::prelude::*;
use tidegate_analysis::explain::{Category, CriticalPath, Explanation, explain};
use tidegate_analysis::profile::Profile;
use tidegate_model::profile::{Cause, End, Line};

use crate::build::{Build, anything};

fn path(build: &Build) -> CriticalPath {
    explain(&build.profile()).critical_path.expect("producers")
}

#[test]
fn every_category_gets_its_time() {
    let mut build = Build::sdk();
    build.root(1, 10, 60);
    build.span(1, "task", 12, 40);
    build.span(1, "llm", 20, 35);
    build.span(1, "score", 45, 60);
    build.wait(Cause::Gate, Some(1), 36, 40);
    build.wait(Cause::Flush, Some(1), 50, 58);
    build.request(3, 0, 15, 90);
    build.end(100, Some(60));
    let expected = CriticalPath {
        task_ratio: 0.24,
        task_llm_ratio: 0.15,
        scorer_ratio: 0.07,
        scorer_llm_ratio: 0.0,
        other_ratio: 0.07,
        other_llm_ratio: 0.0,
        gate_ratio: 0.04,
        flush_ratio: 0.08,
        tail_ratio: 0.4,
        idle_ratio: 0.1,
    };
    assert_eq!(path(&build), expected);
}

#[test]
fn parallel_cases_share_an_instant_evenly() {
    let mut build = Build::sdk();
    for trace in 1..4 {
        build.root(trace, 0, 100);
        build.span(trace, "task", 0, 100);
    }
    // A fourth one waits for its admission all the time, and then runs alone.
    build.wait(Cause::Gate, None, 0, 100);
    build.root(4, 100, 200);
    let path = path(&build);
    assert_eq!((path.task_ratio, path.gate_ratio, path.other_ratio), (0.375, 0.125, 0.5));
}

#[test]
fn the_flush_at_the_end_is_tail() {
    let mut build = Build::sdk();
    build.root(1, 0, 100);
    build.wait(Cause::Flush, None, 100, 190);
    build.end(200, Some(100));
    let path = path(&build);
    assert_eq!((path.tail_ratio, path.flush_ratio, path.other_ratio), (0.5, 0.0, 0.5));
}

/// What the rules say of one microsecond, read off the lists.
fn rules(profile: &Profile, at: u64) -> Vec<(Category, bool, f64)> {
    let holds = |start: u64, end: u64| start <= at && at < end;
    let produced = profile.spans.iter().map(|span| span.end_us).max();
    let produced = produced.max(profile.end.and_then(|end| end.produced_us));
    if produced.is_some_and(|produced| at >= produced) {
        return vec![(Category::Tail, false, 1.0)];
    }
    let waits: Vec<_> = profile.waits.iter().filter(|w| holds(w.start_us, w.end_us)).collect();
    let spans: Vec<_> = profile.spans.iter().filter(|s| holds(s.start_us, s.end_us)).collect();
    let mut cases: Vec<u64> = spans.iter().map(|span| span.trace).collect();
    cases.extend(waits.iter().filter_map(|wait| wait.trace));
    cases.sort_unstable();
    cases.dedup();
    let mut found = Vec::new();
    for case in cases {
        let waits = |cause| waits.iter().any(|w| w.trace == Some(case) && w.cause == cause);
        let is_open =
            |kind: &str| spans.iter().any(|s| s.trace == case && profile.name_of(s.kind) == kind);
        found.push(if waits(Cause::Flush) {
            (Category::Flush, false)
        } else if waits(Cause::Gate) {
            (Category::Gate, false)
        } else if is_open("task") {
            (Category::Task, is_open("llm"))
        } else if is_open("score") {
            (Category::Scorer, is_open("llm"))
        } else {
            (Category::Other, is_open("llm"))
        });
    }
    for wait in waits.iter().filter(|wait| wait.trace.is_none()) {
        let category = if wait.cause == Cause::Gate { Category::Gate } else { Category::Flush };
        found.push((category, false));
    }
    if found.is_empty() {
        return vec![(Category::Idle, false, 1.0)];
    }
    let part = 1.0 / found.len() as f64;
    found.into_iter().map(|(category, is_llm)| (category, is_llm, part)).collect()
}

fn times(explanation: &Explanation) -> Vec<f64> {
    let path = explanation.critical_path.unwrap_or_default();
    Category::ALL.map(|category| path.ratio(category) * explanation.wall_us as f64).to_vec()
}

proptest! {
    #[test]
    fn shares_are_those_of_the_rules_and_add_up_to_one(build in anything()) {
        let profile = build.profile();
        let explanation = explain(&profile);
        let Some(path) = explanation.critical_path else { return Ok(()) };
        let (mut us, mut llm_us) = ([0.0; 7], 0.0);
        for at in explanation.start_us..explanation.start_us + explanation.wall_us {
            for (category, is_llm, part) in rules(&profile, at) {
                us[category as usize] += part;
                llm_us += if is_llm { part } else { 0.0 };
            }
        }
        for (category, us) in Category::ALL.into_iter().zip(us) {
            let expected = us / explanation.wall_us.max(1) as f64;
            prop_assert!((path.ratio(category) - expected).abs() < 1e-9, "{:?} {:?}", category, path);
        }
        let expected = llm_us / explanation.wall_us.max(1) as f64;
        prop_assert!((path.llm_ratio() - expected).abs() < 1e-9);
        let sum: f64 = Category::ALL.map(|category| path.ratio(category)).iter().sum();
        let whole = if explanation.wall_us == 0 { 0.0 } else { 1.0 };
        prop_assert!((sum - whole).abs() < 1e-9, "{}", sum);
    }

    #[test]
    fn a_longer_tail_changes_the_tail_alone(build in anything(), more in 1_u64..50) {
        let mut build = build;
        build.lines.retain(|line| !matches!(line, Line::End(_)));
        build.root(9, 0, 90);
        let end = |at_us| Line::End(End { at_us, produced_us: None, left_out: 0, lost: 0 });
        let mut longer = build.clone();
        build.line(end(120));
        longer.line(end(120 + more));
        let (before, after) = (explain(&build.profile()), explain(&longer.profile()));
        if after.wall_us != before.wall_us + more {
            // A server: its window ends with its last request.
            return Ok(());
        }
        for (category, (a, b)) in
            Category::ALL.into_iter().zip(times(&before).into_iter().zip(times(&after)))
        {
            let expected = if category == Category::Tail { a + more as f64 } else { a };
            prop_assert!((b - expected).abs() < 1e-6, "{:?}: {} {}", category, expected, b);
        }
    }
}
