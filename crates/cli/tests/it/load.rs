//! Writers that know what the server must hold.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};
use tidegate_testkit::{post, rows};

/// Input and metadata of rows, by row id.
pub(super) type Content = BTreeMap<String, (Value, Value)>;

/// Rows that are written again and again, by merging and by replacing.
const SHARED_ROWS: u64 = 12;
/// New rows of a request, besides the others.
const NEW_ROWS: u64 = 10;
const CHANGED_ROWS: u64 = 6;

/// One writer: the rows of one prefix, which nobody else touches.
pub(super) struct Writer {
    object: String,
    number: u64,
    seed: u64,
    requests: u64,
    /// What the answered requests amount to.
    content: Content,
    /// What the request without an answer would make of it.
    pub(super) under_way: Option<Content>,
    /// Answered requests.
    pub(super) acknowledged: usize,
}

impl Writer {
    pub(super) fn new(object: &str, number: u64, seed: u64) -> Self {
        let object = object.to_owned();
        let content = Content::new();
        Self { object, number, seed, requests: 0, content, under_way: None, acknowledged: 0 }
    }

    /// Makes the next request, and what it makes of the content.
    fn next(&mut self) -> (String, Content) {
        let request = self.requests;
        self.requests += 1;
        let mut after = self.content.clone();
        let mut rows = Vec::new();
        for new in 0..NEW_ROWS {
            let id = format!("{}-{request}-{new}", self.number);
            let input = json!(format!("{id} {}", "words that fill a row ".repeat(40)));
            rows.push(json!({"id": id, "experiment_id": self.object, "input": input}));
            after.insert(id, (input, Value::Null));
        }
        for changed in 0..CHANGED_ROWS {
            let shared = (self.seed.wrapping_add(request * CHANGED_ROWS + changed)) % SHARED_ROWS;
            let id = format!("{}-shared-{shared}", self.number);
            let replaces = (request + changed).is_multiple_of(5);
            let slot = format!("slot-{}", (request + changed) % 3);
            rows.push(json!({
                "id": id, "experiment_id": self.object, "input": request,
                "metadata": {slot.as_str(): request}, "_is_merge": !replaces,
            }));
            let (input, metadata) = after.entry(id).or_default();
            *input = json!(request);
            if replaces || metadata.is_null() {
                *metadata = json!({});
            }
            metadata[slot] = json!(request);
        }
        (json!({"rows": rows, "api_version": 2}).to_string(), after)
    }

    /// Sends until it is told to stop or the server is gone.
    fn run(mut self, url: &str, stop: &AtomicBool) -> Self {
        while !stop.load(Ordering::Relaxed) {
            let (body, after) = self.next();
            match post(url, "/logs3", &[], &body) {
                Ok(reply) if reply.status == 200 => {
                    self.content = after;
                    self.acknowledged += 1;
                }
                // A server that stops may say so.
                Ok(reply) => {
                    assert_eq!(reply.status, 503, "{}", reply.text);
                    break;
                }
                Err(_) => {
                    self.under_way = Some(after);
                    break;
                }
            }
        }
        self
    }

    /// What the answered requests amount to.
    pub(super) fn content(&self) -> &Content {
        &self.content
    }

    /// Checks this writer's rows among those found and returns them: what was acknowledged, with
    /// the whole of the request without an answer or nothing of it.
    pub(super) fn settle(self, found: &Content) -> Content {
        let prefix = format!("{}-", self.number);
        let of = |(id, _): &(&String, _)| id.starts_with(&prefix);
        let own: Content =
            found.iter().filter(of).map(|(id, row)| (id.clone(), row.clone())).collect();
        if own == self.content || self.under_way.as_ref() == Some(&own) {
            return own;
        }
        let lost: Vec<_> =
            self.content.iter().filter(|(id, row)| own.get(*id) != Some(*row)).take(5).collect();
        panic!(
            "{} writer {}: {} rows, expected {} or {:?}; acknowledged and not there: {lost:#?}",
            self.object,
            self.number,
            own.len(),
            self.content.len(),
            self.under_way.as_ref().map(BTreeMap::len),
        );
    }
}

/// Writers at work.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    writers: Vec<thread::JoinHandle<Writer>>,
}

impl Load {
    pub(super) fn start(url: &str, writers: Vec<Writer>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let run = |writer: Writer| {
            let (url, stop) = (url.to_owned(), Arc::clone(&stop));
            thread::spawn(move || writer.run(&url, &stop))
        };
        let writers = writers.into_iter().map(run).collect();
        Self { stop, writers }
    }

    /// Stops those that are still at it and returns what each knows.
    pub(super) fn finish(self) -> Vec<Writer> {
        self.stop.store(true, Ordering::Relaxed);
        let end = |writer: thread::JoinHandle<Writer>| writer.join().expect("no panic");
        self.writers.into_iter().map(end).collect()
    }
}

/// What an object's rows hold, by row id.
pub(super) fn contents(url: &str, object: &str) -> Content {
    let rows = rows(url, "experiment", object);
    rows.into_iter()
        .map(|mut row| {
            let id = row["id"].as_str().expect("an id").to_owned();
            (id, (row["input"].take(), row["metadata"].take()))
        })
        .collect()
}
