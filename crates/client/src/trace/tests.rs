use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::{Client, Config, Event, Policy, Span, SpanOptions, TraceBuffer};

const ROOMY: usize = 1 << 20;

fn root(buffer: &TraceBuffer) -> Span {
    Span::disabled().child_kept(SpanOptions::new("task").span_type("task"), buffer)
}

/// A client whose uploads go nowhere.
fn offline(config: Config) -> Client {
    let config = config.app_url("http://127.0.0.1:1").shutdown_timeout(Duration::ZERO);
    Client::new(config).expect("a client")
}

fn started(client: &Client) -> Span {
    client.start_span(tidegate_model::Destination::Experiment("e".into()), "eval")
}

#[test]
fn what_is_recorded_below_a_span_is_kept_whatever_thread_it_is_on() {
    let buffer = TraceBuffer::new(ROOMY);
    let task = root(&buffer);
    thread::scope(|scope| {
        for number in 0..4 {
            let task = &task;
            scope.spawn(move || {
                let call = task.child(SpanOptions::new("call").span_type("llm"));
                call.log(Event::new().input(&number).metric("tokens", 10.0));
                call.in_scope(|| Span::start("inner").log(Event::new().output(&(number * 2))));
                call.end();
            });
        }
    });
    task.log(Event::new().output(&"done"));
    let trace = buffer.take();
    assert!(!trace.is_truncated());
    assert_eq!(trace.spans().len(), 1 + 4 * 2);
    let first = &trace.spans()[0];
    assert_eq!(
        (first.name(), first.output(), first.duration()),
        ("task", Some("done".into()), None)
    );
    assert_eq!(trace.children(first.span_id()).count(), 4);
    assert_eq!(trace.total("tokens"), Some(40.0));
    assert_eq!(trace.total("estimated_cost"), None);
    for call in trace.spans_of_type("llm") {
        let number = call.input().and_then(|input| input.as_i64()).expect("a number");
        let inner: Vec<_> = trace.children(call.span_id()).collect();
        assert_eq!(inner[0].output(), Some(json!(number * 2)));
        assert!(call.ended_at() >= Some(call.started_at()) && call.duration().is_some());
    }
}

#[test]
fn fields_that_are_set_again_are_merged_as_a_server_merges_them() {
    let buffer = TraceBuffer::new(ROOMY);
    let task = root(&buffer);
    task.log(Event::new().metadata(&json!({"a": {"x": 1}, "b": [1]})).metric("tokens", 1.0));
    task.log(Event::new().metadata(&json!({"a": {"y": 2}, "b": [2]})).metric("tokens", 3.0));
    task.log(Event::new().output(&json!({"old": 1})).tags(["t"]).score("s", 0.5));
    task.log(Event::new().output(&"new").tags(["t", "u"]).score("s", None));
    task.log(Event::new().error("failed"));
    task.end();
    let trace = buffer.take();
    let span = &trace.spans()[0];
    assert_eq!(json!(span.metadata()), json!({"a": {"x": 1, "y": 2}, "b": [2]}));
    assert_eq!((span.output(), span.error()), (Some("new".into()), Some("failed".to_owned())));
    assert_eq!(span.metrics().collect::<Vec<_>>(), [("tokens", 3.0)]);
    assert_eq!(span.scores().collect::<Vec<_>>(), [("s", None)]);
    assert_eq!((span.tags(), span.input()), (&["t".to_owned(), "u".to_owned()][..], None));
    let all = trace.to_json();
    assert_eq!((&all[0]["name"], &all[0]["type"]), (&json!("task"), &json!("task")));
    assert_eq!((&all[0]["output"], &all[0]["tags"]), (&json!("new"), &json!(["t", "u"])));
    assert!(all[0]["metrics"]["end"].as_f64() >= all[0]["metrics"]["start"].as_f64(), "{all}");
    assert!(all[0].get("input").is_none() && all[0].get("parent_id").is_none());
}

#[test]
fn what_does_not_fit_is_left_out_and_said() {
    let buffer = TraceBuffer::new(4_000);
    let task = root(&buffer);
    let large = task.child(SpanOptions::new("large").event(Event::new().input(&"x".repeat(9_000))));
    large.log(Event::new().output(&"short"));
    large.end();
    let before = buffer.bytes();
    for _ in 0..10_000 {
        task.child("small").end();
    }
    assert!(buffer.bytes() > before && buffer.bytes() <= 4_000);
    let trace = buffer.take();
    assert!(trace.is_truncated());
    let large = &trace.spans()[1];
    assert_eq!((large.input(), large.output()), (None, Some("short".into())));
    assert!(large.ended_at().is_some(), "an end is kept of each span that is");
    assert!(trace.spans().len() < 20, "{}", trace.spans().len());
}

#[test]
fn spans_that_outlive_the_trace_keep_nothing() {
    let buffer = TraceBuffer::new(ROOMY);
    let task = root(&buffer);
    assert_eq!(buffer.take().spans().len(), 1);
    task.log(Event::new().output(&"late"));
    let late = task.child("late");
    assert!(late.is_recording());
    assert!(buffer.take().spans().is_empty());
}

#[test]
fn neither_a_full_budget_nor_sampling_decides_what_is_kept() {
    let secret = |_: serde_json::Value| json!("masked");
    let config = || Config::default().policy(Policy::Drop).mask(secret);
    for config in [config().budget_bytes(1), config().sample_ratio(0.0), config()] {
        let client = offline(config);
        let (eval, buffer) = (started(&client), client.trace_buffer(ROOMY));
        let task = eval.child_kept("task", &buffer);
        task.child("call").log(Event::new().output(&"secret"));
        let trace = buffer.take();
        assert_eq!(trace.spans()[1].output(), Some("masked".into()));
        assert_eq!(trace.spans()[1].parent_id(), task.span_id());
        assert_eq!(trace.spans()[0].parent_id(), eval.span_id());
    }
}

#[tokio::test]
async fn only_what_is_below_the_kept_span_is_kept_and_all_of_it_is_sent() {
    let client = offline(Config::default());
    let (eval, buffer) = (started(&client), TraceBuffer::new(ROOMY));
    let task = eval.child_kept("task", &buffer);
    let other = eval.child("other");
    other.log_async(Event::new().output(&1)).await;
    task.child("call").log_async(Event::new().output(&2)).await;
    let trace = buffer.take();
    let names: Vec<_> = trace.spans().iter().map(crate::TraceSpan::name).collect();
    assert_eq!(names, ["task", "call"]);
    // Four starts, two logs, and the end of the span that was dropped.
    assert_eq!(client.stats().accepted, 7);
}
