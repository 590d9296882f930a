//! What `tidegate timeline` and `tidegate profile` export, in the programs that it is for: npm
//! `speedscope` 1.25.0 and SVG as an image, both in Chromium.
//!
//! Perfetto's importer is a binary that PyPI `perfetto` downloads when it is first used, so no lock
//! file can hold it. The trace is checked against a schema of the format instead, and for what
//! the importer asks of it beyond that.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use tidegate_testkit::{built_binary, run};

use crate::clients::{DEADLINE, browser, javascript, target};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/cli/tests/fixtures")
}

/// A fixture of the command, exported to a file of this name.
fn export(profile: &str, format: &str, file: &Path) {
    let mut tidegate = Command::new(built_binary());
    tidegate.arg("timeline").arg(fixtures().join("profiles").join(format!("{profile}.jsonl")));
    tidegate.args(["--format", format, "-o"]).arg(file);
    drop(run(&mut tidegate, DEADLINE).success());
}

fn json(file: &Path) -> Value {
    let text = fs::read_to_string(file).expect("a file");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {}", file.display()))
}

/// What a program of `e2e/js` prints in Chromium.
fn shown(program: &str, file: &Path) -> Value {
    let _one = browser();
    let finished = run(javascript("speedscope", program).arg(file), DEADLINE).success();
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished:#?}"))
}

/// Names in speedscope's list of profiles; the file is valid by its own schema, and opening it
/// gives no error.
fn opened(file: &Path) -> Vec<(String, String)> {
    let schema = "js-speedscope/node_modules/speedscope/dist/release/file-format-schema.json";
    let schema = json(&target().join(schema));
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    if let Err(error) = validator.validate(&json(file)) {
        panic!("{error} at {}", error.instance_path());
    }
    let shown = shown("speedscope.mjs", file);
    assert_eq!(shown["errors"].as_array().map(Vec::len), Some(0), "{shown:#}");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let profiles = shown["profiles"].as_array().expect("an array");
    profiles.iter().map(|profile| (text(&profile["name"]), text(&profile["weight"]))).collect()
}

#[test]
fn speedscope_lists_lanes_and_slots() {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("run.speedscope.json");
    export("parallel", "speedscope", &file);
    let profiles = opened(&file);
    let lanes = (0..8).map(|number| format!("upload lane {number}"));
    let slots = (0..4).map(|number| format!("task slot {number}"));
    let wanted: Vec<String> = lanes.chain(slots).chain(["waits between cases".into()]).collect();
    let names: Vec<&String> = profiles.iter().map(|(name, _)| name).collect();
    assert_eq!(names, wanted.iter().collect::<Vec<_>>());
    // The time of its one request.
    assert_eq!(profiles[0].1, "299.87ms");

    export("busy", "speedscope", &file);
    let names: Vec<String> = opened(&file).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.iter().filter(|name| name.starts_with("upload lane ")).count(), 8);
}

#[test]
fn speedscope_opens_samples_beside_the_lanes_of_their_run() {
    let directory = TempDir::new().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    // A stand-in for perf, since not every machine lets one record.
    fs::copy(fixtures().join("perf.sh"), path("perf")).expect("copied");
    fs::copy(fixtures().join("perf-script.txt"), path("samples")).expect("copied");
    let writer = "import sys, time; lines = open(sys.argv[1]).read(); \
                  lines = lines.replace('1764000000000000', str(time.time_ns() // 1000), 1); \
                  open(sys.argv[3], 'w').write(lines)";
    let file = path("cpu.speedscope.json");
    let mut tidegate = Command::new(built_binary());
    let search = std::env::join_paths([directory.path(), Path::new("/usr/bin"), Path::new("/bin")]);
    tidegate.env("PATH", search.expect("a path")).args(["profile", "-o"]).arg(&file);
    tidegate.args(["--", "python3", "-c", writer]).arg(fixtures().join("profiles/parallel.jsonl"));
    let finished = run(tidegate.arg("--profile").arg(path("run.jsonl")), DEADLINE).success();
    assert!(!finished.stderr.contains("warning"), "{}", finished.stderr);
    let profiles = opened(&file);
    let weights: Vec<(&str, &str)> =
        profiles.iter().take(4).map(|(name, weight)| (name.as_str(), weight.as_str())).collect();
    let wanted = [
        ("tokio-rt-worker 20369 (CPU)", "8.02ms"),
        ("tidegate-upload 20375 (CPU)", "4.01ms"),
        ("tidegate 20367 (CPU)", "4.01ms"),
        ("upload lane 0", "299.87ms"),
    ];
    assert_eq!(weights, wanted);
    assert_eq!(profiles.len(), 3 + 8 + 4 + 1);
}

#[test]
fn browsers_show_the_picture_in_light_and_dark() {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("run.svg");
    for profile in ["serial", "parallel", "busy"] {
        export(profile, "svg", &file);
        let shown = shown("picture.mjs", &file);
        let (light, dark) = (&shown["light"], &shown["dark"]);
        assert_eq!(light["width"], 960);
        assert_eq!(light["height"], dark["height"]);
        assert_eq!(light["ground"], serde_json::json!([255, 255, 255]));
        assert_eq!(dark["ground"], serde_json::json!([13, 17, 23]));
        // Bars, curves and letters, not an empty card.
        let colors = [light, dark].map(|shown| shown["colors"].as_u64().expect("a number"));
        assert!(colors.iter().all(|colors| *colors > 50), "{shown:#}");
    }
}

/// The parts of Chrome's trace event format that we write.
const TRACE_SCHEMA: &str = include_str!("../../trace-event.schema.json");

#[test]
fn traces_for_perfetto_follow_the_trace_event_format() {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("run.perfetto.json");
    let schema = serde_json::from_str(TRACE_SCHEMA).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for profile in ["serial", "parallel", "busy"] {
        export(profile, "perfetto", &file);
        let trace = json(&file);
        if let Err(error) = validator.validate(&trace) {
            panic!("{profile}: {error} at {}", error.instance_path());
        }
        check_trace(trace["traceEvents"].as_array().expect("an array"));
    }
}

/// What no schema says: threads have names, and what lies on one is nested; otherwise the importer
/// drops it.
fn check_trace(events: &[Value]) {
    let of =
        |phase: &str| events.iter().filter(move |event| event["ph"] == phase).collect::<Vec<_>>();
    let key = |event: &Value| (event["pid"].as_u64(), event["tid"].as_u64());
    let named: Vec<_> =
        of("M").into_iter().filter(|meta| meta["name"] == "thread_name").map(key).collect();
    let mut open: std::collections::BTreeMap<_, Vec<u64>> = std::collections::BTreeMap::new();
    let slices = of("X");
    assert!(!slices.is_empty());
    for slice in slices {
        assert!(named.contains(&key(slice)), "{slice:#}");
        let number = |name: &str| slice[name].as_u64().expect("a number");
        let (start, end) = (number("ts"), number("ts") + number("dur"));
        let ends = open.entry(key(slice)).or_default();
        while ends.pop_if(|open| *open <= start).is_some() {}
        assert!(ends.last().is_none_or(|open| end <= *open), "{slice:#} sticks out");
        ends.push(end);
    }
    let counters = of("C");
    for name in ["pending bytes", "in flight"] {
        let mut values = counters.iter().filter(|counter| counter["name"] == name).peekable();
        assert!(values.peek().is_some(), "no counter {name}");
        assert!(
            values.all(|counter| counter["args"].as_object().is_some_and(|args| args.len() == 1))
        );
    }
}
