//! `tracing` spans and events as rows.

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use tidegate::client::{
    Client, Config, DropReason, Event, Span, Trace, TraceBuffer, TraceSpan, traced,
};
use tidegate::tracing::layer;
use tracing::subscriber::with_default;
use tracing::{
    Instrument as _, Level, debug, debug_span, error, field, info, info_span, instrument,
};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry;

use crate::support::{Collector, DEADLINE, is_below, kept, named};

fn one<'a>(trace: &'a Trace, name: &str) -> &'a TraceSpan {
    let mut found = trace.spans_named(name);
    let span = found.next().unwrap_or_else(|| panic!("no span {name}: {:#}", trace.to_json()));
    assert!(found.next().is_none(), "more than one span {name}");
    span
}

fn rows(trace: &Trace) -> Vec<Value> {
    trace.to_json().as_array().cloned().expect("rows")
}

fn row(trace: &Trace, name: &str) -> Value {
    one(trace, name);
    rows(trace).into_iter().find(|row| row["name"] == name).expect("it is there")
}

#[instrument(ret, err, fields(metadata.kind = "fruit"))]
async fn look_up(question: &str) -> Result<u32, fmt::Error> {
    info!(hits = 3, "searched");
    if question.is_empty() { Err(fmt::Error) } else { Ok(42) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instrumented_functions_become_rows_of_the_collector() {
    let collector = Collector::start().await;
    let roots = layer().roots(collector.client.tracer(collector.logs()));
    let subscriber = registry().with(roots.with_filter(LevelFilter::INFO));
    let work = async {
        let ok = look_up("apple").await;
        let failed = look_up("").await.is_err();
        (ok, failed, traced("inside", async { Span::current().is_some() }).await)
    };
    let _guard = tracing::subscriber::set_default(subscriber);
    let result = work.instrument(info_span!("request", otel.name = "GET /fruit")).await;
    assert_eq!(result, (Ok(42), true, true));
    let receipt = collector.flush().await;
    assert_eq!(receipt.rows, 4);

    let rows = collector.rows();
    let request = named(&rows, "GET /fruit");
    assert!(request["span_parents"].is_null());
    assert!(is_below(named(&rows, "inside"), request), "spans of the SDK nest in those of tracing");
    let calls: Vec<_> =
        rows.iter().filter(|row| row["span_attributes"]["name"] == "look_up").collect();
    let [ok, failed] = calls[..] else { panic!("{rows:#?}") };
    let (ok, failed) = if ok["error"].is_null() { (ok, failed) } else { (failed, ok) };
    assert!(is_below(ok, request) && is_below(failed, request));
    assert_eq!(ok["output"], "42");
    assert_eq!(ok["metadata"]["question"], "apple");
    assert_eq!(ok["metadata"]["kind"], "fruit");
    let entry = &ok["metadata"]["logs"]["000"];
    assert_eq!((&entry["message"], &entry["hits"]), (&json!("searched"), &json!(3)));
    assert_eq!(entry["level"], "INFO");
    assert_eq!(failed["error"], fmt::Error.to_string());
    assert_eq!(ok["context"]["caller_functionname"], "look_up");
    assert!(ok["metrics"]["end"].as_f64() >= ok["metrics"]["start"].as_f64());
}

#[test]
fn fields_of_the_conventions_have_their_places() {
    let trace = with_default(registry().with(layer()), || {
        kept(|| {
            let span = info_span!(
                "chat",
                otel.kind = "client",
                gen_ai.operation.name = "chat",
                gen_ai.request.model = "m",
                gen_ai.request.temperature = 0.5,
                gen_ai.input.messages = r#"[{"role":"user"}]"#,
                gen_ai.output.messages = field::Empty,
                gen_ai.usage.input_tokens = field::Empty,
                gen_ai.usage.output_tokens = field::Empty,
                gen_ai.usage.cache_read.input_tokens = 5,
                scores.style = 0.25,
                otel.name = field::Empty,
                big = u128::MAX,
            );
            span.record("gen_ai.output.messages", r#"{"role":"assistant"}"#);
            span.record("gen_ai.usage.input_tokens", 10);
            span.record("gen_ai.usage.output_tokens", 3);
            span.record("otel.name", "chat m");
        })
    });
    let row = row(&trace, "chat m");
    assert_eq!(row["type"], "llm");
    assert_eq!(row["input"], json!([{"role": "user"}]));
    assert_eq!(row["output"], json!({"role": "assistant"}));
    assert_eq!(row["scores"]["style"], 0.25);
    for (metric, value) in [
        ("prompt_tokens", 10.0),
        ("completion_tokens", 3.0),
        ("tokens", 13.0),
        ("prompt_cached_tokens", 5.0),
    ] {
        assert_eq!(row["metrics"][metric], value, "{metric}");
    }
    let metadata = json!({"otel.kind": "client", "operation": "chat", "model": "m",
        "temperature": 0.5, "big": u128::MAX.to_string()});
    assert_eq!(row["metadata"], metadata);
}

#[test]
fn events_are_entries_up_to_a_number_and_errors_are_the_error() {
    let trace = with_default(registry().with(layer()), || {
        kept(|| {
            info_span!("busy").in_scope(|| {
                for number in 0..300 {
                    info!(number, "tick");
                }
                error!(error = "no route", "cannot send");
                info!(gen_ai.usage.input_tokens = 1, gen_ai.usage.output_tokens = 2, "used");
            });
            error!("of the root itself");
        })
    });
    let busy = row(&trace, "busy");
    let logs = busy["metadata"]["logs"].as_object().expect("entries");
    assert_eq!(logs.len(), 256);
    assert_eq!(logs["255"]["number"], 255);
    assert_eq!(busy["metadata"]["logs_cut"], true);
    assert_eq!(busy["error"], "cannot send: no route");
    assert_eq!(busy["metrics"]["tokens"], 3.0);
    assert_eq!(row(&trace, "root")["error"], "of the root itself");
}

#[test]
fn filters_leave_out_spans_and_what_is_below_keeps_its_parent() {
    let targets = Targets::new().with_default(Level::INFO).with_target("noisy", LevelFilter::OFF);
    let trace = with_default(registry().with(layer().with_filter(targets)), || {
        kept(|| {
            info_span!("outer").in_scope(|| {
                debug_span!("by level").in_scope(|| {
                    info_span!(target: "noisy", "by target").in_scope(|| {
                        info_span!("inner").in_scope(|| debug!("not an entry"));
                    });
                });
            });
        })
    });
    assert_eq!(trace.spans().len(), 3);
    let (outer, inner) = (one(&trace, "outer"), one(&trace, "inner"));
    assert_eq!(inner.parent_id(), Some(outer.span_id()));
    assert!(row(&trace, "inner")["metadata"].is_null());
}

#[test]
fn explicit_parents_win_over_what_surrounds_a_span() {
    let trace = with_default(registry().with(layer()), || {
        kept(|| {
            let first = info_span!("first");
            info_span!("second").in_scope(|| {
                info_span!(parent: &first, "of first");
                info!(parent: &first, "for first");
                // Without a place for traces of its own it stays in this one.
                info_span!(parent: None, "of none");
            });
        })
    });
    assert_eq!(one(&trace, "of first").parent_id(), Some(one(&trace, "first").span_id()));
    assert_eq!(row(&trace, "first")["metadata"]["logs"]["000"]["message"], "for first");
    assert!(one(&trace, "of none").parent_id().is_some());
}

#[test]
fn other_layers_see_what_they_saw_before() {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("not poisoned").write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let writer = lines.clone();
    let fmt = tracing_subscriber::fmt::layer().with_writer(move || writer.clone()).with_ansi(false);
    // Ours twice: the second leaves to the first what that one records.
    let subscriber = registry()
        .with(layer().with_filter(LevelFilter::INFO))
        .with(layer())
        .with(fmt.with_filter(LevelFilter::DEBUG));
    let trace = with_default(subscriber, || {
        kept(|| {
            info_span!("shared", user = 7).in_scope(|| info!("hello"));
            debug_span!("second only").in_scope(|| {});
        })
    });
    let text = String::from_utf8(lines.0.lock().expect("not poisoned").clone()).expect("text");
    assert!(text.contains("shared{user=7}") && text.contains("hello"), "{text}");
    assert!(one(&trace, "shared").parent_id().is_some());
    assert!(one(&trace, "second only").parent_id().is_some());
    assert_eq!(trace.spans().len(), 3);
}

#[test]
fn a_span_entered_on_several_threads_is_the_parent_on_each() {
    let subscriber: tracing::Dispatch = registry().with(layer()).into();
    let trace = tracing::dispatcher::with_default(&subscriber, || {
        kept(|| {
            let shared = info_span!("shared");
            thread::scope(|scope| {
                for _ in 0..4 {
                    let (shared, subscriber) = (shared.clone(), subscriber.clone());
                    scope.spawn(move || {
                        tracing::dispatcher::with_default(&subscriber, || {
                            for _ in 0..100 {
                                shared.in_scope(|| {
                                    info_span!("child").in_scope(|| ());
                                    assert!(Span::current().is_some());
                                });
                                assert!(Span::current().is_none());
                            }
                        });
                    });
                }
            });
        })
    });
    let shared = one(&trace, "shared").span_id();
    assert_eq!(trace.children(shared).count(), 400);
    assert!(rows(&trace).iter().all(|row| row["metrics"]["end"].is_number()));
}

#[tokio::test]
async fn spans_that_are_never_closed_or_too_late_harm_nobody() {
    let collector = Collector::start().await;
    let subscriber = registry().with(layer().roots(collector.client.tracer(collector.logs())));
    let _guard = tracing::subscriber::set_default(subscriber);
    let late = info_span!("late");
    std::mem::forget(info_span!("forgotten"));
    collector.flush().await;
    let rows = collector.rows();
    assert!(named(&rows, "forgotten")["metrics"]["end"].is_null());

    // A client of its own: this one is needed to read what is stored.
    let gone = Client::new(Config::default().app_url("http://127.0.0.1:9")).expect("a thread");
    let tracer = gone.tracer(collector.logs());
    let stats = gone.clone();
    let other = registry().with(layer().roots(tracer));
    with_default(other, || {
        stats.shutdown(DEADLINE).expect("nothing is pending");
        let span = info_span!("after the end", input = 1);
        span.in_scope(|| error!("too late"));
    });
    assert_eq!(stats.stats().dropped.get(&DropReason::Shutdown), Some(&4));
    drop(late);
    collector.flush().await;
    assert!(named(&collector.rows(), "late")["metrics"]["end"].is_number());
}

#[test]
fn without_a_parent_or_a_place_nothing_is_recorded() {
    with_default(registry().with(layer()), || {
        info_span!("alone", input = 1).in_scope(|| {
            info!("unheard");
            assert!(Span::current().is_none());
        });
    });
    let buffer = TraceBuffer::new(1 << 20);
    let root = Span::disabled().child_kept("root", &buffer);
    with_default(registry().with(layer()), || {
        // What is not sampled stays out as a whole.
        root.in_scope(|| Span::disabled().in_scope(|| info_span!("x").in_scope(|| info!("y"))));
    });
    root.log(Event::new().output(&1));
    assert_eq!(buffer.take().spans().len(), 1);
}

#[test]
fn a_value_that_panics_while_it_is_formatted_does_not_harm_the_host() {
    struct Bad;
    impl fmt::Debug for Bad {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("on purpose")
        }
    }
    let trace = with_default(registry().with(layer()), || {
        kept(|| info_span!("span", bad = ?Bad).in_scope(|| info!(bad = ?Bad, "event")))
    });
    let row = row(&trace, "span");
    assert!(row["metadata"]["bad"].as_str().expect("a text").contains("panicked"));
    assert_eq!(row["metadata"]["logs"]["000"]["message"], "event");
}

#[test]
fn what_the_sdk_does_itself_is_not_recorded() {
    let trace = with_default(registry().with(layer()), || {
        kept(|| {
            info_span!(target: "tidegate_client::upload", "own").in_scope(|| {
                info!(target: "tidegate_server", "own");
            });
            info_span!(target: "tidegate_fan_club", "a program's").in_scope(|| {});
        })
    });
    assert_eq!(trace.spans().len(), 2);
}
