//! A deterministic simulation: producers, the driver, a network that fails and a server that
//! restarts, all on one paused clock and one seed, so that a failing seed repeats exactly.
//!
//! In each seed a client runs through partitions, refused connections, lost answers, 429, 503
//! and 413, is killed in the middle, and is followed by another one that also sends what the
//! first left in the spool. All the while the ledger and the budget are checked; in the end the
//! server must have every row once with its final content.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use serde_json::json;
use tempfile::TempDir;
use tidegate_model::{Destination, Row, RowId, SpanId, TraceId, merge};
use tokio::task::LocalSet;
use tokio::time::sleep;

use super::*;
use crate::attachment::{Attachment, What};
use crate::clock::{WallTime, wall};
use crate::config::Policy;
use crate::event::Event;
use crate::http::Signed;
use crate::inbox::FlushGuard;
use crate::pipeline::backoff::Random;
use crate::record::{Head, SpanIds, SpanStart, Start};
use crate::recorder::{Draft, Owner, Recorder};
use crate::spool::replay::{self, Upload};
use crate::spool::{Drained, Target};

/// Seeds that have failed once stay here; those below come on top.
/// 99: halves of a split batch stood behind repeats that the retry budget held back, and the
/// driver woke up for them at once and for ever.
const KEPT_SEEDS: [u64; 1] = [99];
const SEEDS: u64 = 100;
const BUDGET: u64 = 16_000;
const LIMIT: u64 = 6_000;
const SPANS: u64 = 60;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// The network and the server behind it.
struct Net {
    random: Mutex<Random>,
    stored: Mutex<HashMap<String, Row>>,
    /// Whether rows beyond the limit are taken in another way, and what was uploaded so.
    overflow: bool,
    aside: Mutex<Vec<Bytes>>,
    /// Keys of attachments that are there whole.
    attached: Mutex<HashSet<String>>,
    /// Spans of time, since the start, in which nothing gets through, or nobody listens.
    partitions: Vec<(Duration, Duration)>,
    restarts: Vec<(Duration, Duration)>,
    start: Instant,
}

impl Net {
    fn new(seed: u64) -> Arc<Self> {
        let mut random = Random::new(seed);
        let mut windows = |count: usize, longest: f64| -> Vec<(Duration, Duration)> {
            let window = |_| {
                let from = Duration::from_secs_f64(random.fraction() * 20.0);
                (from, from + Duration::from_secs_f64(random.fraction() * longest))
            };
            (0..count).map(window).collect()
        };
        let (partitions, restarts) = (windows(2, 8.0), windows(3, 3.0));
        Arc::new(Self {
            random: Mutex::new(random),
            stored: Mutex::default(),
            overflow: seed % 3 == 1,
            aside: Mutex::default(),
            attached: Mutex::default(),
            partitions,
            restarts,
            start: clock::now(),
        })
    }

    fn draw(&self) -> f64 {
        self.random.lock().expect("not poisoned").fraction()
    }

    fn is_in(&self, windows: &[(Duration, Duration)]) -> bool {
        let now = clock::now().duration_since(self.start);
        windows.iter().any(|(from, to)| (*from..*to).contains(&now))
    }

    fn store(&self, body: &[u8]) {
        let body: serde_json::Value = serde_json::from_slice(body).expect("a body is JSON");
        let mut stored = self.stored.lock().expect("not poisoned");
        for row in body["rows"].as_array().expect("rows") {
            let row = row.as_object().expect("a row").clone();
            let id = row["id"].as_str().expect("an id").to_owned();
            let before = stored.remove(&id);
            stored.insert(id, merge::apply(before, row).expect("no deletes"));
        }
    }

    /// Does what a step asks for.
    fn take(&self, body: &Bytes, stage: &Stage) -> Reply {
        match stage {
            Stage::Rows | Stage::Anyway => self.store(body),
            Stage::Announce => {
                return Reply::Next(Stage::Upload(Arc::new(Signed::simulated())));
            }
            Stage::Upload(_) => {
                let mut aside = self.aside.lock().expect("not poisoned");
                aside.push(body.clone());
                return Reply::Next(Stage::Name((aside.len() - 1).to_string().into()));
            }
            Stage::Name(key) => {
                let key: usize = key.parse().expect("a key of ours");
                let uploaded = self.aside.lock().expect("not poisoned")[key].clone();
                self.store(&uploaded);
            }
        }
        Reply::Acknowledged
    }

    async fn exchange(&self, body: Bytes, stage: Stage) -> Reply {
        let retry = |detail: &str| Reply::Retry { after: None, detail: detail.to_owned() };
        sleep(ms((self.draw() * 100.0) as u64)).await;
        if self.is_in(&self.partitions) {
            // The request may have got through before the answer was cut off. A request that is
            // stored long after its client gave it up is left out: no client can order that.
            if self.draw() < 0.3 {
                self.take(&body, &stage);
            }
            sleep(ms(5_000)).await;
            return retry("timed out");
        }
        if self.is_in(&self.restarts) {
            return retry("connection refused");
        }
        if body.len() as u64 > LIMIT && !stage.is_overflow() {
            return if self.overflow { Reply::OverLimit } else { Reply::TooLarge };
        }
        let fate = self.draw();
        if fate < 0.05 {
            return retry("503");
        }
        if fate < 0.08 {
            return Reply::Retry { after: Some(ms(1_000)), detail: "429".to_owned() };
        }
        let reply = self.take(&body, &stage);
        sleep(ms((self.draw() * 300.0) as u64)).await;
        if fate < 0.12 { retry("the answer was lost") } else { reply }
    }
}

impl Transport for Net {
    async fn send(&self, body: Bytes, stage: Stage) -> (Reply, Trace) {
        (self.exchange(body, stage).await, Trace::default())
    }

    async fn attach(&self, step: Step, _: &Arc<Budget>) -> Verdict {
        let retry = |detail: &str| {
            let (detail, is_uploaded) = (detail.to_owned(), matches!(step.what, What::Complete));
            Verdict::Retry { after: None, detail, is_uploaded }
        };
        sleep(ms((self.draw() * 200.0) as u64)).await;
        if self.is_in(&self.partitions) {
            sleep(ms(2_000)).await;
            return retry("timed out");
        }
        if self.is_in(&self.restarts) || self.draw() < 0.05 {
            return retry("connection refused");
        }
        if !matches!(step.what, What::Report(_)) {
            self.attached.lock().expect("not poisoned").insert(step.about.key.to_string());
        }
        if self.draw() < 0.05 { retry("the answer was lost") } else { Verdict::Done }
    }

    fn has_overflow(&self) -> bool {
        self.overflow
    }

    fn max_request_bytes(&self) -> u64 {
        // Not what the server takes: that has to be learned, unless it says so.
        if self.overflow { LIMIT } else { 4 * LIMIT }
    }
}

#[derive(Clone)]
struct Replayed(Arc<Net>);

impl Upload for Replayed {
    async fn upload(&self, body: Bytes) -> Reply {
        let mut stage = Stage::Rows;
        loop {
            match self.0.exchange(body.clone(), stage).await {
                Reply::Next(next) => stage = next,
                Reply::OverLimit => stage = Stage::Announce,
                reply => return reply,
            }
        }
    }

    fn max_request_bytes(&self) -> u64 {
        LIMIT
    }
}

/// One life of a client.
struct Life {
    recorder: Arc<Recorder>,
    shared: Arc<Shared>,
    net: Arc<Net>,
    written: Rc<Cell<u64>>,
}

impl Life {
    fn new(net: &Arc<Net>, spool: &TempDir, durable: bool) -> Self {
        let inbox = Arc::new(Inbox::default());
        let budget = Budget::new(BUDGET);
        // Silent: a hook takes the place of stderr.
        let notices = Arc::new(Notices::new(Duration::ZERO, Some(Arc::new(|_| {}))));
        let target = Target { app_url: None, api_url: None, org_name: None };
        let journal = Arc::new(Journal::new(spool.path(), target, 1 << 30, false));
        let recorder = Arc::new(Recorder {
            inbox: Arc::clone(&inbox),
            budget: Arc::clone(&budget),
            notices: Arc::clone(&notices),
            policy: Policy::Block,
            admit_timeout: Duration::ZERO,
            mask: None,
            sample_ratio: 1.0,
            journal: durable.then(|| Arc::clone(&journal)),
            dumps: Dumps::default(),
            owner: Owner::this_process(),
            waits: Arc::default(),
            server: None,
        });
        let shared = Shared::new(inbox, budget, notices).journal(Some(journal));
        Self { recorder, shared: Arc::new(shared), net: Arc::clone(net), written: Rc::default() }
    }

    async fn drive(&self, seed: u64) {
        let options = Options {
            lanes: 4,
            budget_bytes: BUDGET,
            max_rows: 50,
            max_request_bytes: 4 * LIMIT,
            max_retries: None,
            give_up_after: Duration::from_secs(6),
            sync_flush: false,
            spool: true,
            spool_when_full: false,
            seed,
        };
        run(options, &self.shared, &self.net).await;
    }

    /// Spans of one producer, some of them open for long.
    async fn produce(&self, producer: u64, life: u64) {
        for number in 0..SPANS {
            let id = format!("{life}-{producer}-{number}");
            let ids = SpanIds::root(SpanId::from_bits(number + 1), TraceId::from_bits(1));
            let destination = Arc::new(Destination::Experiment("e".into()));
            let head = Head::span(destination, RowId::from(id.as_str()), ids);
            let span = Some(SpanStart { name: "s".into(), span_type: None, purpose: None });
            let start = Start { at: wall(), monotonic: None, span };
            let event = Event::new().input(&number);
            let event = match number % 15 {
                4 => {
                    let name = format!("{id}.bin");
                    let bytes = vec![0; (self.net.draw() * 3_000.0) as usize];
                    let attachment =
                        Attachment::from_bytes(name, "application/octet-stream", bytes);
                    event.expected(&json!({ "file": attachment }))
                }
                _ => event,
            };
            self.record(&head, Some(start), None, event).await;
            for step in 0..3 {
                let wait = self.net.draw();
                sleep(ms(if wait < 0.1 { 2_000 } else { (wait * 60.0) as u64 })).await;
                let mut output = format!("{id} {step}");
                if self.net.overflow && number % 20 == 7 && step == 1 {
                    // Beyond the limit, until the next step replaces it.
                    output.insert_str(0, &"x".repeat(LIMIT as usize));
                }
                self.record(&head, None, None, Event::new().output(&output)).await;
            }
            self.record(&head, None, Some(wall()), Event::new()).await;
            self.written.set(self.written.get() + 1);
        }
    }

    async fn record(
        &self,
        head: &Arc<Head>,
        start: Option<Start>,
        end: Option<WallTime>,
        event: Event,
    ) {
        let draft = Draft { head: Arc::clone(head), start, end, event };
        self.recorder.record_async(draft, None).await;
    }

    async fn watch(&self) {
        loop {
            let stats = self.shared.inbox.stats();
            let settled = stats.acknowledged + stats.spooled + stats.lost();
            assert_eq!(stats.accepted, settled + stats.pending);
            assert_eq!(stats.lost(), 0, "{stats:?}");
            let attachments = &stats.attachments;
            let settled = attachments.uploaded + attachments.lost();
            assert_eq!(attachments.accepted, settled + attachments.pending);
            assert!(self.shared.budget.used_bytes() <= BUDGET);
            sleep(ms(10)).await;
        }
    }

    async fn live(&self, life: u64) {
        let produced = async {
            tokio::join!(self.produce(0, life), self.produce(1, life), self.produce(2, life));
        };
        // Cancel safety: watching ends with producing.
        tokio::select! {
            () = produced => {}
            () = self.watch() => {}
        }
    }
}

async fn simulate(seed: u64) {
    let net = Net::new(seed);
    let spool = TempDir::new().expect("a directory");
    let durable = seed.is_multiple_of(2);

    // The first life ends in the middle, without a word. What it promised depends on `durable`.
    let first = Life::new(&net, &spool, durable);
    let death = ms(500 + (net.draw() * 6_000.0) as u64);
    tokio::select! {
        () = first.live(1) => {}
        () = first.drive(seed) => {}
        () = sleep(death) => {}
    }
    let accepted = first.shared.inbox.stats();
    drop(first);

    // The second one works to its end, and sends what the first has left.
    let second = Life::new(&net, &spool, durable);
    let directory = second.shared.journal.as_ref().expect("set").directory().to_owned();
    let replayed = async {
        let mut drained = Drained::default();
        for group in replay::groups(&directory).expect("readable") {
            let upload = Replayed(Arc::clone(&net));
            let patience = Duration::from_secs(300);
            replay::drain(&group, &upload, patience, &mut drained).await.expect("delivered");
        }
        drained
    };
    let lived = async {
        let (drained, ()) = tokio::join!(replayed, second.live(2));
        let (guard, settled) = FlushGuard::begin(&second.shared.inbox);
        tokio::time::timeout(Duration::from_secs(300), settled).await.expect("in time").ok();
        let receipt = guard.finish();
        assert_eq!((receipt.pending, receipt.lost()), (0, 0), "{receipt:?}");
        let attachments = &receipt.attachments;
        assert_eq!((attachments.accepted, attachments.pending), (3 * SPANS / 15, 0), "{receipt:?}");
        second.shared.inbox.close();
        *second.shared.stop.lock().expect("not poisoned") = Some(Duration::from_secs(60));
        second.shared.inbox.bell.call();
        drained
    };
    let (drained, ()) = tokio::join!(lived, second.drive(seed));
    assert_eq!(second.shared.budget.used_bytes(), 0, "every lease is given back");
    let receipt = second.shared.inbox.stats();
    drop(second);

    // What the second one gave up during an outage is in the spool by now.
    let mut rest = Drained::default();
    for group in replay::groups(&directory).expect("readable") {
        let upload = Replayed(Arc::clone(&net));
        let patience = Duration::from_secs(300);
        replay::drain(&group, &upload, patience, &mut rest).await.expect("delivered");
    }
    assert_eq!(rest.records, receipt.spooled);
    if durable {
        assert!(drained.records <= accepted.accepted);
    }
    let stored = net.stored.lock().expect("not poisoned");
    let attached = net.attached.lock().expect("not poisoned");
    let referred = stored.iter().filter(|(id, _)| id.starts_with("2-"));
    let referred = referred.filter_map(|(_, row)| row.get("expected")?["file"]["key"].as_str());
    let there = referred.filter(|key| attached.contains(*key)).count() as u64;
    // A failure may be a lost answer; a success never is nothing.
    assert!(there >= receipt.attachments.uploaded, "{receipt:?}");
    for (producer, number) in (0..3).flat_map(|p| (0..SPANS).map(move |n| (p, n))) {
        let id = format!("2-{producer}-{number}");
        let row = stored.get(&id).unwrap_or_else(|| panic!("{id} is missing"));
        assert_eq!(row["input"], json!(number));
        assert_eq!(row["output"], json!(format!("{id} 2")), "{id} has its last output");
        assert!(row["metrics"]["end"].is_number(), "{id} has ended");
    }
    if durable {
        check_first_life(&stored, accepted.accepted);
    }
}

/// Every accepted record of a durable life is stored; a span that was cut off shows how far it
/// had come.
fn check_first_life(stored: &HashMap<String, Row>, accepted: u64) {
    let mut records = 0;
    for (id, row) in stored.iter().filter(|(id, _)| id.starts_with("1-")) {
        let output = row.get("output").and_then(|output| output.as_str());
        let step = output.and_then(|text| text.rsplit(' ').next()?.parse::<u64>().ok());
        assert!(row["input"].is_number(), "{id} has its beginning");
        records += 1 + step.map_or(0, |step| step + 1);
        records += u64::from(row["metrics"].get("end").is_some());
    }
    assert_eq!(records, accepted);
}

#[test]
fn invariants_hold_through_partitions_restarts_and_death_over_many_seeds() {
    for seed in KEPT_SEEDS.into_iter().chain((0..SEEDS).filter(|seed| !KEPT_SEEDS.contains(seed))) {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let local = LocalSet::new();
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            runtime.expect("a runtime").block_on(local.run_until(simulate(seed)));
        }));
        assert!(ended.is_ok(), "seed {seed} fails: keep it in KEPT_SEEDS");
    }
}
