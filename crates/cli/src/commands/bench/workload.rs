//! The workload, as an evaluation through the SDK.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use serde_json::json;
use tidegate_client::{Client, Config, Event, Policy, Span, SpanOptions};
use tidegate_eval::{Case, Eval, Report};

use super::child::failed;
use super::figures::{Run, Sent};
use crate::args::bench::{Strategy, Upload};
use crate::clock;
use crate::exit::Failure;

/// Longest wait for the flush at the end.
pub(super) const FLUSH: Duration = Duration::from_secs(600);

/// When the first case began and the last one ended.
#[derive(Debug, Default)]
pub(super) struct Produced(Mutex<Option<(Instant, Instant)>>);

impl Produced {
    /// Something of a case happens now.
    pub(super) fn mark(&self) {
        let now = clock::now();
        let mut span = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *span = Some((span.map_or(now, |(first, _)| first), now));
    }

    pub(super) fn first_and_last(&self) -> Option<(Instant, Instant)> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn config(url: &str, key: Option<&str>) -> Config {
    let config = Config::default().app_url(url).api_url(url).policy(Policy::Block);
    match key {
        Some(key) => config.api_key(key),
        None => config,
    }
}

pub(super) async fn run(upload: &Upload, url: &str) -> Result<Run, Failure> {
    let client = Client::new(config(url, upload.api_key.as_deref()))?;
    let made = clock::now();
    client.login().await.map_err(|error| failed(error.into()))?;
    let workload = upload.workload.clone();
    let payload = "x".repeat(workload.payload_bytes);
    let produced = Arc::new(Produced::default());
    let eval = {
        let (workload, produced, client) = (workload.clone(), produced.clone(), client.clone());
        let ended = Arc::clone(&produced);
        Eval::new("bench")
            .data((0..workload.cases).map(|case| Case::new(case as u64).expected(())))
            .task(async move |_: Arc<u64>, _| {
                produced.mark();
                for _ in 0..workload.spans {
                    let event = Event::new().input(&payload).output(&payload);
                    Span::start(SpanOptions::new("step").event(event)).end();
                }
                if !workload.task_time.is_zero() {
                    tokio::time::sleep(workload.task_time).await;
                }
                if workload.flush_every_task {
                    // What is lost is told by the flush at the end.
                    client.flush(FLUSH).await.ok();
                }
                true
            })
            .scorer("always", move |_| {
                ended.mark();
                1.0
            })
            .max_concurrency(upload.workload.max_concurrency)
            .flush_timeout(FLUSH)
            .report(Report::Silent)
    };
    let eval = match &upload.profile {
        Some(path) => eval.profile(path),
        None => eval,
    };
    // Two small requests for the summary follow the flush; they take a millisecond here.
    let ran = match upload.strategy {
        Strategy::None => eval.run_without_sending().await,
        _ => eval.run_with(&client).await,
    };
    let receipt = match ran {
        Ok(outcome) => json!(outcome.receipt),
        Err(error) if client.stats().lost() > 0 || client.stats().pending > 0 => {
            drop(error);
            json!(client.stats())
        }
        Err(error) => return Err(failed(error.into())),
    };
    let end = clock::now();
    let Some((first, last)) = produced.first_and_last() else {
        return Err(failed(anyhow!("no case ran")));
    };
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);

    let requests = client.requests().into_iter().map(|request| Sent {
        start_us: micros(request.started),
        end_us: micros(request.finished.unwrap_or_else(|| end.duration_since(made))),
        rows: request.rows,
        bytes: request.bytes,
    });
    Ok(Run {
        wall: end.duration_since(first),
        produce: last.duration_since(first),
        requests: requests.collect(),
        receipt,
    })
}
