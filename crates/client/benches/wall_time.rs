//! Wall time of the stages that a record passes: `cargo xtask bench`.

mod support;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use support::{payload, records};
use tidegate_client::bench::Stages;

const SPANS: usize = 1_000;

fn log(criterion: &mut Criterion) {
    let payload = payload();
    let mut group = criterion.benchmark_group("log");
    group.throughput(Throughput::Elements(1));
    group.bench_function("start_log_end", |bencher| {
        // Emptied every so often, so that it is not the growth of the queue that is measured.
        bencher.iter_batched_ref(
            Stages::default,
            |stages| stages.span(black_box(&payload)),
            BatchSize::NumIterations(SPANS as u64),
        );
    });
    group.finish();
}

fn pipeline(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pipeline");
    group.throughput(Throughput::Elements(SPANS as u64)).sample_size(30);
    group.bench_function("coalesce", |bencher| {
        bencher.iter_batched(
            || records(SPANS),
            |records| records.coalesce(),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("batch", |bencher| {
        bencher.iter_batched_ref(
            || records(SPANS).coalesce(),
            |rows| rows.batch(),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, log, pipeline);
criterion_main!(benches);
