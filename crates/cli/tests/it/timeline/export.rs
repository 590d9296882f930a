//! What programs read, and where it goes.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::{fixture, of_fixture, timeline};

fn json(name: &str, format: &str) -> Value {
    serde_json::from_str(&of_fixture(name, &["--format", format])).expect("JSON")
}

#[test]
fn json_has_the_explanation_and_all_requests() {
    let answer = json("serial", "json");
    let requests = answer["requests"].as_array().expect("an array");
    assert_eq!(requests.len(), 8);
    assert_eq!((&requests[0]["rows"], &requests[0]["status"]), (&12.into(), &200.into()));
    assert_eq!(answer["shape"]["overlapping_pairs"], 0);
    assert_eq!(answer["wall_us"], 2_463_460);
    assert_eq!(answer["strategy"], "serial-chunks");
    for finding in answer["diagnosis"].as_array().expect("an array") {
        assert!(finding["cause"].is_string() && finding["advice"].is_string(), "{finding:#}");
        assert!(finding["evidence"].is_array(), "{finding:#}");
    }
}

#[test]
fn exports_carry_lanes_and_slots() {
    let speedscope = json("parallel", "speedscope");
    let names: Vec<_> = speedscope["profiles"]
        .as_array()
        .expect("an array")
        .iter()
        .map(|profile| profile["name"].as_str().expect("a name"))
        .collect();
    assert!(names.contains(&"upload lane 7") && names.contains(&"task slot 3"), "{names:?}");
    let perfetto = json("parallel", "perfetto");
    let events = perfetto["traceEvents"].as_array().expect("an array");
    let counters = events.iter().filter(|event| event["ph"] == "C");
    assert!(counters.count() > 8, "{perfetto}");
}

#[test]
fn a_file_appears_complete_and_replaces_nothing_on_failure() {
    let directory = TempDir::new().expect("a directory");
    let out = directory.path().join("run.svg");
    let (file, path) = (fixture("serial"), out.to_str().expect("UTF-8"));
    let arguments = [file.to_str().expect("UTF-8"), "--format", "svg", "-o", path];
    let finished = timeline(&arguments).success();
    assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("", ""));
    let svg = fs::read_to_string(&out).expect("a file");
    assert_eq!(svg, of_fixture("serial", &["--format", "svg"]));

    let broken = directory.path().join("broken.jsonl");
    fs::write(&broken, "no profile\n").expect("written");
    let failed = timeline(&[broken.to_str().expect("UTF-8"), "--format", "svg", "-o", path]);
    assert_eq!(failed.status.code(), Some(3));
    assert_eq!(fs::read_to_string(&out).expect("as before"), svg);
    // And no half file beside it.
    let left: Vec<_> = fs::read_dir(directory.path()).expect("readable").collect();
    assert_eq!(left.len(), 2, "{left:?}");
}
