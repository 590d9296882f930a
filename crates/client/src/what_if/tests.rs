//! Replays of recordings made up here, so that the answer is known.

use proptest::prelude::*;
use tidegate_model::profile::{Cause, End, Header, Line, Request, Source, Span, Wait};

use super::{Prediction, WhatIf, WhatIfError};

const MS: u64 = 1_000;
const ROW_BYTES: u64 = 600;
/// Cases at once in the recordings.
const SLOTS: u64 = 4;

fn header(strategy: &'static str, max_concurrency: Option<u32>) -> Header<'static> {
    Header {
        name: "made up".into(),
        source: Source::Emulation,
        strategy: Some(strategy.into()),
        max_concurrency,
        ..Header::default()
    }
}

/// What the recorded server took.
fn took_us(rows: u64) -> u64 {
    250 * MS + 4 * MS * rows
}

#[derive(Debug, Clone, Default)]
struct Lines(Vec<Line<'static>>);

impl Lines {
    fn span(&mut self, trace: u64, kind: &'static str, start_us: u64, end_us: u64) {
        self.0.push(Line::Span(Span {
            trace,
            root: kind == "eval",
            kind: kind.into(),
            name: "step".into(),
            start_us,
            end_us,
            records: 2,
            bytes: ROW_BYTES,
        }));
    }

    /// A case of 11 spans: root, task, eight steps within it, scorer.
    fn case(&mut self, trace: u64, start_us: u64, task_us: u64) -> u64 {
        self.case_of(8, trace, start_us, task_us)
    }

    fn case_of(&mut self, steps: u64, trace: u64, start_us: u64, task_us: u64) -> u64 {
        let end_us = start_us + 12 + steps + task_us;
        for step in 0..steps {
            self.span(trace, "", start_us + 2 + step, start_us + 3 + step);
        }
        self.span(trace, "task", start_us + 1, end_us - 5);
        self.span(trace, "score", end_us - 3, end_us - 2);
        self.span(trace, "eval", start_us, end_us);
        end_us
    }

    fn wait(&mut self, cause: Cause, trace: Option<u64>, start_us: u64, end_us: u64) {
        self.0.push(Line::Wait(Wait { cause, trace, start_us, end_us }));
    }

    fn request(&mut self, rows: u64, start_us: u64) -> Request {
        let request = Request {
            number: self.0.len() as u64,
            lane: 0,
            attempt: 0,
            rows: rows as u32,
            bytes: rows * ROW_BYTES,
            sent_bytes: rows * ROW_BYTES,
            queued_us: start_us,
            start_us,
            first_byte_us: None,
            end_us: start_us + took_us(rows),
            status: Some(200),
        };
        self.0.push(Line::Request(request));
        request
    }

    fn end(mut self, at_us: u64) -> Self {
        self.0.push(Line::End(End { at_us, produced_us: None, left_out: 0, lost: 0 }));
        self
    }
}

/// The seed workload as 3.2.0 ran it: four cases at once, a flush of five serial requests after
/// each round.
fn broken(cases: u64, task_us: u64) -> Lines {
    let mut lines = Lines::default();
    let mut now = 0;
    for round in 0..cases / SLOTS {
        let begun: Vec<_> = (0..SLOTS).map(|slot| now + slot * 30).collect();
        let traces = round * SLOTS + 1..;
        let ends: Vec<_> = begun
            .iter()
            .zip(traces.clone())
            .map(|(start, trace)| lines.case(trace, *start, task_us))
            .collect();
        // The first event goes alone and at once, the other 87 in chunks of 25: a row whose start
        // and end are in different ones is sent twice.
        for rows in [1, 14, 15, 15, 7] {
            now = lines.request(rows, now).end_us;
        }
        for (end, trace) in ends.into_iter().zip(traces) {
            lines.wait(Cause::Flush, Some(trace), end, now);
        }
    }
    lines.end(now)
}

fn what_if(header: &Header<'_>, lines: &Lines) -> WhatIf {
    WhatIf::new(header, lines.0.iter().cloned()).expect("a recording that can be replayed")
}

fn predicted(recorded: &WhatIf, change: &str) -> Prediction {
    recorded.predict(&change.parse().expect("a change")).expect("a prediction")
}

fn seed() -> WhatIf {
    what_if(&header("serial-chunks", Some(4)), &broken(40, 0))
}

#[test]
fn the_broken_run_without_its_flushes_takes_one_round_of_even_requests() {
    let recorded = seed();
    assert!(recorded.settings().flush_every_task);
    assert_eq!(recorded.latency().of(55, 1), took_us(55));
    let prediction = predicted(&recorded, "strategy=adaptive");
    // Rows come within a millisecond, so that the flush finds them all.
    assert_eq!((prediction.requests, prediction.rows_sent), (8, 440), "{prediction}");
    assert_eq!((prediction.overlapping_pairs, prediction.peak_in_flight), (28, 8));
    let after = prediction.wall_us - took_us(55);
    assert!(after < 5 * MS, "{prediction}");
    assert!(prediction.produced_us < 5 * MS && prediction.gate_wait_us == 0);
    assert!(prediction.peak_pending_bytes >= 440 * ROW_BYTES, "{prediction}");
    assert!(prediction.peak_pending_bytes < 441 * (ROW_BYTES + 300), "{prediction}");
    let text = prediction.to_string();
    for said in [
        "a request takes 250 ms and 4.0 ms per row",
        "requests of up to 55 rows take what the recorded ones, of 1 to 15 rows",
        "8 requests at once as fast as the 1 that it was seen with",
        "4 cases run at once",
        "no case waits for a flush of its own",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
}

#[test]
fn the_broken_run_under_its_own_strategy_takes_its_own_time() {
    let recorded = seed();
    let prediction = predicted(&recorded, "strategy=serial-chunks");
    assert_eq!(prediction.settings, recorded.settings());
    assert_eq!((prediction.requests, prediction.overlapping_pairs), (50, 0), "{prediction}");
    assert!((520..526).contains(&prediction.rows_sent), "{prediction}");
    let ratio = prediction.wall_us as f64 / prediction.recorded_us as f64;
    assert!((ratio - 1.0).abs() < 0.005, "{prediction}");
    assert_eq!(prediction.check_us, Some(prediction.wall_us));
    // Four cases wait for nearly all of it.
    assert!(prediction.flush_wait_us > prediction.wall_us * 39 / 10, "{prediction}");
}

#[test]
fn fixed_batches_show_their_known_shape() {
    let prediction = predicted(&seed(), "strategy=fixed-batches");
    assert_eq!((prediction.requests, prediction.overlapping_pairs), (6, 10), "{prediction}");
    let expected = took_us(1) + took_us(100);
    assert!((expected..expected + 5 * MS).contains(&prediction.wall_us), "{prediction}");
    let small = predicted(&seed(), "strategy=fixed-batches,max-rows=10");
    assert_eq!(small.requests, 45, "{small}");
}

#[test]
fn a_flush_per_case_costs_a_round_trip_per_case() {
    let recorded = what_if(&header("serial-chunks", Some(1)), &broken(40, 0));
    let prediction = predicted(&recorded, "strategy=adaptive,flush-every-task=yes");
    // One slot: 40 cases, each of which waits for requests of at least a fixed part.
    assert!(prediction.wall_us > 40 * took_us(1), "{prediction}");
    assert!(prediction.wall_us < 40 * took_us(13), "{prediction}");
    assert!(prediction.to_string().contains("1 cases run at once"), "{prediction}");
    let at_once = predicted(&seed(), "strategy=adaptive,flush-every-task=yes");
    let fewer = prediction.wall_us as f64 / at_once.wall_us as f64;
    assert!((3.0..4.5).contains(&fewer), "four at once wait together: {at_once}");
}

#[test]
fn tasks_take_their_time_however_rows_are_sent() {
    let recorded = what_if(&header("serial-chunks", Some(4)), &broken(40, 100 * MS));
    let prediction = predicted(&recorded, "strategy=adaptive");
    let tasks = 10 * 100 * MS;
    assert!(prediction.produced_us >= tasks, "{prediction}");
    assert!(prediction.produced_us < tasks + 10 * MS, "{prediction}");
    // Uploads go on meanwhile; what the last round made comes after.
    assert!(prediction.wall_us < tasks + took_us(44), "{prediction}");
    assert!(prediction.wall_us > tasks + took_us(1), "{prediction}");
}

#[test]
fn the_gate_closes_by_bytes_and_opens_as_they_are_acknowledged() {
    let recorded = what_if(&header("serial-chunks", Some(4)), &broken(400, 0));
    let bytes = 400 * 11 * ROW_BYTES;
    let wide = predicted(&recorded, "strategy=adaptive");
    let narrow = predicted(&recorded, "strategy=adaptive,budget=100KiB");
    assert_eq!(wide.gate_wait_us, 0, "{wide}");
    assert!(wide.peak_pending_bytes > bytes, "{wide}");
    assert!(narrow.gate_wait_us > 0, "{narrow}");
    assert!(narrow.peak_pending_bytes <= 100 << 10, "{narrow}");
    // 26 rounds of 100 KiB, each at least a fixed part.
    let rounds = bytes / (100 << 10);
    assert!(narrow.wall_us > rounds * took_us(0), "{narrow}");
    assert!(narrow.wall_us > wide.wall_us * 2, "{narrow}\n{wide}");
    assert!(narrow.rows_sent >= 4_400, "{narrow}");
}

#[test]
fn caps_of_a_request_hold() {
    let recorded = what_if(&header("serial-chunks", Some(4)), &broken(80, 0));
    let prediction = predicted(&recorded, "strategy=adaptive,max-rows=20");
    assert_eq!(prediction.requests, 44, "{prediction}");
    let prediction = predicted(&recorded, "strategy=adaptive,max-request=20KB");
    assert!(prediction.requests >= 80 * 11 / 16, "{prediction}");
}

#[test]
fn a_program_that_logs_now_and_then_is_an_open_loop() {
    let mut lines = Lines::default();
    for second in 0..20 {
        let start = second * 1_000 * MS;
        lines.span(second + 1, "eval", start, start + 5);
        lines.request(1, start + 10 * MS);
    }
    // Not of an evaluation.
    for line in &mut lines.0 {
        if let Line::Span(span) = line {
            span.kind = "".into();
        }
    }
    let last = 19 * 1_000 * MS + 5;
    let lines = lines.end(last + took_us(1));
    let recorded = what_if(&header("adaptive", None), &lines);
    let prediction = predicted(&recorded, "lanes=1");
    assert_eq!((prediction.requests, prediction.peak_in_flight), (20, 1), "{prediction}");
    assert!((last..last + MS).contains(&prediction.produced_us), "{prediction}");
    let tail = prediction.wall_us - last;
    assert!((took_us(1)..took_us(1) + 30 * MS).contains(&tail), "{prediction}");
    let text = prediction.to_string();
    assert!(text.contains("work comes when it came"), "{text}");
    assert!(text.contains("all requests had 1 rows"), "{text}");
}

#[test]
fn cases_that_never_overlapped_do_so_once_they_wait() {
    // Short cases on one thread: the next begins when one is done, though four might.
    let mut lines = Lines::default();
    let mut now = 0;
    for trace in 1..=40 {
        now = lines.case(trace, now, 0) + 2;
    }
    for rows in [50, 60] {
        lines.request(rows, now);
    }
    let recorded = what_if(&header("adaptive", Some(4)), &lines.end(now + took_us(60)));
    let one = predicted(&recorded, "flush-every-task=no");
    assert!((now - 40..now + 40).contains(&one.produced_us), "{one}");
    let flushed = predicted(&recorded, "flush-every-task=yes");
    let rounds = flushed.wall_us as f64 / took_us(11) as f64;
    assert!((8.0..14.0).contains(&rounds), "four wait at once: {flushed}");
}

#[test]
fn waits_at_the_gate_are_taken_out() {
    // Two slots; before each case but the first two a wait of 400 ms at the gate.
    let mut lines = Lines::default();
    let mut now = 0;
    for round in 0..10 {
        for slot in 0..2 {
            lines.case(round * 2 + slot + 1, now + slot, 10 * MS);
        }
        let done = now + 11 * MS;
        lines.wait(Cause::Gate, None, done, done + 400 * MS);
        lines.wait(Cause::Gate, None, done, done + 400 * MS);
        lines.request(10 + round, now);
        now = done + 400 * MS;
    }
    let recorded = what_if(&header("adaptive", Some(2)), &lines.end(now));
    let prediction = predicted(&recorded, "budget=10MiB");
    assert!((100 * MS..125 * MS).contains(&prediction.produced_us), "{prediction}");
}

#[test]
fn what_is_missing_is_said() {
    let mut lines = broken(8, 0);
    let Some(Line::End(end)) = lines.0.last_mut() else { panic!("an end") };
    end.left_out = 17;
    lines.0.retain(|line| !matches!(line, Line::Span(span) if span.root && span.trace == 3));
    let mut failed = lines.request(3, 0);
    failed.status = Some(503);
    lines.0.push(Line::Request(failed));
    let text =
        predicted(&what_if(&header("serial-chunks", None), &lines), "lanes=8,strategy=adaptive");
    let text = text.to_string();
    for said in [
        "1 of the recorded ones failed or were repeats",
        "17 lines were left out",
        "1 traces have no root span",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    lines.0.retain(|line| !matches!(line, Line::End(_)));
    let killed = what_if(&header("serial-chunks", None), &lines);
    let prediction = predicted(&killed, "strategy=adaptive");
    assert!(prediction.to_string().contains("the profile has no end"), "{prediction}");
}

#[test]
fn a_replay_that_misses_its_own_recording_says_so() {
    let lines = broken(40, 0);
    // It claims to have been fast.
    let recorded = what_if(&header("adaptive", Some(4)), &lines);
    let prediction = predicted(&recorded, "lanes=8,flush-every-task=no");
    assert!(prediction.check_us.is_some());
    let text = prediction.to_string();
    assert!(text.contains("the recorded run itself comes out as"), "{text}");
    let variation = header("serial-chunks --chunk 100", Some(4));
    let prediction = predicted(&what_if(&variation, &lines), "flush-every-task=no");
    assert_eq!(
        (prediction.check_us, prediction.settings.strategy),
        (None, super::Strategy::Adaptive)
    );
}

#[test]
fn what_cannot_be_replayed_is_an_error() {
    let fault = |header: &Header<'_>, lines: &Lines| {
        WhatIf::new(header, lines.0.iter().cloned()).expect_err("no recording").to_string()
    };
    let adaptive = header("adaptive", None);
    let lines = broken(4, 0);
    assert!(fault(&adaptive, &Lines::default()).contains("no spans"));
    let server = Header { source: Source::Server, ..adaptive.clone() };
    assert!(fault(&server, &lines).contains("a collector has no spans"));
    let only = |keep: fn(&Line<'_>) -> bool| {
        Lines(lines.0.iter().filter(|line| keep(line)).cloned().collect())
    };
    let spans = only(|line| matches!(line, Line::Span(_)));
    assert!(fault(&adaptive, &spans).contains("none of the 0 requests"));
    let recorded = what_if(&header("serial-chunks", None), &lines);
    let change = "lanes=3".parse().expect("a change");
    let error = recorded.predict(&change).expect_err("no lanes").to_string();
    assert!(error.starts_with("lanes: "), "{error}");
}

#[test]
fn a_hundred_thousand_spans_are_replayed_within_the_budget() {
    let lines = broken(9_100, 0);
    let recorded = what_if(&header("serial-chunks", Some(4)), &lines);
    let prediction = predicted(&recorded, "strategy=adaptive,budget=1MiB");
    assert!(prediction.rows_sent >= 100_100, "{prediction}");
    assert!(prediction.peak_pending_bytes <= 1 << 20, "{prediction}");
}

/// On a workload without anything random in it: 1 440 rows of cases of many sizes that come at
/// once, with room for all of them or for a sixth.
#[test]
fn more_lanes_never_predict_a_slower_run() {
    let mut lines = Lines::default();
    let mut free = [0; SLOTS as usize];
    for trace in 1..=120 {
        let slot = free.iter_mut().min().expect("slots");
        *slot = lines.case_of(1 + trace * 7 % 17, trace, *slot, 0) + 3;
    }
    for rows in [1, 30, 90] {
        lines.request(rows, 0);
    }
    let recorded = what_if(&header("adaptive", Some(4)), &lines.end(took_us(90)));
    for budget in ["10MiB", "150KiB"] {
        let mut best = u64::MAX;
        for lanes in 1..=24 {
            let prediction = predicted(&recorded, &format!("lanes={lanes},budget={budget}"));
            assert!(prediction.wall_us as f64 <= best as f64 * 1.05, "{best}: {prediction}");
            assert!(prediction.peak_in_flight <= lanes);
            best = best.min(prediction.wall_us);
        }
        let one = predicted(&recorded, &format!("lanes=1,budget={budget}"));
        assert!(best < one.wall_us / 4, "{best}: {one}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Files can hold anything.
    #[test]
    fn any_lines_end_in_a_prediction_or_an_error(
        spans in prop::collection::vec(
            (0_u64..4, any::<bool>(), any::<[u64; 2]>(), any::<u32>(), any::<u64>()), 1..20),
        waits in prop::collection::vec((prop::option::of(0_u64..4), any::<[u64; 2]>()), 0..9),
        requests in prop::collection::vec((0_u64..9, 0_u64..u64::MAX / 2), 1..9),
        slots in prop::option::of(any::<u32>()),
        small in any::<bool>(),
    ) {
        let scale = if small { 1 << 40 } else { 1 };
        let mut lines = Lines::default();
        for (trace, root, [start, end], records, bytes) in spans {
            lines.span(trace, if root { "eval" } else { "task" }, start / scale, end / scale);
            if let Some(Line::Span(span)) = lines.0.last_mut() {
                (span.records, span.bytes) = (records, bytes % 4_096);
            }
        }
        for (trace, [start, end]) in waits {
            lines.wait(Cause::Flush, trace, start / scale, end / scale);
        }
        for (rows, start) in requests {
            lines.request(rows, start);
        }
        for strategy in ["adaptive", "serial-chunks"] {
            if let Ok(recorded) = WhatIf::new(&header(strategy, slots), lines.0.iter().cloned()) {
                for change in ["flush-every-task=yes", "strategy=adaptive,budget=1"] {
                    if let Err(error) = recorded.predict(&change.parse().expect("a change")) {
                        prop_assert!(matches!(error, WhatIfError::TooLong), "{}", error);
                    }
                }
            }
        }
    }
}

/// Announced, uploaded and named: each is a request, and rows are counted once.
#[test]
fn a_row_beyond_the_limit_is_replayed_in_its_three_steps() {
    let mut lines = Lines::default();
    let mut now = lines.case(1, 0, 0);
    if let Some(Line::Span(root)) = lines.0.last_mut() {
        root.bytes = 30_000;
    }
    for rows in [10, 0, 0, 1] {
        now = lines.request(rows, now).end_us;
    }
    let header = Header { max_request_bytes: Some(20_000), ..header("adaptive", Some(1)) };
    let recorded = what_if(&header, &lines.end(now));
    assert_eq!(recorded.latency().fitted, 2, "steps without rows say nothing of rows");
    let steps = predicted(&recorded, "lanes=8");
    let whole = predicted(&recorded, "max-request=1MiB");
    assert_eq!((steps.rows_sent, whole.rows_sent), (11, 11));
    assert!(steps.wall_us >= whole.wall_us + 2 * 240 * MS, "{steps}{whole}");
    assert!(steps.wall_us <= whole.wall_us + 2 * 300 * MS, "{steps}{whole}");
}
