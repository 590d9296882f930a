//! A server with a latency model: as slow and as unreliable as it is told to be.
//!
//! It speaks just enough of the protocol for a run, keeps a hash of every row id, and reports
//! what it has seen at `/bench/report`. It ends when its standard input does.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;

use crate::args::bench::{Latency, Model};
use crate::exit::Failure;
use crate::printer::Printer;

/// What arrived, as `/bench/report` tells it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Report {
    /// Distinct ids among the rows of answered uploads.
    pub(super) rows_stored: u64,
    /// Of those, how many have both their beginning and their end.
    pub(super) rows_complete: u64,
    /// Rows in all answered uploads.
    pub(super) rows_received: u64,
    /// Uploads, refused ones included.
    pub(super) requests: u64,
}

struct Server {
    url: String,
    latency: Latency,
    state: Mutex<State>,
    hasher: RandomState,
}

#[derive(Default)]
struct State {
    report: Report,
    /// By the hash of the id: whether the beginning and the end of a row were seen.
    rows: HashMap<u64, (bool, bool)>,
    random: u64,
}

/// As much of a row as is counted.
#[derive(Deserialize)]
struct Row {
    id: String,
    #[serde(default, rename = "_is_merge")]
    is_merge: bool,
    #[serde(default)]
    metrics: Option<Metrics>,
}

#[derive(Deserialize)]
struct Metrics {
    #[serde(default)]
    end: Option<f64>,
}

#[derive(Deserialize)]
struct Logs3 {
    rows: Vec<Row>,
}

/// What happens to an upload.
enum Fate {
    Answer(StatusCode),
    Close,
}

pub(super) async fn run(model: &Model, printer: &Printer) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    printer.data(&url)?;
    let state = Mutex::new(State { random: model.latency.seed, ..State::default() });
    let server =
        Arc::new(Server { url, latency: model.latency.clone(), state, hasher: RandomState::new() });
    let connections = TaskTracker::new();
    let mut end = std::pin::pin!(input_ends());
    loop {
        // Cancel safety: accepting loses no connection, and the other arm ends everything.
        let stream = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            () = &mut end => return Ok(()),
        };
        // Small answers must not wait for more to come.
        stream.set_nodelay(true)?;
        let server = Arc::clone(&server);
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let server = Arc::clone(&server);
                async move { server.answer(request).await }
            });
            // A client that went away, or a connection closed on purpose.
            http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
        });
    }
}

async fn input_ends() {
    let mut byte = [0; 64];
    while tokio::io::stdin().read(&mut byte).await.is_ok_and(|count| count > 0) {}
}

type Answer = Result<Response<Full<Bytes>>, io::Error>;

impl Server {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let arrived = Instant::now();
        let path = request.uri().path().trim_start_matches('/').to_owned();
        let body = match request.into_body().collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return Err(io::Error::other(error)),
        };
        if path == "logs3" {
            return self.upload(&body, arrived).await;
        }
        let (status, body) = self.other(&path);
        reply(status, &body)
    }

    fn other(&self, path: &str) -> (StatusCode, Value) {
        let body = match path {
            "api/apikey/login" => json!({"org_info": [{
                "id": "org", "name": "bench", "api_url": self.url,
                "git_metadata": {"collect": "none"},
            }]}),
            "version" => match self.latency.limit_bytes {
                Some(limit) => json!({"logs3_payload_max_bytes": limit}),
                None => json!({}),
            },
            "api/project/register" => json!({"project": {"id": "project", "name": "bench"}}),
            "api/experiment/register" => json!({
                "project": {"id": "project", "name": "bench"},
                "experiment": {"id": "experiment", "name": "bench", "created": "2026-01-01T00:00:00Z"},
            }),
            // 400 says that there is no base.
            "api/base_experiment/get_id" => {
                return (StatusCode::BAD_REQUEST, json!({"error": "no base experiment"}));
            }
            "experiment-comparison2" => json!({"scores": {}, "metrics": {}}),
            "bench/report" => json!(self.report()),
            _ => return (StatusCode::NOT_FOUND, json!({"error": "not part of the model"})),
        };
        (StatusCode::OK, body)
    }

    async fn upload(&self, body: &[u8], arrived: Instant) -> Answer {
        if self.latency.limit_bytes.is_some_and(|limit| body.len() > limit) {
            self.lock().report.requests += 1;
            return reply(StatusCode::PAYLOAD_TOO_LARGE, &json!({"error": "too large"}));
        }
        let Ok(Logs3 { rows }) = serde_json::from_slice(body) else {
            return reply(StatusCode::BAD_REQUEST, &json!({"error": "not a logs3 body"}));
        };
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let (fate, stored, jitter) = self.decide();
        let mut due = arrived + self.latency.base + self.latency.per_row * count;
        due += self.latency.jitter.mul_f64(jitter);
        if let Some(bandwidth) = self.latency.bandwidth {
            due += Duration::from_secs_f64(body.len() as f64 / bandwidth as f64);
        }
        if stored {
            self.store(&rows);
        }
        drop(rows);
        sleep_until(due).await;
        match fate {
            Fate::Answer(StatusCode::OK) => {
                reply(StatusCode::OK, &json!({"ids": [], "xact_id": "1"}))
            }
            Fate::Answer(status) => reply(status, &json!({"error": "as the model wants it"})),
            Fate::Close => Err(io::ErrorKind::ConnectionReset.into()),
        }
    }

    /// What happens to the next upload, whether it is stored, and its share of the jitter.
    fn decide(&self) -> (Fate, bool, f64) {
        let Latency { drop_rate, error_rate, throttle_rate, .. } = self.latency;
        let mut state = self.lock();
        state.report.requests += 1;
        let (what, before, jitter) = (state.fraction(), state.fraction(), state.fraction());
        // A failure may hit before the rows are stored or after; the client cannot know.
        let halfway = before < 0.5;
        if what < drop_rate {
            (Fate::Close, halfway, jitter)
        } else if what < drop_rate + error_rate {
            (Fate::Answer(StatusCode::SERVICE_UNAVAILABLE), halfway, jitter)
        } else if what < drop_rate + error_rate + throttle_rate {
            (Fate::Answer(StatusCode::TOO_MANY_REQUESTS), false, jitter)
        } else {
            (Fate::Answer(StatusCode::OK), true, jitter)
        }
    }

    fn store(&self, rows: &[Row]) {
        let mut state = self.lock();
        state.report.rows_received += rows.len() as u64;
        for row in rows {
            let seen = state.rows.entry(self.hasher.hash_one(&row.id)).or_default();
            let ended = row.metrics.as_ref().is_some_and(|metrics| metrics.end.is_some());
            // A row that is no merge replaces what there was.
            *seen = if row.is_merge { (seen.0, seen.1 || ended) } else { (true, ended) };
        }
    }

    fn report(&self) -> Report {
        let state = self.lock();
        let rows_complete = state.rows.values().filter(|(begun, ended)| *begun && *ended).count();
        Report {
            rows_stored: state.rows.len() as u64,
            rows_complete: rows_complete as u64,
            ..state.report.clone()
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A fraction in 0..1 (SplitMix64), so that a seed repeats a run's faults.
    fn fraction(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn reply(status: StatusCode, body: &Value) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    if status == StatusCode::TOO_MANY_REQUESTS {
        headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    }
    let infallible: Result<_, Infallible> = Ok(response);
    infallible.map_err(|never| match never {})
}
