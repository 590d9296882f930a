//! What a span of `tracing` with five fields costs the thread that it runs on:
//! `cargo bench -p tidegate --features tracing-layer,__bench --bench tracing_layer`.
//!
//! `recorded` is creating, entering, leaving and closing one, which makes two records; what the
//! registry costs by itself is in `registry_alone`. `filtered_out` has the layer and a filter that
//! leaves the span out, `no_subscriber` nothing at all.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use tidegate::client::bench::Stages;
use tracing::subscriber::NoSubscriber;
use tracing::{Subscriber, info_span};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry;

const SPANS: u64 = 1_000;

fn span(number: u64) {
    let span = info_span!(
        "answer",
        input = "What is the capital of Peru?",
        gen_ai.operation.name = "chat",
        gen_ai.request.model = "m-large",
        gen_ai.usage.input_tokens = number,
        user = ?Some(number),
    );
    span.in_scope(|| black_box(number));
}

fn group(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tracing_layer");
    let mut measure = |name: &str, make: &dyn Fn() -> Box<dyn Subscriber + Send + Sync>| {
        let _guard = tracing::subscriber::set_default(make());
        group.bench_function(name, |bencher| {
            // Emptied every so often, so that it is not the growth of the queue that is measured.
            bencher.iter_batched_ref(
                || {
                    let stages = Stages::default();
                    let root = stages.root();
                    root.enter_thread((u32::MAX, 0));
                    Batch { stages, next: 0 }
                },
                |batch| {
                    batch.next += 1;
                    span(batch.next);
                },
                BatchSize::NumIterations(SPANS),
            );
        });
    };
    measure("recorded", &|| Box::new(registry().with(tidegate::tracing::layer())));
    measure("registry_alone", &|| Box::new(registry()));
    measure("filtered_out", &|| {
        Box::new(registry().with(tidegate::tracing::layer().with_filter(LevelFilter::WARN)))
    });
    measure("no_subscriber", &|| Box::new(NoSubscriber::default()));
    group.finish();
}

/// Records of one turn; its drop makes room for the next.
struct Batch {
    stages: Stages,
    next: u64,
}

impl Drop for Batch {
    fn drop(&mut self) {
        tidegate::client::Span::exit_thread((u32::MAX, 0));
        drop(self.stages.take());
    }
}

/// Each span by itself, since a mean hides what a user sees: prints the median and the tail.
fn percentiles(_: &mut Criterion) {
    let _guard = tracing::subscriber::set_default(registry().with(tidegate::tracing::layer()));
    let mut times = Vec::new();
    for _ in 0..200 {
        let stages = Stages::default();
        stages.root().in_scope(|| {
            for number in 0..SPANS {
                let start = now();
                span(number);
                times.push(now().saturating_duration_since(start));
            }
        });
        drop(stages.take());
    }
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    say(at(0.5), at(0.99));
}

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::print_stdout, reason = "a bench prints its figures")]
fn say(p50: Duration, p99: Duration) {
    println!("tracing_layer/recorded, each span by itself: p50 {p50:?}, p99 {p99:?}");
}

criterion_group!(benches, group, percentiles);
criterion_main!(benches);
