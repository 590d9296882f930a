//! A connection to a model.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::cache::{self, Key, Memory};
use super::config::{Config, ConfigError};
use super::disk::Disk;
use super::http::Http;
use super::turns::Turns;
use super::usage::Usage;
use super::{LlmError, backoff};

/// A connection to an endpoint that speaks OpenAI's API. Clones share everything: connections, the
/// bound on requests, and the cache.
///
/// A request that fails with a network error, a time-out, 408, 429 or 5xx is repeated after a delay
/// that grows, with full jitter, and is no shorter than `Retry-After` asks (120 s at most); while it
/// waits another request may go. Redirects are not followed. An answer is cached, by a hash of the
/// whole request, once it is understood; equal requests at the same time are one.
#[derive(Clone)]
pub struct Judge {
    inner: Arc<Inner>,
}

struct Inner {
    http: Http,
    config: Config,
    permits: Semaphore,
    memory: Mutex<Memory>,
    disk: Option<Disk>,
    turns: Turns,
    counters: Counters,
}

#[derive(Default)]
struct Counters {
    requests: AtomicU64,
    retries: AtomicU64,
    memory_hits: AtomicU64,
    disk_hits: AtomicU64,
    disk_failures: AtomicU64,
}

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Served {
    /// From the model.
    Model,
    /// From the cache in memory.
    Memory,
    /// From the cache directory.
    Disk,
}

/// What a judge has done so far, over all its clones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests sent, repeated ones included.
    pub requests: u64,
    /// Those of them that repeated a failed one.
    pub retries: u64,
    /// Answers from memory.
    pub memory_hits: u64,
    /// Answers from the cache directory.
    pub disk_hits: u64,
    /// Answers that could not be written to the cache directory. They are not lost: the caller has
    /// them.
    pub disk_failures: u64,
}

impl Judge {
    /// Makes a judge. Nothing is sent yet.
    ///
    /// # Errors
    /// All settings that cannot be used.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let mut faults = config.faults();
        match Http::new(&config) {
            Ok(http) if faults.is_empty() => Ok(Self {
                inner: Arc::new(Inner {
                    http,
                    permits: Semaphore::new(config.max_concurrency),
                    memory: Mutex::new(Memory::new(config.cache_bytes)),
                    disk: config
                        .cache_dir
                        .clone()
                        .map(|dir| Disk::new(dir, config.max_reply_bytes)),
                    turns: Turns::default(),
                    counters: Counters::default(),
                    config,
                }),
            }),
            other => {
                faults.extend(other.err().into_iter().flatten());
                Err(ConfigError::unless_empty(faults).expect_err("there is a fault"))
            }
        }
    }

    /// The model's name.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.inner.config.model
    }

    /// What it has done so far.
    ///
    /// ```
    /// use tidegate_scorers::llm::{Config, Judge, Stats};
    ///
    /// let judge = Judge::new(Config::new("http://127.0.0.1:1/v1", "some-model"))?;
    /// assert_eq!(judge.stats(), Stats::default());
    /// # Ok::<(), tidegate_scorers::llm::ConfigError>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        let Counters { requests, retries, memory_hits, disk_hits, disk_failures } =
            &self.inner.counters;
        // Relaxed here and below: each counter stands for itself and orders nothing.
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            requests: load(requests),
            retries: load(retries),
            memory_hits: load(memory_hits),
            disk_hits: load(disk_hits),
            disk_failures: load(disk_failures),
        }
    }

    /// Temperature, if one is set; the rest of a request is the caller's.
    pub(super) fn temperature(&self) -> Option<f64> {
        self.inner.config.temperature
    }

    /// The estimated cost, if the model has a price.
    pub(super) fn cost(&self, usage: Usage) -> Option<f64> {
        self.inner.config.prices.get(self.model()).map(|price| price.cost(usage))
    }

    /// Gets an answer from the cache or the model and decodes it. Only what can be decoded is
    /// cached.
    ///
    /// # Cancel safety
    /// As of [`Http::post`]; nothing is cached then.
    pub(super) async fn ask<T>(
        &self,
        path: &str,
        body: &Value,
        decode: impl Fn(&Value) -> Result<T, LlmError>,
    ) -> Result<(T, Served), LlmError> {
        let url = self.inner.http.url(path);
        let body = Bytes::from(body.to_string());
        let key = cache::key(url.as_str(), &body);
        if self.inner.config.cache_bytes == 0 && self.inner.disk.is_none() {
            let reply = self.send(&url, body).await?;
            return Ok((decode(&parsed(&reply)?)?, Served::Model));
        }
        // Boxed: the states of all that may be awaited make it large.
        let work = Box::pin(self.ask_once(&url, key, body, decode));
        self.inner.turns.take(key, work).await
    }

    async fn ask_once<T>(
        &self,
        url: &reqwest::Url,
        key: Key,
        body: Bytes,
        decode: impl Fn(&Value) -> Result<T, LlmError>,
    ) -> Result<(T, Served), LlmError> {
        let counters = &self.inner.counters;
        let parse = |reply: &Bytes| decode(&parsed(reply)?);
        let held = self.memory(|memory| memory.get(&key));
        if let Some(Ok(answer)) = held.as_ref().map(parse) {
            counters.memory_hits.fetch_add(1, Ordering::Relaxed);
            return Ok((answer, Served::Memory));
        }
        // A file that cannot be decoded, because someone changed it, is asked for again.
        if let Some(reply) = self.read(key).await
            && let Ok(answer) = parse(&reply)
        {
            counters.disk_hits.fetch_add(1, Ordering::Relaxed);
            self.memory(|memory| memory.insert(key, reply));
            return Ok((answer, Served::Disk));
        }
        let reply = self.send(url, body).await?;
        let answer = parse(&reply)?;
        self.memory(|memory| memory.insert(key, reply.clone()));
        self.write(key, reply).await;
        Ok((answer, Served::Model))
    }

    async fn send(&self, url: &reqwest::Url, body: Bytes) -> Result<Bytes, LlmError> {
        let Inner { http, config, permits, counters, .. } = &*self.inner;
        let mut tries = 0;
        loop {
            tries += 1;
            let result = {
                let _permit = permits.acquire().await.expect("the semaphore is never closed");
                counters.requests.fetch_add(1, Ordering::Relaxed);
                http.post(url.clone(), body.clone()).await
            };
            match result {
                Err(error) if error.is_retryable() && tries < config.max_tries => {
                    counters.retries.fetch_add(1, Ordering::Relaxed);
                    let delay = backoff::delay(tries, error.retry_after(), backoff::random());
                    tokio::time::sleep(delay).await;
                }
                other => return other,
            }
        }
    }

    fn memory<T>(&self, work: impl FnOnce(&mut Memory) -> T) -> T {
        // A panic inside would leave a cache that at worst has lost an answer.
        work(&mut self.inner.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn read(&self, key: Key) -> Option<Bytes> {
        let disk = self.inner.disk.clone()?;
        spawn_blocking(move || disk.get(&key)).await.ok().flatten()
    }

    async fn write(&self, key: Key, reply: Bytes) {
        if let Some(disk) = self.inner.disk.clone() {
            let written = spawn_blocking(move || disk.insert(&key, &reply)).await;
            if !matches!(written, Ok(Ok(()))) {
                self.inner.counters.disk_failures.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

fn parsed(reply: &[u8]) -> Result<Value, LlmError> {
    serde_json::from_slice(reply).map_err(|_| LlmError::Reply { what: "not JSON".to_owned() })
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge")
            .field("origin", &self.inner.http.origin())
            .field("model", &self.model())
            .finish_non_exhaustive()
    }
}
