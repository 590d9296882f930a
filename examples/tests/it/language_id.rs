//! The main job: accuracy and comparison equal an independent count and diff.

use std::process::Command;

use tempfile::TempDir;

use crate::support::{command, finished, json, program, right, whatlang, whichlang};

#[test]
fn accuracy_and_comparison_equal_an_independent_count_and_diff() {
    let directory = TempDir::new().expect("a directory");
    let (before, after) = (right(whatlang), right(whichlang));
    assert!(before.len() >= 1_000, "inputs are unique, so none is lost in the map");
    let share = |right: &std::collections::BTreeMap<String, bool>| {
        right.values().filter(|right| **right).count() as f64 / right.len() as f64
    };

    let first = json(directory.path(), &[]);
    let score = &first["scores"]["exact_match"];
    assert_eq!(score["score"].as_f64(), Some(share(&before)));
    assert!(score.get("diff").is_none() && first["base"].is_null());
    assert_eq!(first["trials"], before.len());
    // A root, a task and a scorer span for each case.
    assert_eq!(first["receipt"]["rows"], before.len() * 3);
    assert_eq!(first["receipt"]["acknowledged"], first["receipt"]["accepted"]);
    assert_eq!(first["receipt"]["pending"], 0);

    let second = json(directory.path(), &["--detector", "whichlang"]);
    let improved = before.iter().filter(|(input, right)| !**right && after[*input]).count();
    let regressed = before.iter().filter(|(input, right)| **right && !after[*input]).count();
    assert!(improved > 0 && regressed > 0, "the detectors must differ in both directions");
    let score = &second["scores"]["exact_match"];
    assert_eq!(score["score"].as_f64(), Some(share(&after)));
    assert_eq!(score["improvements"], improved);
    assert_eq!(score["regressions"], regressed);
    let diff = score["diff"].as_f64().expect("a difference");
    assert!((diff - (share(&after) - share(&before))).abs() < 1e-12, "{diff}");
    assert_eq!(second["base"]["name"], "whatlang");
    // The same from the rows that were read back, and how sure it is.
    let paired = &second["comparisons"]["exact_match"];
    assert_eq!(
        (&paired["improved_cases"], &paired["regressed_cases"]),
        (&improved.into(), &regressed.into())
    );
    assert_eq!(paired["matched_cases"], before.len());
    assert!(paired["interval"]["lower"].as_f64() <= Some(diff), "{paired}");
    assert_eq!(second["warnings"], serde_json::json!([]));
}

#[test]
fn the_table_is_on_stdout_and_progress_on_stderr() {
    let directory = TempDir::new().expect("a directory");
    let finished = finished(&mut command(directory.path())).success();
    let expected = 100.0 * right(whatlang).values().filter(|right| **right).count() as f64
        / right(whatlang).len() as f64;
    assert!(finished.stdout.contains(&format!("{expected:.2} %")), "{}", finished.stdout);
    assert!(finished.stdout.contains("7500 rows recorded, nothing lost"), "{}", finished.stdout);
    assert!(!finished.stdout.contains('\u{1b}'), "no colours without a terminal");
    assert!(finished.stderr.contains("running"), "{}", finished.stderr);
}

#[test]
fn detectors_are_listed_one_per_line() {
    let listed = finished(Command::new(program()).arg("--list-detectors")).success();
    assert_eq!(listed.stdout, "whatlang\nwhatlang-24-chars\nwhichlang\n");
    let unknown = finished(Command::new(program()).args(["--detector", "none"]));
    assert_eq!(unknown.status.code(), Some(2));
    assert!(unknown.stderr.contains("known detectors: whatlang,"), "{}", unknown.stderr);
}
