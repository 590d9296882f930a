//! Copies of prompts and parameters, for when the server fails.
//!
//! Entries have the names and the form of npm `braintrust` 3.35.0, so that a directory may be
//! shared with it: gzip of `{"value": {"metadata": …}, "resolvedOrgIdentity": …}` in a file named by
//! the SHA-256 of the key. (PyPI's 0.46.0 uses the same directory with other keys, so neither sees
//! the other's files.) The key names the server, the organisation that was asked for and the API
//! key; only its hash is kept.

mod disk;
mod memory;
mod options;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::clock;
use crate::config::Config;
use crate::error::ApiError;
use crate::load::{CacheEntry, Kind, LoadSource, Query};
use crate::notice::Notices;

use disk::Disk;
use memory::Memory;

pub use options::{CacheLocation, CacheOptions};

/// Longest entry: as long as the longest reply.
const MAX_ENTRY_BYTES: usize = 64 << 20;

/// SHA-256 of a key.
pub(crate) type Name = [u8; 32];

/// Whose copies they are: no other server or key may see them.
#[derive(Debug, Clone)]
pub(crate) struct Space {
    namespace: String,
    /// Whether the server is the same tomorrow; one that is not has no copies on the disk.
    lasting: bool,
}

impl Space {
    pub(crate) fn new(
        app_url: Option<&str>,
        org_name: Option<&str>,
        api_key: Option<&str>,
    ) -> Self {
        let namespace = json!(["loader-credential", app_url, org_name, api_key]).to_string();
        Self { namespace, lasting: app_url.is_some() }
    }

    fn name(&self, query: &Query) -> Name {
        // As JavaScript measures it.
        let length = self.namespace.encode_utf16().count();
        let key = format!("{length}:{}:{}", self.namespace, query.cache_key());
        Sha256::digest(key.as_bytes()).into()
    }
}

/// The copies of all that a client loads.
#[derive(Debug)]
pub(crate) struct Caches {
    prompts: Arc<Cache>,
    parameters: Arc<Cache>,
}

impl Caches {
    pub(crate) fn new(config: &Config) -> Self {
        let cache = |options| Arc::new(Cache::new(options, config.notice_period));
        Self { prompts: cache(&config.prompt_cache), parameters: cache(&config.parameters_cache) }
    }

    pub(crate) fn of(&self, kind: Kind) -> &Arc<Cache> {
        match kind {
            Kind::Prompt => &self.prompts,
            Kind::Parameters => &self.parameters,
        }
    }
}

/// The copies of one kind.
#[derive(Debug)]
pub(crate) struct Cache {
    memory: Option<Mutex<Memory>>,
    disk: Option<Arc<Disk>>,
    used: Hush,
    failed: Hush,
}

impl Cache {
    fn new(options: &CacheOptions, notice_period: Duration) -> Self {
        let (in_memory, on_disk) = match options.location {
            CacheLocation::Mixed => (true, true),
            CacheLocation::Memory => (true, false),
            CacheLocation::Disk => (false, true),
            CacheLocation::None => (false, false),
        };
        let memory =
            || Mutex::new(Memory::new(options.memory_max_entries, options.memory_max_bytes));
        let disk = |dir| Arc::new(Disk::new(dir, options.disk_max_entries, options.disk_max_bytes));
        Self {
            memory: in_memory.then(memory),
            disk: options.directory.clone().filter(|_| on_disk).map(disk),
            used: Hush::new(notice_period),
            failed: Hush::new(notice_period),
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.memory.is_some() || self.disk.is_some()
    }

    /// Keeps what the server sent. Whatever goes wrong is said, and no reason to fail the load.
    pub(crate) async fn keep(
        &self,
        space: &Space,
        org: Option<Arc<str>>,
        query: &Query,
        row: &Map<String, Value>,
        entry: &CacheEntry,
    ) {
        let (name, Ok(bytes)) = (space.name(query), serde_json::to_vec(row)) else { return };
        if bytes.len() > MAX_ENTRY_BYTES {
            return;
        }
        let is_there = self.in_memory(|memory| memory.put(name, bytes.into(), org.clone()));
        let Some(disk) = self.disk.clone().filter(|_| space.lasting) else { return };
        // A program that loads per request must not write per request.
        if is_there == Some(true) {
            return;
        }
        let mut value = json!({"metadata": row});
        if query.kind == Kind::Prompt {
            value["defaults"] = entry.defaults.clone().into();
            value["noTrace"] = entry.no_trace.into();
        }
        let mut file = json!({"value": value});
        if let Some(org) = org {
            file["resolvedOrgIdentity"] = (&*org).into();
        }
        let written = off_thread(move || disk.write(&name, file.to_string().as_bytes())).await;
        match written {
            Some(Ok(())) => {
                self.in_memory(|memory| memory.is_on_disk(&name));
            }
            Some(Err(error)) => self.say_failed(&error.to_string()),
            None => {}
        }
    }

    /// Finds a copy of what the server did not send.
    pub(crate) async fn find(
        &self,
        space: &Space,
        org: Option<Arc<str>>,
        query: &Query,
    ) -> Option<(Map<String, Value>, LoadSource)> {
        let name = space.name(query);
        let held = self.in_memory(|memory| memory.get(&name, org.as_deref())).flatten();
        let held = held.and_then(|bytes| serde_json::from_slice::<Map<String, Value>>(&bytes).ok());
        if let Some(row) = held.filter(|row| query.fits(row)) {
            return Some((row, LoadSource::Memory));
        }
        let disk = self.disk.clone().filter(|_| space.lasting)?;
        let path = disk.path(&name);
        let read = off_thread(move || disk.read(&name)).await?;
        let opened = read.map(|bytes| bytes.map(|bytes| Self::open(&bytes, query)));
        let Opened { row, of } = match opened {
            Ok(None) => return None,
            Ok(Some(Ok(opened))) => opened,
            Ok(Some(Err(problem))) => {
                self.say_failed(&format!("{} is ignored: {problem}", path.display()));
                return None;
            }
            Err(error) => {
                self.say_failed(&format!("{} is ignored: {error}", path.display()));
                return None;
            }
        };
        if org.is_some() && of.as_deref() != org.as_deref() {
            return None;
        }
        if let Ok(bytes) = serde_json::to_vec(&row) {
            self.in_memory(|memory| {
                memory.put(name, bytes.into(), of);
                memory.is_on_disk(&name);
            });
        }
        Some((row, LoadSource::Disk))
    }

    /// Reads an entry.
    fn open(bytes: &[u8], query: &Query) -> Result<Opened, &'static str> {
        let mut file: Value = serde_json::from_slice(bytes).map_err(|_| "it is not JSON")?;
        let of = file["resolvedOrgIdentity"].as_str().map(Arc::from);
        let Value::Object(row) = file["value"]["metadata"].take() else {
            return Err("it has no value.metadata");
        };
        if query.only(vec![row.clone()]).is_err() || !query.fits(&row) {
            return Err("it holds something else");
        }
        Ok(Opened { row, of })
    }

    fn in_memory<T>(&self, run: impl FnOnce(&mut Memory) -> T) -> Option<T> {
        let memory = self.memory.as_ref()?;
        Some(run(&mut memory.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Says that a copy is used: it may be out of date.
    pub(crate) fn say_used(&self, what: &str, error: &ApiError) {
        self.used.say(|| format!("the cached copy of {what} is used: {error}"));
    }

    fn say_failed(&self, problem: &str) {
        self.failed.say(|| format!("cache: {problem}"));
    }
}

/// What a file holds, and which organisation it is of.
struct Opened {
    row: Map<String, Value>,
    of: Option<Arc<str>>,
}

/// Says the first of many alike, and another one per period.
#[derive(Debug)]
struct Hush {
    period: Duration,
    last: Mutex<Option<Instant>>,
}

impl Hush {
    fn new(period: Duration) -> Self {
        Self { period, last: Mutex::default() }
    }

    fn say(&self, text: impl FnOnce() -> String) {
        if self.is_due(clock::now()) {
            Notices::warn(&text());
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| now.saturating_duration_since(last) >= self.period);
        if due {
            *last = Some(now);
        }
        due
    }
}

/// Runs what waits for the disk beside the uploads; `None` if the client ends meanwhile.
async fn off_thread<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(run).await.ok()
}
