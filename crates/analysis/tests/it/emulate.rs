//! The JavaScript SDK's background logger, computed instead of run: one queue of events; a
//! flush drains it, walks chunks of it (if it does), posts the rows of a chunk in requests of at
//! most 100, and starts over while events are queued.

use std::collections::{BTreeMap, VecDeque};

use tidegate_model::profile::{Cause, Source};

use crate::build::{Build, MS};

pub(crate) const FIXED_US: u64 = 250 * MS;
pub(crate) const PER_ROW_US: u64 = 4 * MS;
const BATCH_ROWS: usize = 100;
/// Between two events that a case logs.
const STEP_US: u64 = 20;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Logger {
    pub(crate) cases: u64,
    /// Cases at once.
    pub(crate) slots: u64,
    /// What a task waits for besides logging.
    pub(crate) task_us: u64,
    /// Spans inside of each task.
    pub(crate) spans: u64,
    /// Events of a chunk; each chunk is awaited.
    pub(crate) chunk: Option<usize>,
    pub(crate) flush_every_task: bool,
}

/// The published workload: 40 cases of 11 spans, 4 at once.
pub(crate) const SEED: Logger =
    Logger { cases: 40, slots: 4, task_us: 0, spans: 8, chunk: None, flush_every_task: false };

/// What happens next, at a time and in the order in which it was planned.
#[derive(Debug, Clone, Copy)]
enum Next {
    Case,
    Event(u64),
    /// The root of a trace, which began at the given time, ends.
    Ends(u64, u64),
    Posted,
}

struct Run {
    logger: Logger,
    build: Build,
    plan: BTreeMap<(u64, u64), Next>,
    planned: u64,
    queue: VecDeque<(u64, u64)>,
    is_flushing: bool,
    /// Traces that wait for the flush, and since when.
    waiting: Vec<(u64, u64)>,
    started: u64,
    rows: u64,
    end_us: u64,
    produced_us: u64,
}

impl Logger {
    pub(crate) fn run(self) -> Build {
        let mut run = Run {
            logger: self,
            build: Build::new(Source::Emulation),
            plan: BTreeMap::new(),
            planned: 0,
            queue: VecDeque::new(),
            is_flushing: false,
            waiting: Vec::new(),
            started: 0,
            rows: 0,
            end_us: 0,
            produced_us: 0,
        };
        run.build.header.max_rows = Some(100);
        for _ in 0..self.slots {
            run.plan(0, Next::Case);
        }
        while let Some(((now, _), next)) = run.plan.pop_first() {
            run.step(now, next);
        }
        let (end, produced) = (run.end_us.max(run.produced_us), run.produced_us);
        run.build.end(end, Some(produced));
        run.build
    }
}

impl Run {
    fn plan(&mut self, at: u64, next: Next) {
        self.planned += 1;
        self.plan.insert((at, self.planned), next);
    }

    fn step(&mut self, now: u64, next: Next) {
        match next {
            Next::Case if self.started < self.logger.cases => self.case(now),
            Next::Case => {}
            Next::Event(row) => {
                self.queue.push_back((now, row));
                if !std::mem::replace(&mut self.is_flushing, true) {
                    self.post(now);
                }
            }
            Next::Ends(trace, start) => {
                self.build.root(trace, start, now);
                self.build.span(trace, "task", start, now);
                self.produced_us = now;
                if self.logger.flush_every_task && self.is_flushing {
                    self.waiting.push((trace, now));
                } else {
                    self.plan(now, Next::Case);
                }
            }
            Next::Posted if self.queue.is_empty() => {
                self.is_flushing = false;
                for (trace, since) in std::mem::take(&mut self.waiting) {
                    self.build.wait(Cause::Flush, Some(trace), since, now);
                    self.plan(now, Next::Case);
                }
            }
            Next::Posted => self.post(now),
        }
    }

    /// Root, task, its spans, and a scorer, each with a first and a last event.
    fn case(&mut self, now: u64) {
        self.started += 1;
        let (trace, spans) = (self.started, self.logger.spans + 3);
        let mut at = now;
        for row in self.rows..self.rows + spans {
            self.plan(at, Next::Event(row));
            self.plan(at + STEP_US, Next::Event(row));
            at += 2 * STEP_US;
        }
        self.rows += spans;
        self.plan(at + self.logger.task_us, Next::Ends(trace, now));
    }

    /// Drains the queue and posts all of it.
    fn post(&mut self, now: u64) {
        let drained: Vec<_> = self.queue.drain(..).collect();
        let mut start = now;
        for chunk in drained.chunks(self.logger.chunk.unwrap_or(usize::MAX)) {
            let mut rows: BTreeMap<u64, u64> = BTreeMap::new();
            for (at, row) in chunk {
                rows.entry(*row).or_insert(*at);
            }
            let queued: Vec<u64> = rows.into_values().collect();
            let mut end = start;
            for batch in queued.chunks(BATCH_ROWS) {
                let ends = start + FIXED_US + PER_ROW_US * batch.len() as u64;
                let oldest = batch.iter().copied().min().unwrap_or(start);
                self.build.request(batch.len() as u32, oldest, start, ends);
                end = end.max(ends);
            }
            // A moment until the next one is on its way.
            start = end + 300;
        }
        self.end_us = self.end_us.max(start - 300);
        self.plan(start, Next::Posted);
    }
}
