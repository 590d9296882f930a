//! Instructions of the same stages, counted by Valgrind: the same on every machine and every day.
//! `cargo xtask bench` runs it; `docs/performance.md` holds the last figures.

#![expect(clippy::exit, reason = "what `main!` expands to ends the process")]

mod support;

use std::hint::black_box;

use gungraun::{library_benchmark, library_benchmark_group, main};
use support::{Payload, payload, records};
use tidegate_client::bench::{Records, Rows, Stages};

const SPANS: usize = 100;

fn recording() -> (Stages, Payload) {
    (Stages::default(), payload())
}

fn rows() -> Rows {
    records(SPANS).coalesce()
}

#[library_benchmark(setup = recording)]
#[bench::hundred_spans()]
fn start_log_end((stages, payload): (Stages, Payload)) -> Stages {
    for _ in 0..SPANS {
        stages.span(black_box(&payload));
    }
    stages
}

#[library_benchmark(setup = records)]
#[bench::hundred_spans(SPANS)]
fn coalesce(records: Records) -> Rows {
    records.coalesce()
}

#[library_benchmark(setup = rows)]
#[bench::hundred_spans()]
fn batch(mut rows: Rows) -> Rows {
    black_box(rows.batch());
    rows
}

library_benchmark_group!(name = stages, benchmarks = [start_log_end, coalesce, batch]);
main!(library_benchmark_groups = stages);
