//! What is written for other viewers, read back as JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};

use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate_analysis::export::{Size, perfetto, speedscope};
use tidegate_analysis::profile::Profile;
use tidegate_model::profile::{Cause, Cpu, Line, Queue, Source};

use crate::build::{Build, anything, request};

fn speedscope(profile: &Profile) -> Value {
    let mut out = Vec::new();
    speedscope::write(profile, &mut out).expect("written");
    serde_json::from_slice(&out).expect("JSON")
}

fn perfetto(profile: &Profile) -> Vec<Value> {
    let mut out = Vec::new();
    perfetto::write(profile, &mut out).expect("written");
    let mut trace: Value = serde_json::from_slice(&out).expect("JSON");
    serde_json::from_value(trace["traceEvents"].take()).expect("a list")
}

fn demo() -> Build {
    let mut build = Build::sdk();
    build.root(1, 0, 500);
    build.span(1, "task", 10, 300);
    build.root(2, 20, 400);
    build.span(2, "task", 20, 300);
    build.wait(Cause::Gate, Some(2), 100, 200);
    build.line(Line::Request(request(1, 0, 100, 50, 450)));
    build.line(Line::Request(request(2, 1, 1, 60, 310)));
    build.line(Line::Queue(Queue { at_us: 50, pending_bytes: 50_500, in_flight: 2 }));
    build.line(Line::Cpu(Cpu { at_us: 500, user_us: 200, system_us: 50 }));
    build.end(600, Some(500));
    build
}

#[test]
fn speedscope_gets_a_profile_per_lane_and_per_slot() {
    let written = speedscope(&demo().profile());
    assert_eq!(written["$schema"], "https://www.speedscope.app/file-format-schema.json");
    assert_eq!(written["name"], "made");
    let profiles = written["profiles"].as_array().expect("a list");
    let names: Vec<_> = profiles.iter().map(|profile| &profile["name"]).collect();
    assert_eq!(names, ["upload lane 0", "upload lane 1", "task slot 0", "task slot 1"]);
    for profile in profiles {
        assert_eq!(profile["type"], "evented");
        assert_eq!(profile["unit"], "microseconds");
        assert_eq!((&profile["startValue"], &profile["endValue"]), (&json!(0), &json!(600)));
    }
    let frames = written["shared"]["frames"].as_array().expect("a list");
    let frames: Vec<_> = frames.iter().map(|frame| &frame["name"]).collect();
    let requests = ["#1 100 rows 50.0 KB 200", "#2 1 row 500 B 200"];
    let waits = ["waits at the gate", "waits for a flush"];
    assert_eq!(frames, ["eval", "task", waits[0], waits[1], requests[0], requests[1]]);
    let event = |kind: &str, frame: u64, at: u64| json!({"type": kind, "frame": frame, "at": at});
    let waiting = [
        event("O", 0, 20),
        event("O", 1, 20),
        event("O", 2, 100),
        event("C", 2, 200),
        event("C", 1, 300),
        event("C", 0, 400),
    ];
    assert_eq!(profiles[3]["events"], Value::from(waiting.to_vec()));
    assert_eq!(profiles[1]["events"], json!([event("O", 5, 60), event("C", 5, 310)]));
}

#[test]
fn an_empty_profile_can_be_opened() {
    let written = speedscope(&Profile::default());
    assert_eq!(written["profiles"][0]["name"], "upload lane 0");
    assert_eq!(written["shared"]["frames"], json!([]));
    assert!(perfetto(&Profile::default()).iter().all(|event| event["ph"] == "M"));
}

#[test]
fn perfetto_gets_threads_and_counters() {
    let events = perfetto(&demo().profile());
    let of = |phase: &str| events.iter().filter(|e| e["ph"] == phase).cloned().collect::<Vec<_>>();
    let threads: Vec<_> = events
        .iter()
        .filter(|event| event["name"] == "thread_name")
        .map(|e| &e["args"]["name"])
        .collect();
    assert_eq!(threads, ["upload lane 0", "upload lane 1", "task slot 0", "task slot 1"]);
    let complete = of("X");
    assert_eq!(complete.len(), 7);
    let gate = complete.iter().find(|event| event["name"] == "waits at the gate").expect("a wait");
    assert_eq!(
        (&gate["ts"], &gate["dur"], &gate["args"]["trace"]),
        (&json!(100), &json!(100), &json!(2))
    );
    let upload = &complete[0];
    assert_eq!((&upload["cat"], &upload["pid"]), (&json!("upload"), &json!(2)));
    assert_eq!(upload["name"], "#1 100 rows 50.0 KB 200");
    assert_eq!(
        (&upload["args"]["bytes"], &upload["args"]["status"]),
        (&json!(50_000), &json!(200))
    );
    assert_eq!(upload["args"].get("first_byte_us"), None, "there was none");
    let counters: Vec<_> = of("C")
        .into_iter()
        .map(|e| (e["name"].clone(), e["ts"].clone(), e["args"].clone()))
        .collect();
    let expected = [
        (json!("pending bytes"), json!(50), json!({"bytes": 50_500})),
        (json!("in flight"), json!(50), json!({"requests": 2})),
        (json!("cores used"), json!(0), json!({"cores": 0.5})),
    ];
    assert_eq!(counters, expected);
}

#[test]
fn requests_in_flight_are_counted_where_nobody_has_sampled_them() {
    let mut build = Build::new(Source::Server);
    for (number, (start, end)) in (1..).zip([(10, 30), (20, 40), (40, 50)]) {
        build.line(Line::Request(request(number, 0, 1, start, end)));
    }
    let events = perfetto(&build.profile());
    let counts = events.iter().filter(|event| event["ph"] == "C");
    let counts: Vec<_> =
        counts.map(|e| (e["ts"].as_u64(), e["args"]["requests"].as_i64())).collect();
    let expected = [(10, 1), (20, 2), (30, 1), (40, 1), (50, 0)];
    assert_eq!(counts, expected.map(|(at, count)| (Some(at), Some(count))));
    assert_eq!(speedscope(&build.profile())["profiles"][0]["startValue"], 10);
}

#[test]
fn names_are_escaped_and_sizes_rounded() {
    let mut build = Build::sdk();
    build.header.name = "a \"quoted\"\nname".into();
    build.root(1, 0, 10);
    assert_eq!(speedscope(&build.profile())["name"], "a \"quoted\"\nname");
    let sizes =
        [999, 1_000, 999_949, 999_950, 3_145_728, 20_000_000_000].map(|b| Size(b).to_string());
    assert_eq!(sizes, ["999 B", "1.0 KB", "999.9 KB", "1.0 MB", "3.1 MB", "20.0 GB"]);
}

#[test]
fn a_full_disk_is_reported() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let profile = demo().profile();
    let errors = [speedscope::write(&profile, Full), perfetto::write(&profile, Full)];
    for error in errors {
        assert_eq!(error.expect_err("full").kind(), io::ErrorKind::StorageFull);
    }
}

proptest! {
    #[test]
    fn every_frame_that_opens_closes_in_order_and_in_bounds(build in anything()) {
        let profile = build.profile();
        let written = speedscope(&profile);
        let frames = written["shared"]["frames"].as_array().expect("a list").len() as u64;
        let mut opened = 0;
        for track in written["profiles"].as_array().expect("a list") {
            let (mut open, mut before) = (Vec::new(), track["startValue"].as_u64().expect("start"));
            for event in track["events"].as_array().expect("a list") {
                let at = event["at"].as_u64().expect("a time");
                prop_assert!(at >= before);
                before = at;
                let frame = event["frame"].as_u64().expect("a frame");
                prop_assert!(frame < frames);
                if event["type"] == "O" {
                    open.push(frame);
                    opened += 1;
                } else {
                    prop_assert_eq!(open.pop(), Some(frame));
                }
            }
            prop_assert!(open.is_empty());
            prop_assert!(before <= track["endValue"].as_u64().expect("end"));
        }
        let all = profile.spans.len() + profile.waits.len() + profile.requests.len();
        prop_assert_eq!(opened, all);
    }

    #[test]
    fn complete_events_of_a_thread_nest(build in anything()) {
        let profile = build.profile();
        let mut threads: BTreeMap<(u64, u64), Vec<(u64, u64)>> = BTreeMap::new();
        for event in perfetto(&profile).iter().filter(|event| event["ph"] == "X") {
            let number = |name: &str| event[name].as_u64().expect("a number");
            let start = number("ts");
            let thread = threads.entry((number("pid"), number("tid"))).or_default();
            thread.push((start, start + number("dur")));
        }
        for items in threads.values() {
            for (position, a) in items.iter().enumerate() {
                for b in &items[position + 1..] {
                    prop_assert!(b.0 >= a.1 || (b.0 >= a.0 && b.1 <= a.1), "{:?} {:?}", a, b);
                }
            }
        }
        let all = profile.spans.len() + profile.waits.len() + profile.requests.len();
        prop_assert_eq!(threads.values().map(Vec::len).sum::<usize>(), all);
    }
}
