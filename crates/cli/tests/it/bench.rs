//! `tidegate bench`: the shapes that the tool is there to show, and its JSON.

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{serve, stored_rows, tidegate};

/// One run; stdout must be one JSON value and nothing else.
fn upload(arguments: &[&str]) -> Value {
    let finished = tidegate(&[&["bench", "upload", "--json"], arguments].concat()).success();
    serde_json::from_str(&finished.stdout).expect("nothing but JSON on stdout")
}

fn number(figures: &Value, name: &str) -> f64 {
    figures[name].as_f64().unwrap_or_else(|| panic!("{name} is no number: {figures}"))
}

#[test]
fn the_seed_workload_arrives_whole_and_overlapping() {
    let figures = upload(&[]);
    for name in [
        "wall_s",
        "produce_s",
        "cumulative_request_s",
        "idle_gap_ms_mean",
        "bytes_sent",
        "cpu_s",
        "cpu_idle_ratio",
        "peak_rss_bytes",
        "lower_bound_s",
        "ratio_to_bound",
    ] {
        assert!(number(&figures, name) >= 0.0, "{name}");
    }
    assert!((0.469..0.471).contains(&number(&figures, "lower_bound_s")), "{figures}");
    assert!((440.0..=444.0).contains(&number(&figures, "rows_sent")), "{figures}");
    assert!(number(&figures, "peak_in_flight") <= 8.0, "{figures}");
    assert!(number(&figures, "overlapping_pairs") >= 10.0, "{figures}");
    assert_eq!(figures["server"]["rows_complete"], 440);
    assert_eq!(figures["receipt"]["rows"], 440);
    assert_eq!(figures["receipt"]["pending"], 0);
    assert_eq!(figures["receipt"]["dropped"], serde_json::json!({}));
}

#[test]
fn older_loggers_show_the_published_shapes() {
    let fixed = upload(&["--strategy", "fixed-batches"]);
    assert_eq!((number(&fixed, "requests"), number(&fixed, "overlapping_pairs")), (6.0, 10.0));
    let serial = upload(&[
        "--strategy=serial-chunks",
        "--flush-every-task",
        "--base=10ms",
        "--per-row=0ms",
        "--cases=12",
    ]);
    assert_eq!(
        (number(&serial, "overlapping_pairs"), number(&serial, "peak_in_flight")),
        (0.0, 1.0)
    );
    assert_eq!(serial["server"]["rows_complete"], 132);
}

#[test]
fn failing_uploads_lose_and_double_nothing() {
    let figures = upload(&[
        "--cases=60",
        "--base=20ms",
        "--per-row=0.1ms",
        "--error-rate=0.1",
        "--drop-rate=0.1",
        "--throttle-rate=0.02",
        "--limit-bytes=40000",
    ]);
    assert_eq!(figures["server"]["rows_complete"], 660);
    assert_eq!(figures["server"]["rows_stored"], 660);
    assert_eq!(figures["receipt"]["rows"], 660);
    assert_eq!(figures["receipt"]["dropped"], serde_json::json!({}));
}

#[test]
fn a_real_collector_takes_the_same_load() {
    let data = TempDir::new().expect("a directory");
    let server = serve(data.path(), &[]);
    let figures = upload(&["--api-url", server.url()]);
    assert_eq!(figures["receipt"]["rows"], 440);
    assert_eq!(figures["lower_bound_s"], Value::Null, "its latency is not known");
    assert!(server.terminate().success());
    assert_eq!(stored_rows(data.path()), 440, "the receipt and the store agree");
}

#[test]
fn recording_is_measured_span_by_span() {
    let finished =
        tidegate(&["bench", "log", "--rate=500", "--seconds=1", "--producers=2", "--json"]);
    let figures: Value = serde_json::from_str(&finished.success().stdout).expect("JSON");
    let spans = number(&figures, "spans");
    assert!((400.0..=600.0).contains(&spans), "{figures}");
    assert_eq!(number(&figures["receipt"], "accepted"), spans * 3.0);
    assert!(number(&figures["span_us"], "p99") >= number(&figures["span_us"], "p50"));
}

#[test]
fn the_runner_is_measured_with_all_results_kept() {
    let run = |more: &[&str]| {
        let arguments = [&["bench", "eval", "--cases=300", "--scorers=2", "--json"], more].concat();
        let finished = tidegate(&arguments).success();
        serde_json::from_str::<Value>(&finished.stdout).expect("nothing but JSON on stdout")
    };
    for (more, rows) in [(&["--no-send-logs"][..], 0), (&[], 1200)] {
        let figures = run(more);
        assert_eq!(figures["cases"], 300);
        assert_eq!(figures["scores"], serde_json::json!({"equal_0": 1.0, "equal_1": 1.0}));
        assert_eq!(figures["receipt"]["rows"], rows, "{figures}");
    }
}

#[test]
fn options_of_the_emulation_are_refused_without_it() {
    let finished = tidegate(&["bench", "upload", "--chunk", "3"]);
    assert_eq!(finished.status.code(), Some(2), "{finished:?}");
    assert_eq!(finished.stdout, "");
    assert!(finished.stderr.contains("hint: add --strategy"), "{}", finished.stderr);
    for wrong in [["--base", "5"], ["--error-rate", "2"], ["--runs", "0"], ["--api-url", "nowhere"]]
    {
        let finished = tidegate(&[&["bench", "upload"], &wrong[..]].concat());
        assert!(!finished.status.success() && finished.stderr.contains("error: "), "{finished:?}");
        assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    }
}

#[test]
fn a_fill_that_nothing_can_be_compared_in_is_refused_before_it_begins() {
    let finished = tidegate(&["bench", "fill", "--rows", "400", "--cases", "100"]);
    assert_eq!(finished.status.code(), Some(2), "{finished:?}");
    assert!(finished.stderr.contains("one of 100 cases takes 400"), "{}", finished.stderr);
    assert!(finished.stderr.contains("hint: give more --rows"), "{}", finished.stderr);
}
