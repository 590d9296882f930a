//! The background logger of the JavaScript SDK, emulated: for comparison only, never to be used.
//!
//! One queue of events. Logging starts a flush if none runs; a flush drains the queue, cuts what
//! it drained into chunks (if it does), merges the events of a chunk by row, posts the rows in
//! requests of at most 100, and starts over while events are queued. Whoever waits for a flush
//! waits until the queue is empty. Everything runs on one thread that switches at awaits only.

mod profile;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use serde_json::json;
use tidegate_client::{Client, ExperimentOptions};
use tidegate_model::Destination;
use tokio::sync::Notify;
use tokio::task::{JoinSet, yield_now};

use self::profile::{Kind, Noted};
use super::child::failed;
use super::figures::{Run, Sent};
use super::workload::{Produced, config};
use crate::args::bench::{DrainDelay, Strategy, Upload};
use crate::clock;
use crate::exit::Failure;

/// Rows of one request, in all versions.
const BATCH_ROWS: usize = 100;
/// Events of one chunk in 3.2.0.
const CHUNK_EVENTS: usize = 25;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(300);
/// How often a profile notes the processor time.
const TICK: Duration = Duration::from_millis(100);

/// A span's first or last event.
#[derive(Debug, Clone, Copy)]
struct Queued {
    row: usize,
    last: bool,
    at_us: u64,
}

struct Logger {
    http: reqwest::Client,
    url: String,
    key: Option<String>,
    destination: Destination,
    payload: String,
    chunk: usize,
    parallel: bool,
    delay: Option<DrainDelay>,
    queue: RefCell<VecDeque<Queued>>,
    queued_since_flush: Cell<usize>,
    flushing: Cell<bool>,
    flushes_ended: Cell<u64>,
    flushed: Notify,
    rows: Cell<usize>,
    sent: RefCell<Vec<Sent>>,
    zero: Instant,
    noted: Noted,
    /// Bytes of a row that starts a span, and of one that ends it.
    bytes: Cell<(u64, u64)>,
    errors: RefCell<Vec<anyhow::Error>>,
    flushes: RefCell<JoinSet<()>>,
}

pub(super) async fn run(upload: &Upload, url: &str) -> Result<Run, Failure> {
    let client = Client::new(config(url, upload.api_key.as_deref()))?;
    let experiment = client.register_experiment(ExperimentOptions::new("bench")).await;
    let experiment = experiment.map_err(|error| failed(error.into()))?;
    let http = reqwest::Client::builder().timeout(REQUEST_TIMEOUT).build();
    let serial = upload.strategy == Strategy::SerialChunks;
    let zero = clock::now();
    let logger = Rc::new(Logger {
        http: http.map_err(|error| failed(error.into()))?,
        url: format!("{}/logs3", url.trim_end_matches('/')),
        key: upload.api_key.clone(),
        destination: experiment.destination(),
        payload: "x".repeat(upload.workload.payload_bytes),
        chunk: match upload.chunk {
            Some(0) => usize::MAX,
            Some(events) => events,
            None if serial => CHUNK_EVENTS,
            None => usize::MAX,
        },
        parallel: upload.parallel_chunks || !serial,
        delay: upload.drain_delay,
        queue: RefCell::default(),
        queued_since_flush: Cell::new(0),
        flushing: Cell::new(false),
        flushes_ended: Cell::new(0),
        flushed: Notify::new(),
        rows: Cell::new(0),
        sent: RefCell::default(),
        zero,
        noted: Noted::begin(upload, zero)?,
        bytes: Cell::default(),
        errors: RefCell::default(),
        flushes: RefCell::new(JoinSet::new()),
    });
    logger.measure();
    let ticking = tick(&logger);
    let produced = Rc::new(Produced::default());
    let next = Rc::new(Cell::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..upload.workload.max_concurrency {
        let (logger, produced, next) = (logger.clone(), produced.clone(), next.clone());
        let upload = upload.clone();
        workers.spawn_local(async move {
            while next.get() < upload.workload.cases {
                next.set(next.get() + 1);
                case(&logger, &upload, &produced, next.get() as u64).await;
            }
        });
    }
    while workers.join_next().await.is_some() {}
    logger.flush(None).await;
    let end = clock::now();
    drop(ticking);
    if let Some(error) = logger.errors.borrow_mut().pop() {
        return Err(failed(error));
    }
    let Some((first, last)) = produced.first_and_last() else {
        return Err(failed(anyhow!("no case ran")));
    };
    logger.noted.finish(last).map_err(|error| {
        let error = anyhow::Error::new(error).context("the profile is not complete");
        Failure::failed(error, "choose another --profile, on a disk with room")
    })?;
    let rows = logger.rows.get();
    let requests = logger.sent.take();
    Ok(Run {
        wall: end.duration_since(first),
        produce: last.duration_since(first),
        requests,
        receipt: json!({"rows": rows}),
    })
}

/// Ticks for the profile, if there is one, until it is dropped.
fn tick(logger: &Rc<Logger>) -> JoinSet<()> {
    let mut ticking = JoinSet::new();
    if logger.noted.is_wanted() {
        let logger = Rc::clone(logger);
        ticking.spawn_local(async move {
            loop {
                tokio::time::sleep(TICK).await;
                logger.noted.tick();
            }
        });
    }
    ticking
}

/// One case as the framework runs it: root, task with its spans, scorer. It yields where the
/// JavaScript framework awaits.
async fn case(logger: &Rc<Logger>, upload: &Upload, produced: &Produced, trace: u64) {
    produced.mark();
    let root = logger.start(trace, ("eval", "eval"));
    yield_now().await;
    let task = logger.start(trace, ("task", "task"));
    for _ in 0..upload.workload.spans {
        let span = logger.start(trace, ("", "step"));
        logger.end(span);
    }
    if !upload.workload.task_time.is_zero() {
        tokio::time::sleep(upload.workload.task_time).await;
    }
    logger.end(task);
    yield_now().await;
    let scorer = logger.start(trace, ("score", "always"));
    logger.end(scorer);
    logger.end(root);
    produced.mark();
    let enough = |items| logger.queued_since_flush.get() >= items;
    if upload.workload.flush_every_task || upload.flush_every_items.is_some_and(enough) {
        logger.queued_since_flush.set(0);
        logger.flush(Some(trace)).await;
    }
}

impl Logger {
    fn start(self: &Rc<Self>, trace: u64, kind: Kind) -> usize {
        let row = self.rows.get();
        self.rows.set(row + 1);
        self.noted.started(row, trace, kind);
        self.log(row, false);
        row
    }

    fn end(self: &Rc<Self>, row: usize) {
        self.log(row, true);
    }

    fn log(self: &Rc<Self>, row: usize, last: bool) {
        self.noted.queued(row, self.bytes_of(!last, last));
        self.queue.borrow_mut().push_back(Queued { row, last, at_us: self.micros() });
        self.queued_since_flush.set(self.queued_since_flush.get() + 1);
        self.trigger();
    }

    /// Starts a flush unless one runs. Its first drain happens at once, before the caller goes
    /// on, as the first synchronous stretch of an async function does in JavaScript.
    fn trigger(self: &Rc<Self>) {
        if self.flushing.replace(true) {
            return;
        }
        let first = self.delay.is_none().then(|| self.drain());
        let logger = Rc::clone(self);
        self.flushes.borrow_mut().spawn_local(async move {
            match logger.delay {
                None => {}
                Some(DrainDelay::Yield) => yield_now().await,
                Some(DrainDelay::Timer) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
            let mut drained = first.unwrap_or_else(|| logger.drain());
            while !drained.is_empty() {
                logger.post_all(drained).await;
                drained = logger.drain();
            }
            logger.flushing.set(false);
            logger.flushes_ended.set(logger.flushes_ended.get() + 1);
            logger.flushed.notify_waiters();
        });
    }

    fn drain(&self) -> Vec<Queued> {
        self.queue.take().into()
    }

    /// Waits for a flush, in a case or after all of them.
    async fn flush(self: &Rc<Self>, trace: Option<u64>) {
        let since = clock::now();
        if !self.queue.borrow().is_empty() {
            self.trigger();
        }
        // Everybody who waits for one flush goes on together when it ends, even if somebody has
        // started the next by then.
        let ended = self.flushes_ended.get();
        while self.flushing.get() && self.flushes_ended.get() == ended {
            self.flushed.notified().await;
        }
        self.noted.waited(trace, since);
    }

    async fn post_all(self: &Rc<Self>, events: Vec<Queued>) {
        let mut under_way = JoinSet::new();
        for chunk in events.chunks(self.chunk.min(events.len())) {
            for rows in merge(chunk).chunks(BATCH_ROWS) {
                let (logger, rows) = (Rc::clone(self), rows.to_vec());
                under_way.spawn_local(async move { logger.post(&rows).await });
            }
            if !self.parallel {
                while under_way.join_next().await.is_some() {}
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    async fn post(&self, rows: &[Merged]) {
        let body = self.body(rows);
        let bytes = body.len() as u64;
        let start_us = self.micros();
        let queued_us = rows.iter().map(|row| row.queued_us).min().unwrap_or(start_us);
        let mut begun = self.noted.request(rows.len(), bytes, queued_us);
        let mut request = self.http.post(&self.url).body(body);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        let answer = async {
            let response = request.send().await?;
            self.noted.answered(&mut begun, response.status().as_u16());
            response.error_for_status()?.bytes().await
        };
        if let Err(error) = answer.await {
            let error = anyhow::Error::new(error.without_url());
            self.errors.borrow_mut().push(error.context("an upload of the emulated logger failed"));
        }
        let end_us = self.micros();
        self.sent.borrow_mut().push(Sent { start_us, end_us, rows: rows.len(), bytes });
        let queued = rows.iter().map(|row| self.bytes_of(row.first, row.last));
        self.noted.ended(&begun, queued.sum());
    }

    fn micros(&self) -> u64 {
        micros(self.zero, clock::now())
    }

    fn body(&self, rows: &[Merged]) -> String {
        let mut body = String::from("{\"rows\":[");
        for (position, row) in rows.iter().enumerate() {
            if position > 0 {
                body.push(',');
            }
            let written = self.row(row);
            self.noted.written(row.number, row.last, written.len() as u64 + 1);
            body += &written;
        }
        body + "],\"api_version\":2}"
    }

    fn row(&self, row: &Merged) -> String {
        let id = format!("00000000-0000-4000-8000-{:012x}", row.number);
        let mut json = json!({
            "id": id, "span_id": id, "root_span_id": id, "_is_merge": !row.first,
        });
        for (name, value) in self.destination.members() {
            json[name] = value.into();
        }
        if row.first {
            json["created"] = "2026-01-01T00:00:00.000Z".into();
            json["span_attributes"] = json!({"name": "step"});
            json["input"] = self.payload.as_str().into();
            json["output"] = self.payload.as_str().into();
            json["metrics"]["start"] = 1.0.into();
        }
        if row.last {
            json["metrics"]["end"] = 2.0.into();
        }
        json.to_string()
    }

    /// Rows of a kind have all one length.
    fn measure(&self) {
        let bytes = |first: bool| {
            let row = Merged { number: 0, first, last: !first, queued_us: 0 };
            self.row(&row).len() as u64 + 1
        };
        self.bytes.set((bytes(true), bytes(false)));
    }

    /// Bytes that the events of a row are counted with while they are pending.
    fn bytes_of(&self, first: bool, last: bool) -> u64 {
        let (starts, ends) = self.bytes.get();
        u64::from(first) * starts + u64::from(last) * ends
    }
}

fn micros(zero: Instant, moment: Instant) -> u64 {
    u64::try_from(moment.saturating_duration_since(zero).as_micros()).unwrap_or(u64::MAX)
}

/// The events of one row, merged.
#[derive(Debug, Clone, Copy)]
struct Merged {
    number: usize,
    first: bool,
    last: bool,
    queued_us: u64,
}

fn merge(events: &[Queued]) -> Vec<Merged> {
    let mut rows: Vec<Merged> = Vec::new();
    for event in events {
        match rows.iter_mut().find(|row| row.number == event.row) {
            Some(row) => row.last |= event.last,
            None => {
                let Queued { row: number, last, at_us: queued_us } = *event;
                rows.push(Merged { number, first: !last, last, queued_us });
            }
        }
    }
    rows
}
