//! Load on a collector: rows over HTTP from several connections, as fast as it takes them or at a
//! steady rate.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_analysis::statistics::SplitMix64;
use tokio::task::JoinSet;

use super::corpus::Corpus;
use super::rows::{ROWS_PER_CASE, Rows};
use crate::clock;

/// For one request, its repetitions apart.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a request is repeated that the collector puts off.
const PATIENCE: Duration = Duration::from_secs(120);
/// Rows that later deltas may go to, per connection.
const REMEMBERED: usize = 1_000;

/// What to send.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) url: String,
    pub(super) key: Option<String>,
    pub(super) project: String,
    /// Rows, deltas included.
    pub(super) rows: u64,
    pub(super) row_bytes: usize,
    pub(super) rows_per_request: usize,
    /// Cases of each experiment; the last one may have fewer.
    pub(super) cases: u64,
    /// Fraction of rows that are deltas to rows sent before.
    pub(super) merges: f64,
    /// Rows per second of all connections together; `None` means as fast as they are taken.
    pub(super) rate: Option<f64>,
    pub(super) connections: usize,
    pub(super) seed: u64,
}

/// One acknowledged request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// Since the start of the load.
    pub(super) end: Duration,
    /// From when it was due, or sent if nothing was due, until the answer.
    pub(super) latency: Duration,
    pub(super) rows: u32,
    pub(super) bytes: u32,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// In the order of their ends.
    pub(super) samples: Vec<Sample>,
    /// Experiments by id.
    pub(super) experiments: Vec<String>,
    pub(super) merge_rows: u64,
    /// Answers that put the request off: 429, 503 or 507.
    pub(super) put_off: u64,
}

/// Sends everything and waits until all of it is acknowledged.
pub(super) async fn run(plan: &Plan, corpus: &Arc<Corpus>) -> anyhow::Result<Loaded> {
    let shared = Arc::new(Shared {
        plan: plan.clone(),
        corpus: Arc::clone(corpus),
        client: client(plan.connections)?,
        work: Mutex::new(shares(plan)),
        started: clock::now(),
        scheduled: AtomicU64::new(0),
    });
    let mut workers = JoinSet::new();
    for worker in 0..plan.connections {
        workers.spawn(work(Arc::clone(&shared), worker as u64));
    }
    let mut loaded = Loaded::default();
    while let Some(done) = workers.join_next().await {
        let done = done.context("a connection's task panicked")??;
        loaded.samples.extend(done.samples);
        loaded.experiments.extend(done.experiments);
        loaded.merge_rows += done.merge_rows;
        loaded.put_off += done.put_off;
    }
    loaded.samples.sort_unstable_by_key(|sample| sample.end);
    Ok(loaded)
}

pub(super) fn client(connections: usize) -> anyhow::Result<reqwest::Client> {
    let client = reqwest::Client::builder()
        .timeout(REQUEST_TIMEOUT)
        .pool_max_idle_per_host(connections)
        .no_proxy()
        .build()?;
    Ok(client)
}

/// Registers an experiment and returns its id.
pub(super) async fn register(
    client: &reqwest::Client,
    url: &str,
    key: Option<&str>,
    project: &str,
) -> anyhow::Result<String> {
    let body = json!({"project_name": project, "experiment_name": "bench", "ancestor_commits": []});
    let reply = authorized(client.post(format!("{url}/api/experiment/register")), key)
        .body(body.to_string())
        .send()
        .await?;
    let status = reply.status();
    let text = reply.text().await?;
    if !status.is_success() {
        bail!("registering an experiment was answered {status}: {text}");
    }
    let reply: Value = serde_json::from_str(&text)?;
    let id = reply["experiment"]["id"].as_str().context("no experiment id in the answer")?;
    Ok(id.to_owned())
}

pub(super) fn authorized(
    request: reqwest::RequestBuilder,
    key: Option<&str>,
) -> reqwest::RequestBuilder {
    request.bearer_auth(key.unwrap_or("bench"))
}

struct Shared {
    plan: Plan,
    corpus: Arc<Corpus>,
    client: reqwest::Client,
    /// Rows of each experiment that nobody has begun.
    work: Mutex<VecDeque<u64>>,
    started: Instant,
    /// Rows that have got their time, for a steady rate.
    scheduled: AtomicU64,
}

fn shares(plan: &Plan) -> VecDeque<u64> {
    let each = plan.cases.max(1) * ROWS_PER_CASE as u64;
    let (whole, rest) = (plan.rows / each, plan.rows % each);
    let mut shares: VecDeque<u64> =
        std::iter::repeat_n(each, usize::try_from(whole).unwrap_or(usize::MAX)).collect();
    shares.extend(Some(rest).filter(|rest| *rest > 0));
    shares
}

async fn work(shared: Arc<Shared>, worker: u64) -> anyhow::Result<Loaded> {
    let plan = &shared.plan;
    let mut loaded = Loaded::default();
    let mut choice = SplitMix64::new(plan.seed.wrapping_mul(31).wrapping_add(worker));
    let mut salt = worker << 32;
    loop {
        let share = shared.work.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(mut left) = share else { return Ok(loaded) };
        let (client, key) = (&shared.client, plan.key.as_deref());
        let experiment = register(client, &plan.url, key, &plan.project).await?;
        salt += 1;
        let mut rows =
            Rows::new(&shared.corpus, experiment.clone(), plan.row_bytes, plan.seed, salt, 0);
        loaded.experiments.push(experiment);
        let mut sent: Vec<String> = Vec::new();
        while left > 0 {
            let count = left.min(plan.rows_per_request as u64);
            left -= count;
            let mut body = String::with_capacity(count as usize * (plan.row_bytes + 64));
            body.push_str("{\"api_version\":2,\"rows\":[");
            let mut fresh = Vec::new();
            for index in 0..count {
                if index > 0 {
                    body.push(',');
                }
                let chance = choice.below(1 << 20) as f64 / f64::from(1 << 20);
                if chance < plan.merges && !sent.is_empty() {
                    rows.push_merge(&mut body, &sent[choice.below(sent.len())]);
                    loaded.merge_rows += 1;
                } else {
                    fresh.push(rows.push(&mut body));
                }
            }
            body.push_str("]}");
            let bytes = body.len();
            let due = shared.due(count).await;
            let began = due.unwrap_or_else(clock::now);
            loaded.put_off += shared.send(body, count).await?;
            let now = clock::now();
            loaded.samples.push(Sample {
                end: now.duration_since(shared.started),
                latency: now.duration_since(began),
                rows: u32::try_from(count).unwrap_or(u32::MAX),
                bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            });
            sent.append(&mut fresh);
            let surplus = sent.len().saturating_sub(REMEMBERED);
            sent.drain(..surplus);
        }
    }
}

#[derive(Deserialize)]
struct Acknowledged {
    ids: Vec<serde::de::IgnoredAny>,
}

impl Shared {
    /// Waits until the next rows are due at a steady rate, and returns when that was: an overloaded
    /// server must not thin out the requests that would have shown it.
    async fn due(&self, rows: u64) -> Option<Instant> {
        let rate = self.plan.rate?;
        let before = self.scheduled.fetch_add(rows, Ordering::Relaxed);
        let due = self.started + Duration::from_secs_f64(before as f64 / rate);
        tokio::time::sleep_until(due.into()).await;
        Some(due)
    }

    /// Sends a body until it is acknowledged; returns how often it was put off.
    async fn send(&self, body: String, rows: u64) -> anyhow::Result<u64> {
        let body = bytes::Bytes::from(body);
        let url = format!("{}/logs3", self.plan.url);
        let deadline = clock::now() + PATIENCE;
        let mut put_off = 0;
        loop {
            let request = authorized(self.client.post(&url), self.plan.key.as_deref());
            let reply = request.body(body.clone()).send().await?;
            let status = reply.status();
            if status.is_success() {
                let reply: Acknowledged = serde_json::from_slice(&reply.bytes().await?)?;
                anyhow::ensure!(reply.ids.len() as u64 == rows, "not all rows are acknowledged");
                return Ok(put_off);
            }
            let later = matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::INSUFFICIENT_STORAGE
            );
            if !later || clock::now() > deadline {
                bail!("rows were answered {status}: {}", reply.text().await.unwrap_or_default());
            }
            put_off += 1;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}
