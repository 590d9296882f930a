//! What is found in runs of known shape, and what is not.

use tidegate_analysis::explain::{Cause, Explanation, Finding, explain};
use tidegate_analysis::export::{perfetto, speedscope};
use tidegate_model::profile::{Cause as Waits, Cpu, Line, Queue, Request, Source};

use crate::build::{Build, MS, request, span};
use crate::emulate::{FIXED_US, Logger, PER_ROW_US, SEED};

fn causes(explanation: &Explanation) -> Vec<Cause> {
    explanation.diagnosis.iter().map(|finding| finding.cause).collect()
}

fn found(build: &Build) -> Vec<Cause> {
    causes(&explain(&build.profile()))
}

fn figure(finding: &Finding, name: &str) -> f64 {
    let figure = finding.evidence.iter().find(|figure| figure.name == name);
    figure.unwrap_or_else(|| panic!("no {name} in {finding:?}")).value
}

/// As if a server had watched: requests alone, queued when they came.
fn from_the_server(build: &Build) -> Build {
    let mut seen = Build::new(Source::Server);
    for line in &build.lines {
        if let Line::Request(request) = line {
            let request = Request { queued_us: request.start_us, ..*request };
            seen.line(Line::Request(request));
        }
    }
    seen
}

const SERIAL: Logger = Logger { chunk: Some(25), flush_every_task: true, ..SEED };

/// This SDK, of the published workload: everything in one round over all lanes.
fn adaptive(first_us: u64, produced_us: u64) -> Build {
    let mut build = Build::sdk();
    (build.header.lanes, build.header.max_concurrency) = (Some(8), Some(4));
    (build.header.budget_bytes, build.header.max_request_bytes) =
        (Some(10_485_760), Some(6_291_456));
    for case in 0..40 {
        let start = case / 4 * (produced_us / 10);
        build.root(case + 1, start, start + produced_us / 10);
        build.span(case + 1, "task", start, start + produced_us / 10);
    }
    // The first burst is taken for the end of one; then the flush sends the rest.
    let took = |rows: u64| FIXED_US + PER_ROW_US * rows;
    build.request(20, 0, first_us, first_us + took(20));
    for _ in 0..7 {
        build.request(60, first_us, produced_us, produced_us + took(60));
    }
    let end = produced_us + took(60) + 5 * MS;
    build.wait(Waits::Flush, None, produced_us, end);
    build.end(end, Some(produced_us));
    build
}

#[test]
fn serial_chunks_with_a_flush_per_task_are_both() {
    let explanation = explain(&SERIAL.run().profile());
    let uploads = explanation.shape.uploads;
    assert_eq!((uploads.requests, uploads.overlapping_pairs), (50, 0), "as was published");
    assert_eq!(causes(&explanation), [Cause::FlushPerTask, Cause::SerialUploads]);
    let [flush, serial] = &explanation.diagnosis[..] else { panic!("two") };
    assert!(flush.wall_ratio > 0.85 && serial.wall_ratio > 0.75, "{flush:?} {serial:?}");
    // Those of the last four cases belong to the tail.
    assert_eq!(figure(flush, "flush_waits_per_case"), 0.9);
    assert_eq!(figure(serial, "overlapping_pairs"), 0.0);
    assert!(flush.advice.contains("BRAINTRUST_FLUSH_BACKPRESSURE_BYTES"));
    assert!(serial.advice.contains("in parallel"));
}

#[test]
fn serial_chunks_alone_are_serial() {
    let causes = found(&Logger { flush_every_task: false, ..SERIAL }.run());
    assert_eq!(causes[0], Cause::SerialUploads);
    assert!(!causes.contains(&Cause::FlushPerTask), "{causes:?}");
}

#[test]
fn a_flush_per_task_is_none_of_the_batches_faults() {
    // Everything at once and in parallel, but each task waits for it.
    let causes = found(&Logger { flush_every_task: true, ..SEED }.run());
    assert_eq!(causes, [Cause::FlushPerTask]);
}

#[test]
fn fixed_batches_are_small_batches_alone() {
    let explanation = explain(&SEED.run().profile());
    let uploads = explanation.shape.uploads;
    assert_eq!((uploads.requests, uploads.overlapping_pairs), (6, 10), "as was published");
    assert_eq!(causes(&explanation), [Cause::SmallBatches]);
    let small = &explanation.diagnosis[0];
    assert!((figure(small, "rounds") - 2.0).abs() < 0.1, "{small:?}");
    assert_eq!(figure(small, "rounds_needed"), 1.0);
    assert!((figure(small, "fixed_us_at_least") - 250e3).abs() < 1.0);
    assert!((figure(small, "per_row_us") - 4e3).abs() < 1.0);
    assert!(small.advice.contains("capped at 100 rows"), "{}", small.advice);
}

#[test]
fn a_budget_that_is_too_small_makes_small_batches() {
    let mut build = adaptive(20 * MS, 40 * MS);
    build.lines.retain(|line| !matches!(line, Line::End(_) | Line::Request(_)));
    build.header.budget_bytes = Some(50_000);
    let mut at = 20 * MS;
    for rows in [11, 9].into_iter().cycle().take(44) {
        let end = at + FIXED_US + PER_ROW_US * rows;
        build.request(rows as u32, 0, at, end);
        // Two at a time.
        build.request(rows as u32, 0, at, end);
        at = end + MS;
    }
    build.end(at, Some(40 * MS));
    let explanation = explain(&build.profile());
    assert_eq!(causes(&explanation), [Cause::SmallBatches]);
    assert!((figure(&explanation.diagnosis[0], "rounds") - 44.0).abs() < 0.1);
    assert!(explanation.diagnosis[0].advice.contains("50000 bytes"));
}

#[test]
fn rounds_that_the_bytes_need_are_no_fault() {
    let mut build = Build::sdk();
    build.root(1, 0, 10 * MS);
    // 100 MB through a budget of 10 MiB.
    for round in 0..10 {
        for lane in 0..8 {
            let start = 10 * MS + round * 260 * MS;
            let end = start + 250 * MS + lane * MS;
            let mut request =
                request(round * 8 + lane, lane as u32, 1_000 + lane as u32, start, end);
            (request.bytes, request.queued_us) = (1_310_720, start);
            build.line(Line::Request(request));
        }
    }
    build.end(2_615 * MS, Some(10 * MS));
    assert_eq!(found(&build), [Cause::ServerBound]);
}

#[test]
fn rounds_of_one_size_do_not_tell_what_they_cost() {
    let mut build = Build::sdk();
    build.root(1, 0, 10 * MS);
    for round in 0..10 {
        for lane in 0..8 {
            let start = 10 * MS + round * 210 * MS;
            build.request(50, 0, start, start + (200 + lane) * MS);
        }
    }
    build.end(2_110 * MS, Some(10 * MS));
    // It may all be the time of rows, which larger requests would not save.
    assert_eq!(found(&build), [Cause::ServerBound]);
}

#[test]
fn one_round_over_all_lanes_is_bound_by_the_server() {
    for (first, produced) in [(5, 10), (25, 60), (25, 150)] {
        let explanation = explain(&adaptive(first * MS, produced * MS).profile());
        assert_eq!(causes(&explanation), [Cause::ServerBound], "{first} {produced}");
        let server = &explanation.diagnosis[0];
        assert_eq!(figure(server, "peak_in_flight"), 8.0);
        assert!((figure(server, "fixed_us") - 250e3).abs() < 1.0);
    }
    // The same rows at the end of tasks that take five seconds.
    assert_eq!(found(&adaptive(4_500 * MS, 5_000 * MS)), [Cause::Healthy]);
}

#[test]
fn what_a_server_sees_tells_serial_from_parallel() {
    let serial = explain(&from_the_server(&SERIAL.run()).profile());
    assert_eq!(serial.shape.uploads.overlapping_pairs, 0);
    assert!(causes(&serial).contains(&Cause::SerialUploads), "{:?}", serial.diagnosis);
    let fixed = explain(&from_the_server(&SEED.run()).profile());
    assert_eq!(fixed.shape.uploads.overlapping_pairs, 10);
    assert_eq!(causes(&fixed), [Cause::SmallBatches]);
}

#[test]
fn requests_that_are_far_apart_are_not_serial() {
    let mut build = Build::new(Source::Server);
    for minute in 0..20 {
        let start = minute * 60_000 * MS;
        build.request(3, start, start, start + 262 * MS);
    }
    assert_eq!(found(&build), [Cause::Healthy]);
}

/// Forty cases of 200 ms, four at once, whose uploads run beside them.
fn working(kind: &'static str, cores_percent: u64) -> Build {
    let mut build = Build::sdk();
    (build.header.cpus, build.header.max_concurrency) = (Some(2), Some(4));
    for case in 0..40 {
        let start = case / 4 * 200 * MS;
        build.root(case + 1, start, start + 200 * MS);
        build.span(case + 1, "task", start, start + 20 * MS);
        build.span(case + 1, kind, start + 20 * MS, start + 195 * MS);
        if kind == "llm" {
            build.span(case + 1, "task", start, start + 195 * MS);
        }
    }
    for round in 0..8 {
        // One after another, while rows of later ones wait, but nobody waits for them.
        let start = 10 * MS + round * 250 * MS;
        build.request(40 + round as u32, 0, start, start + 240 * MS);
    }
    build.end(2_050 * MS, Some(2_000 * MS));
    build.cpu(2_050 * MS, 2_050 * MS * cores_percent / 100);
    build
}

#[test]
fn tasks_that_wait_for_a_model_are_bound_by_it() {
    let explanation = explain(&working("llm", 5).profile());
    assert_eq!(causes(&explanation), [Cause::ProviderBound]);
    let provider = &explanation.diagnosis[0];
    assert!(figure(provider, "llm_ratio") > 0.8, "{provider:?}");
    assert!(provider.advice.contains("max_concurrency (4 here)"), "{}", provider.advice);
    assert!(provider.advice.contains("spans of type llm"));
    // Without a measurement the spans are evidence enough.
    let mut build = working("llm", 5);
    build.lines.retain(|line| !matches!(line, Line::Cpu(_)));
    assert_eq!(found(&build), [Cause::ProviderBound]);
}

#[test]
fn tasks_that_wait_for_something_unnamed_are_too() {
    let explanation = explain(&working("tool", 5).profile());
    assert_eq!(causes(&explanation), [Cause::ProviderBound]);
    assert!(explanation.diagnosis[0].advice.contains("no llm span"));
}

#[test]
fn scorers_that_compute_are_bound_by_the_processor() {
    for percent in [190, 100, 60] {
        let explanation = explain(&working("score", percent).profile());
        assert_eq!(causes(&explanation), [Cause::CpuBound], "{percent} %");
        assert!(explanation.diagnosis[0].advice.starts_with("Scorers compute"));
    }
    let single = explain(&working("score", 100).profile());
    assert!(single.diagnosis[0].advice.contains("spawn_blocking"));
    // A model inside of the process: the spans say llm, the processors are all busy.
    assert_eq!(found(&working("llm", 190)), [Cause::CpuBound]);
}

#[test]
fn failures_that_hold_the_run_up_are_retries() {
    let mut build = Build::sdk();
    build.root(1, 0, 10 * MS);
    for lane in 0..4 {
        build.request(50 + lane, 0, 10 * MS, 460 * MS);
    }
    build.answer(60, 0, 10 * MS, 100 * MS, Some(503));
    let again = Request { attempt: 1, queued_us: 0, ..request(6, 4, 60, 500 * MS, 990 * MS) };
    build.line(Line::Request(again));
    build.end(990 * MS, Some(10 * MS));
    let explanation = explain(&build.profile());
    assert_eq!(causes(&explanation), [Cause::Retries]);
    let retries = &explanation.diagnosis[0];
    // From the last good answer on: the rest of the pause, and the repeat.
    assert_eq!(figure(retries, "lost_us"), 530e3);
    assert_eq!((figure(retries, "failed_requests"), figure(retries, "retries")), (1.0, 1.0));
    assert_eq!(figure(retries, "most_frequent_status"), 503.0);
}

#[test]
fn pauses_after_failures_count_and_frequent_failures_too() {
    let mut build = Build::sdk();
    build.root(1, 0, 10 * MS);
    build.answer(60, 0, 10 * MS, 20 * MS, Some(429));
    let again = Request { attempt: 1, ..request(2, 0, 60, 120 * MS, 200 * MS) };
    build.line(Line::Request(again));
    build.end(1_000 * MS, Some(10 * MS));
    let explanation = explain(&build.profile());
    assert_eq!(causes(&explanation), [Cause::Retries]);
    assert_eq!(figure(&explanation.diagnosis[0], "lost_us"), 190e3, "both, and the pause");
    assert!(explanation.diagnosis[0].advice.contains("limits the rate"));

    // Hidden behind running tasks, but two of ten.
    let mut build = working("llm", 5);
    for start in [100, 400] {
        build.answer(10, 0, start * MS, (start + 5) * MS, None);
    }
    let explanation = explain(&build.profile());
    assert_eq!(causes(&explanation), [Cause::ProviderBound, Cause::Retries]);
    assert!(explanation.diagnosis[1].advice.contains("without an answer"));
}

#[test]
fn waiting_at_the_gate_counts_as_waiting_for_uploads() {
    let mut build = Build::sdk();
    build.line(span(1, true, "eval", 0, 2_000 * MS));
    build.wait(Waits::Gate, Some(1), 10 * MS, 2_000 * MS);
    for round in 0..7 {
        // Serial, while producers wait.
        let start = 10 * MS + round * 280 * MS;
        build.request(5 + round as u32, 0, start, start + 275 * MS);
    }
    build.end(2_000 * MS, Some(2_000 * MS));
    let explanation = explain(&build.profile());
    assert_eq!(causes(&explanation)[0], Cause::SerialUploads);
    // The same requests beside a running case are nobody's concern.
    build.lines.retain(|line| !matches!(line, Line::Wait(_)));
    assert_eq!(found(&build), [Cause::Healthy]);
}

#[test]
fn the_only_lane_of_this_sdk_is_named() {
    let mut build = Logger { flush_every_task: false, ..SERIAL }.run();
    build.header.lanes = Some(1);
    let advice = |build: &Build| explain(&build.profile()).diagnosis[0].advice.clone();
    // An emulated logger has no such setting.
    assert!(!advice(&build).contains("is 1"));
    build.header.source = Source::Sdk;
    assert!(advice(&build).contains("BRAINTRUST_MAX_CONCURRENT_LOG_REQUESTS is 1"));
}

#[test]
fn numbers_at_the_ends_of_their_range_are_survived() {
    for source in [Source::Sdk, Source::Server] {
        let mut build = Build::new(source);
        for trace in [1, u64::MAX] {
            build.root(trace, 0, u64::MAX);
            build.span(trace, "llm", u64::MAX, u64::MAX);
            build.wait(Waits::Gate, None, 0, u64::MAX);
            build.wait(Waits::Flush, Some(trace), 1, u64::MAX);
        }
        for lane in [0, u32::MAX, u32::MAX] {
            let (attempt, bytes, sent_bytes) = (lane, u64::MAX, u64::MAX);
            let wild = request(u64::MAX, lane, u32::MAX, 0, u64::MAX);
            build.line(Line::Request(Request { attempt, bytes, sent_bytes, ..wild }));
        }
        build.line(Line::Cpu(Cpu { at_us: 1, user_us: u64::MAX, system_us: u64::MAX }));
        build.line(Line::Queue(Queue { at_us: 0, pending_bytes: u64::MAX, in_flight: u32::MAX }));
        build.end(0, Some(u64::MAX));
        let profile = build.profile();
        let json = serde_json::to_string(&explain(&profile)).expect("JSON");
        assert!(!json.contains("null,\"unit"), "every figure is a number: {json}");
        speedscope::write(&profile, std::io::sink()).expect("written");
        perfetto::write(&profile, std::io::sink()).expect("written");
    }
}

#[test]
fn every_cause_has_an_id_and_advice() {
    let ids: std::collections::BTreeSet<_> = Cause::ALL.iter().map(|cause| cause.id()).collect();
    assert_eq!(ids.len(), 8);
    for cause in Cause::ALL {
        assert_eq!(serde_json::to_value(cause).expect("JSON"), cause.id());
    }
    let table = include_str!("../../../../docs/diagnosis.md");
    for id in ids {
        assert!(table.contains(&format!("`{id}`")), "docs/diagnosis.md has no {id}");
    }
}
