//! What a span costs the thread that records it: start, one event, end.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;
use tidegate_client::{Client, Config, Event, Policy, Receipt, SpanOptions};
use tidegate_model::Destination;
use tokio::runtime::Runtime;

use super::child::{ModelServer, failed};
use super::process;
use crate::args::bench::{Log, LogPolicy, Pace};
use crate::clock;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::profiles;

/// The first part of a run warms caches and allocators up and is not counted.
const WARM_UP: Duration = Duration::from_millis(300);
/// How long before a span a busy producer is awake.
const AWAKE: Duration = Duration::from_micros(50);

/// What is recorded: a struct as programs have them, not a prepared text.
#[derive(Debug, Serialize)]
struct Payload {
    model: &'static str,
    temperature: f64,
    max_tokens: u32,
    messages: Vec<Message>,
}

#[derive(Debug, Serialize)]
struct Message {
    role: &'static str,
    content: String,
}

impl Payload {
    /// About the given number of bytes as JSON.
    fn new(bytes: usize) -> Self {
        let word = "the tide turns at the gate; ";
        let each = bytes.saturating_sub(160) / 3;
        let content = || word.chars().cycle().take(each).collect();
        let message = |role| Message { role, content: content() };
        let messages = ["system", "user", "assistant"].map(message).into();
        Self { model: "bench", temperature: 0.2, max_tokens: 256, messages }
    }
}

/// Microseconds.
#[derive(Debug, Serialize)]
struct Percentiles {
    p50: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

#[derive(Debug, Serialize)]
struct Figures {
    spans: u64,
    seconds: f64,
    spans_per_second: f64,
    /// Start, one event, end.
    span_us: Percentiles,
    /// The event alone.
    log_us: Percentiles,
    cpu_s: Option<f64>,
    peak_rss_bytes: Option<u64>,
    flush_s: f64,
    /// Why the flush did not deliver everything, if so.
    flush_error: Option<String>,
    receipt: Receipt,
}

/// What one thread has measured, in nanoseconds.
struct Measured {
    span: Histogram<u64>,
    log: Histogram<u64>,
    spans: u64,
}

pub(super) fn run(log: &Log, printer: &Printer, runtime: &Runtime) -> Result<(), Failure> {
    super::upload::tls();
    if log.policy == LogPolicy::Spool && log.spool_dir.is_none() {
        let error = anyhow::anyhow!("--policy spool needs --spool-dir");
        return Err(Failure::usage(error, "add --spool-dir with a directory of your choice"));
    }
    let server = match (&log.api_url, log.dead_server) {
        (None, false) => Some(runtime.block_on(ModelServer::start(&log.latency))?),
        _ => None,
    };
    let url = match (&log.api_url, &server) {
        (Some(url), _) => url.clone(),
        (None, Some(server)) => server.url.clone(),
        (None, None) => nobody()?,
    };
    let policy = match log.policy {
        LogPolicy::Block => Policy::Block,
        LogPolicy::Spool => Policy::Spool,
        LogPolicy::Drop => Policy::Drop,
    };
    let config = Config::default()
        .app_url(&url)
        .api_url(&url)
        .policy(policy)
        .durable(log.durable)
        .profile(log.profile.clone())
        .spool_dir(log.spool_dir.clone());
    log.profile.as_deref().map_or(Ok(()), profiles::check)?;
    let client = Client::new(config)?;
    let before = process::cpu_seconds();
    let start = clock::now();
    let measured = produce(log, &client)?;
    let seconds = start.elapsed().as_secs_f64();
    let flush = clock::now();
    let flush_error = client.flush_blocking(log.flush_timeout).err().map(|e| e.to_string());
    let flush_s = flush.elapsed().as_secs_f64();
    // Of everything, whatever earlier flushes have reported.
    let _ended = client.shutdown(Duration::from_secs(5));
    let figures = Figures {
        spans: measured.spans,
        seconds,
        spans_per_second: measured.spans as f64 / seconds,
        span_us: percentiles(&measured.span),
        log_us: percentiles(&measured.log),
        cpu_s: process::cpu_seconds().zip(before).map(|(now, before)| now - before),
        peak_rss_bytes: process::peak_rss_bytes(),
        flush_s,
        flush_error,
        receipt: client.stats(),
    };
    if let Some(server) = server {
        runtime.block_on(server.stop());
    }
    let text = match log.json {
        true => serde_json::to_string(&figures),
        false => serde_json::to_string_pretty(&figures),
    };
    printer.data(text.map_err(|error| failed(error.into()))?)
}

/// An address where nobody listens, or none for long.
fn nobody() -> Result<String, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Ok(format!("http://{}", listener.local_addr()?))
}

fn produce(log: &Log, client: &Client) -> Result<Measured, Failure> {
    let payload = Arc::new(Payload::new(log.payload_bytes));
    let until = clock::now() + Duration::from_secs(log.seconds);
    let producers: Vec<_> = (0..log.producers)
        .map(|producer| {
            let (client, payload, log) = (client.clone(), Arc::clone(&payload), log.clone());
            thread::spawn(move || one(producer, &log, &client, &payload, until))
        })
        .collect();
    let mut all: Option<Measured> = None;
    for producer in producers {
        let one = producer.join().map_err(|_| failed(anyhow::anyhow!("a producer panicked")))?;
        match &mut all {
            None => all = Some(one),
            Some(all) => {
                all.spans += one.spans;
                // Both have the same bounds, so adding cannot fail.
                all.span.add(&one.span).ok();
                all.log.add(&one.log).ok();
            }
        }
    }
    all.ok_or_else(|| failed(anyhow::anyhow!("no producer")))
}

fn one(producer: usize, log: &Log, client: &Client, payload: &Payload, until: Instant) -> Measured {
    let histogram =
        || Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("these bounds are valid");
    let mut measured = Measured { span: histogram(), log: histogram(), spans: 0 };
    let destination = Arc::new(Destination::Experiment("bench".into()));
    let begin = clock::now();
    let interval =
        (log.rate > 0).then(|| Duration::from_secs_f64(log.producers as f64 / log.rate as f64));
    // Producers take turns instead of starting together.
    let mut due =
        begin + interval.unwrap_or_default().mul_f64(producer as f64 / log.producers as f64);
    loop {
        let mut now = clock::now();
        if now >= until {
            return measured;
        }
        // The schedule does not wait for a slow span: those after it come at once.
        while now < due {
            match log.pace {
                Pace::Busy if due - now <= AWAKE => std::hint::spin_loop(),
                Pace::Busy => thread::park_timeout(due - now - AWAKE),
                Pace::Idle => thread::park_timeout(due - now),
            }
            now = clock::now();
        }
        due += interval.unwrap_or_default();
        if log.payload_only {
            let started = clock::now();
            // The bench's own struct always serializes.
            std::hint::black_box(serde_json::to_vec(payload).ok());
            let nanos = started.elapsed().as_nanos() as u64;
            measured.spans += 1;
            measured.span.saturating_record(nanos);
            measured.log.saturating_record(nanos);
            continue;
        }
        let started = clock::now();
        let span =
            client.start_span(Arc::clone(&destination), SpanOptions::new("step").span_type("llm"));
        let logging = clock::now();
        span.log(Event::new().input(payload));
        let logged = clock::now();
        span.end();
        let ended = clock::now();
        drop(span);
        measured.spans += 1;
        if started.duration_since(begin) > WARM_UP {
            let nanos = |from: Instant, to: Instant| to.duration_since(from).as_nanos() as u64;
            measured.span.saturating_record(nanos(started, ended));
            measured.log.saturating_record(nanos(logging, logged));
        }
    }
}

fn percentiles(histogram: &Histogram<u64>) -> Percentiles {
    let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
    Percentiles { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: histogram.max() as f64 / 1e3 }
}
