//! What-if against the clock: runs that are recorded, predicted under other settings, and run
//! under those.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use tidegate_analysis::explain::explain;
use tidegate_analysis::profile::Profile;
use tidegate_client::what_if::{Prediction, WhatIf};
use tidegate_model::profile::{Cause, Source};

use crate::support::tidegate;

/// Runs `bench upload` with a profile, and reads both.
fn run(profile: &Path, arguments: &[&str]) -> (Value, Profile) {
    let path = profile.to_str().expect("a path");
    let base = ["bench", "upload", "--json", "--profile", path];
    let finished = tidegate(&[&base, arguments].concat()).success();
    let file = BufReader::new(File::open(profile).expect("a profile"));
    let figures = serde_json::from_str(&finished.stdout).expect("nothing but JSON on stdout");
    (figures, Profile::read(file).expect("a whole profile"))
}

fn predicted(profile: &Profile, change: &str) -> Prediction {
    let recorded = WhatIf::new(&profile.header, profile.lines()).expect("a recorded run");
    recorded.predict(&change.parse().expect("a change")).expect("a prediction")
}

/// Ids of what the analysis has found.
fn causes(profile: &Profile) -> Vec<&'static str> {
    explain(profile).diagnosis.iter().map(|finding| finding.cause.id()).collect()
}

/// How far a prediction is from a measured wall time, as a fraction.
fn off(prediction: &Prediction, measured: &Value) -> f64 {
    let wall = measured["wall_s"].as_f64().expect("a wall time");
    (prediction.wall_us as f64 / 1e6 / wall - 1.0).abs()
}

/// The seed workload.
#[test]
fn the_broken_run_replays_to_its_own_time_and_is_found_out() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("broken.jsonl");
    let (measured, profile) = run(&path, &["--strategy=serial-chunks", "--flush-every-task"]);
    let itself = predicted(&profile, "strategy=serial-chunks");
    assert!(off(&itself, &measured) <= 0.1, "{measured}\n{itself}");
    assert_eq!(measured["requests"], itself.requests);
    let causes = causes(&profile);
    assert!(
        ["serial_uploads", "flush_per_task"].iter().all(|id| causes.contains(id)),
        "{causes:?}"
    );
}

/// From a run that was recorded on a machine with nothing else to do: 440 rows whose cases took no
/// time, for which 0.47 s are the least over eight lanes. The healthy run took 0.476 to 0.478 s.
#[test]
fn the_recorded_broken_run_leads_to_the_time_that_was_measured() {
    let recorded = include_str!("../../../analysis/tests/fixtures/serial-chunks.jsonl");
    let profile = Profile::read(recorded.as_bytes()).expect("a profile");
    let healthy = predicted(&profile, "strategy=adaptive");
    assert!((470_000..485_000).contains(&healthy.wall_us), "{healthy}");
    assert_eq!((healthy.requests, healthy.overlapping_pairs), (8, 28), "{healthy}");
}

/// How long the healthy run takes must not hang on a processor that others need, too: the fixed
/// part of each request is so large that into how many rows are cut hardly matters.
#[test]
fn from_the_broken_run_the_time_of_the_healthy_one_is_predicted() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("profile.jsonl");
    let workload = ["--cases=12", "--base=1s", "--per-row=0.5ms"];
    let broken = ["--strategy=serial-chunks", "--flush-every-task"];
    let (measured, profile) = run(&path, &[&broken, &workload[..]].concat());
    let itself = predicted(&profile, "strategy=serial-chunks");
    assert!(off(&itself, &measured) <= 0.1, "{measured}\n{itself}");

    let healthy = predicted(&profile, "strategy=adaptive");
    let (measured, profile) = run(&path, &workload);
    assert!(off(&healthy, &measured) <= 0.1, "{measured}\n{healthy}");
    // And what this SDK has recorded of itself.
    let itself = predicted(&profile, "strategy=adaptive");
    assert!(off(&itself, &measured) <= 0.1, "{measured}\n{itself}");
}

#[test]
fn this_sdk_waits_for_the_server_alone() {
    let directory = TempDir::new().expect("a directory");
    let (_, profile) = run(&directory.path().join("adaptive.jsonl"), &["--strategy=adaptive"]);
    let causes = causes(&profile);
    assert!(matches!(causes[..], ["server_bound" | "healthy"]), "{causes:?}");
}

#[test]
fn batches_of_a_fixed_size_are_found_out() {
    let directory = TempDir::new().expect("a directory");
    let (_, profile) = run(&directory.path().join("fixed.jsonl"), &["--strategy=fixed-batches"]);
    assert_eq!(causes(&profile), ["small_batches"]);
    let itself = predicted(&profile, "strategy=fixed-batches");
    assert_eq!((itself.requests, itself.overlapping_pairs), (6, 10), "{itself}");
}

#[test]
fn the_profile_of_an_emulated_logger_is_whole() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("profile.jsonl");
    let quick = ["--base=20ms", "--per-row=0.1ms", "--cases=12", "--max-concurrency=3"];
    let serial = ["--strategy=serial-chunks", "--flush-every-task"];
    let (figures, profile) = run(&path, &[&serial, &quick[..]].concat());
    let header = &profile.header;
    assert_eq!(
        (header.source, header.strategy.as_deref()),
        (Source::Emulation, Some("serial-chunks"))
    );
    assert_eq!(
        (header.lanes, header.max_concurrency, header.max_rows),
        (Some(1), Some(3), Some(100))
    );
    assert!(header.started_unix_us > 0);
    assert_eq!(profile.spans.len(), 132);
    let roots: Vec<_> = profile.spans.iter().filter(|span| span.root).collect();
    assert_eq!(roots.len(), 12);
    let mut traces: Vec<_> = roots.iter().map(|root| root.trace).collect();
    traces.sort_unstable();
    assert_eq!(traces, (1..=12).collect::<Vec<_>>());
    let kind = |wanted: &str| {
        profile.spans.iter().filter(|span| profile.name_of(span.kind) == wanted).count()
    };
    assert_eq!((kind("eval"), kind("task"), kind("score"), kind("")), (12, 12, 12, 96));
    assert!(profile.spans.iter().all(|span| span.records == 2 && span.bytes > 500));
    // One of each case, and the one at the end.
    assert!(profile.waits.iter().all(|wait| wait.cause == Cause::Flush));
    assert_eq!(profile.waits.iter().filter(|wait| wait.trace.is_some()).count(), 12);
    assert_eq!(profile.waits.len(), 13);
    let sum = |of: fn(&tidegate_model::profile::Request) -> u64| {
        profile.requests.iter().map(of).sum::<u64>()
    };
    assert_eq!(figures["requests"], profile.requests.len());
    assert_eq!(figures["rows_sent"], sum(|request| request.rows.into()));
    assert_eq!(figures["bytes_sent"], sum(|request| request.bytes));
    for request in &profile.requests {
        let times = [request.queued_us, request.start_us, request.first_byte_us.expect("answered")];
        assert!(times.is_sorted() && times[2] <= request.end_us, "{request:?}");
        assert_eq!((request.lane, request.status), (0, Some(200)));
    }
    let last = profile.queue.last().expect("what is pending");
    assert_eq!((last.pending_bytes, last.in_flight), (0, 0));
    assert!(profile.queue.iter().any(|queue| queue.pending_bytes > 5_000));
    assert!(profile.cpu.len() >= 2 && profile.cpu.is_sorted_by_key(|cpu| cpu.at_us));
    let end = profile.end.expect("an end");
    let wall_us = figures["wall_s"].as_f64().expect("seconds") * 1e6;
    assert!((end.at_us as f64 - wall_us).abs() < 0.1 * wall_us, "{end:?} {figures}");
    assert!(end.produced_us.is_some_and(|produced| produced <= end.at_us));

    let (figures, profile) = run(&path, &[&["--strategy=fixed-batches"], &quick[..]].concat());
    assert_eq!((profile.header.lanes, profile.waits.len()), (None, 1));
    let mut lanes: Vec<_> = profile.requests.iter().map(|request| request.lane).collect();
    lanes.sort_unstable();
    lanes.dedup();
    assert_eq!(figures["peak_in_flight"], lanes.len());
}

#[test]
fn the_seed_table_writes_profiles_and_how_idle_the_processor_was() {
    let directory = TempDir::new().expect("a directory");
    let profiles = directory.path().join("made/for/it");
    let dir = profiles.to_str().expect("a path");
    let quick = ["--base=5ms", "--per-row=0ms", "--cases=8"];
    let table = ["bench", "upload", "--table=seed", "--profile-dir", dir];
    let finished = tidegate(&[&table, &quick[..]].concat()).success();
    for said in [
        "CPU idle",
        "89.0 % of 2.2 s",
        "97.1 % of 18.0 s",
        "93.6 % of 7.0 s",
        "(user + system time)",
    ] {
        assert!(finished.stdout.contains(said), "{said}: {}", finished.stdout);
    }
    let read = |name: &str| {
        let file = File::open(profiles.join(name)).expect(name);
        Profile::read(BufReader::new(file)).expect(name)
    };
    for (name, strategy) in [
        ("0.4.10.jsonl", "fixed-batches"),
        ("3.2.0.jsonl", "serial-chunks"),
        ("the-fix.jsonl", "fixed-batches"),
        ("tidegate.jsonl", "adaptive"),
    ] {
        let profile = read(name);
        assert_eq!(profile.header.strategy.as_deref(), Some(strategy), "{name}");
        assert_eq!(profile.spans.len(), 88, "{name}");
        assert!(profile.end.is_some() && !profile.cpu.is_empty(), "{name}");
    }
    assert_eq!(fs::read_dir(&profiles).expect("a directory").count(), 4);

    let wrong = tidegate(&["bench", "upload", "--table=overhead", "--profile-dir", dir]);
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
    assert!(wrong.stderr.contains("--profile-dir belongs to --table seed"), "{}", wrong.stderr);
    let file = profiles.join("0.4.10.jsonl");
    let below = file.join("x");
    let refused = tidegate(&[
        "bench",
        "upload",
        "--table=seed",
        "--profile-dir",
        below.to_str().expect("a path"),
    ]);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    assert!(refused.stderr.contains("hint: choose another --profile-dir"), "{}", refused.stderr);
}
