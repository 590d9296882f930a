//! What a client needs to know, ready to use.

mod caches;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tidegate_model::limits;

use crate::cache::CacheOptions;
use crate::compress::Compression;
use crate::dump::Dumps;
use crate::env::{Settings, SettingsError};
use crate::locate::Locate;
use crate::mask::Mask;
use crate::notice::{Hook, Problem};
use crate::spool::Target;

/// What happens to an event when the byte budget is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Policy {
    /// Wait for room: `log_async` awaits, `log` parks the thread up to `admit_timeout` and then
    /// counts a drop. What evaluations use.
    Block,
    /// Make room by moving the oldest rows to the spool; while the disk takes them, wait as under
    /// `Block`. Needs [`Config::spool_dir`].
    Spool,
    /// Drop the new event, count it and say so. What a plain logger uses, since a production
    /// service must not wait for its telemetry.
    #[default]
    Drop,
}

/// Settings of a [`crate::Client`].
///
/// [`Config::default`] never reads the environment; [`Config::from_env`] does.
#[derive(Debug, Clone)]
pub struct Config {
    pub(crate) api_key: Option<SecretString>,
    pub(crate) app_url: String,
    pub(crate) app_public_url: Option<String>,
    pub(crate) api_url: Option<String>,
    pub(crate) org_name: Option<String>,
    pub(crate) locate: Option<Arc<dyn Locate>>,
    pub(crate) policy: Policy,
    pub(crate) budget_bytes: u64,
    pub(crate) concurrent_requests: usize,
    pub(crate) max_rows_per_request: usize,
    pub(crate) max_request_bytes: Option<u64>,
    pub(crate) max_retries: Option<u32>,
    pub(crate) sync_flush: bool,
    pub(crate) admit_timeout: Duration,
    pub(crate) give_up_after: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) notice_period: Duration,
    pub(crate) spool_dir: Option<PathBuf>,
    pub(crate) spool_max_bytes: u64,
    pub(crate) durable: bool,
    pub(crate) fsync: bool,
    pub(crate) compression: Compression,
    pub(crate) sample_ratio: f64,
    pub(crate) mask: Option<Mask>,
    pub(crate) on_error: Option<ErrorHook>,
    pub(crate) dumps: Dumps,
    pub(crate) profile: Option<PathBuf>,
    pub(crate) prompt_cache: CacheOptions,
    pub(crate) parameters_cache: CacheOptions,
}

/// The program's own way to hear of problems.
#[derive(Clone)]
pub(crate) struct ErrorHook(pub(crate) Arc<Hook>);

impl std::fmt::Debug for ErrorHook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ErrorHook")
    }
}

/// Default of [`Config::spool_max_bytes`].
const SPOOL_MAX_BYTES: u64 = 4 << 30;

/// The app origin of the hosted service, used when a key is set and no URL is.
pub const HOSTED_APP_URL: &str = "https://www.braintrust.dev";

impl Default for Config {
    fn default() -> Self {
        Self {
            api_key: None,
            app_url: HOSTED_APP_URL.to_owned(),
            app_public_url: None,
            api_url: None,
            org_name: None,
            locate: None,
            policy: Policy::default(),
            budget_bytes: limits::DEFAULT_BACKPRESSURE_BYTES,
            concurrent_requests: limits::DEFAULT_CONCURRENT_REQUESTS,
            max_rows_per_request: limits::MAX_ROWS_PER_REQUEST,
            max_request_bytes: None,
            max_retries: None,
            sync_flush: false,
            admit_timeout: Duration::from_secs(30),
            give_up_after: Duration::from_secs(300),
            request_timeout: Duration::from_secs(60),
            shutdown_timeout: Duration::from_secs(5),
            notice_period: Duration::from_secs(60),
            spool_dir: None,
            spool_max_bytes: SPOOL_MAX_BYTES,
            durable: false,
            fsync: false,
            compression: Compression::default(),
            sample_ratio: 1.0,
            mask: None,
            on_error: None,
            dumps: Dumps::default(),
            profile: None,
            prompt_cache: CacheOptions::default(),
            parameters_cache: CacheOptions::default(),
        }
    }
}

impl Config {
    /// Reads the environment and the nearest `.env.braintrust`; see [`crate::env`] for the list.
    ///
    /// # Errors
    /// [`SettingsError`] names the variable whose value cannot be used, or the file.
    pub fn from_env() -> Result<Self, SettingsError> {
        Ok(Self::from_settings(&Settings::from_env()?))
    }

    /// Takes over settings that were read before.
    #[must_use]
    pub fn from_settings(settings: &Settings) -> Self {
        let default = Self::default();
        Self {
            api_key: settings.api_key.clone().map(SecretString::from),
            app_url: settings
                .app_url
                .clone()
                .or_else(|| settings.api_url.clone())
                .unwrap_or(default.app_url),
            app_public_url: settings.app_public_url.clone(),
            api_url: settings.api_url.clone(),
            org_name: settings.org_name.clone(),
            budget_bytes: settings.flush_backpressure_bytes.unwrap_or(default.budget_bytes),
            concurrent_requests: settings
                .max_concurrent_log_requests
                .unwrap_or(default.concurrent_requests),
            max_rows_per_request: settings
                .default_batch_size
                .map_or(default.max_rows_per_request, |rows| {
                    rows.clamp(1, limits::MAX_ROWS_PER_REQUEST)
                }),
            max_request_bytes: settings.max_request_size,
            max_retries: settings.num_retries,
            sync_flush: settings.sync_flush,
            request_timeout: settings.http_timeout.unwrap_or(default.request_timeout),
            notice_period: settings.queue_drop_logging_period.unwrap_or(default.notice_period),
            spool_dir: Some(settings.spool_dir()),
            dumps: Dumps {
                all: settings.all_publish_payloads_dir.clone(),
                failed: settings.failed_publish_payloads_dir.clone(),
            },
            prompt_cache: settings.prompt_cache.options(settings.cache_location),
            parameters_cache: settings.parameters_cache.options(settings.cache_location),
            ..default
        }
    }

    /// Sets the key.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(SecretString::from(key.into()));
        self
    }

    /// Sets the app URL; the login there says where the API is.
    #[must_use]
    pub fn app_url(mut self, url: impl Into<String>) -> Self {
        self.app_url = url.into();
        self
    }

    /// Sets the API URL, which beats what the login says.
    #[must_use]
    pub fn api_url(mut self, url: impl Into<String>) -> Self {
        self.api_url = Some(url.into());
        self
    }

    /// Chooses the organisation of a key that belongs to several; the first by default.
    #[must_use]
    pub fn org_name(mut self, name: impl Into<String>) -> Self {
        self.org_name = Some(name.into());
        self
    }

    /// Asks `locate` for the server's address instead of using fixed URLs.
    #[must_use]
    pub fn locate(mut self, locate: Arc<dyn Locate>) -> Self {
        self.locate = Some(locate);
        self
    }

    /// Sets what happens when the byte budget is full; [`Policy::Drop`] by default.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the budget of pending wire bytes; 10 MiB by default, at least one byte.
    #[must_use]
    pub fn budget_bytes(mut self, bytes: u64) -> Self {
        self.budget_bytes = bytes.max(1);
        self
    }

    /// Sets how many uploads may run at once; 8 by default, at least one.
    #[must_use]
    pub fn concurrent_requests(mut self, requests: usize) -> Self {
        self.concurrent_requests = requests.max(1);
        self
    }

    /// Sets the limit of one request body in bytes; the server's own limit can lower it.
    #[must_use]
    pub fn max_request_bytes(mut self, bytes: u64) -> Self {
        self.max_request_bytes = Some(bytes.max(1));
        self
    }

    /// Sets how long a synchronous `log()` may park its thread under [`Policy::Block`]; 30 s by
    /// default.
    #[must_use]
    pub fn admit_timeout(mut self, timeout: Duration) -> Self {
        self.admit_timeout = timeout;
        self
    }

    /// Sets for how long uploads may fail without one success before pending records are
    /// dropped as unreachable (or kept in the spool, where there is one); 5 minutes by default. A
    /// batch that fails so long while others succeed is cut down to the rows it fails at, which
    /// share that fate.
    #[must_use]
    pub fn give_up_after(mut self, duration: Duration) -> Self {
        self.give_up_after = duration;
        self
    }

    /// Sets the time-out of one request, connecting included; 60 s by default. A request has a
    /// second more for every 32 KiB of its body, so that a slow link can carry a full batch.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Sets where rows go that cannot be delivered, `<data-dir>/spool`; `None`, the default, means
    /// nowhere. From the environment it is `$TIDEGATE_DATA_DIR/spool`.
    ///
    /// Without one, such rows are dropped. The next client of the same server and organisation
    /// sends what it finds there, and so does `tidegate spool drain`.
    #[must_use]
    pub fn spool_dir(mut self, directory: impl Into<Option<PathBuf>>) -> Self {
        self.spool_dir = directory.into();
        self
    }

    /// Sets how many bytes the spool of one server may hold; 4 GiB by default. Rows beyond that
    /// are dropped and counted.
    #[must_use]
    pub fn spool_max_bytes(mut self, bytes: u64) -> Self {
        self.spool_max_bytes = bytes;
        self
    }

    /// Sets whether every record is in the spool before `log()` returns, so that it survives the
    /// death of the process; off by default. Needs [`Config::spool_dir`].
    ///
    /// A record that cannot be written there is dropped, counted and said: it would not be what
    /// was asked for.
    #[must_use]
    pub fn durable(mut self, durable: bool) -> Self {
        self.durable = durable;
        self
    }

    /// Sets whether what is written to the spool also survives loss of power; off by default.
    /// Costs an `fsync` per record under [`Config::durable`], which is milliseconds.
    #[must_use]
    pub fn fsync(mut self, fsync: bool) -> Self {
        self.fsync = fsync;
        self
    }

    /// Sets whether request bodies are compressed; [`Compression::Auto`] by default.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Records only a fraction of all traces, between 0 and 1; all by default. The decision is
    /// made at the root, by the trace id, and holds for every span below it.
    ///
    /// ```
    /// # use tidegate_client::Config;
    /// let config = Config::default().sample_ratio(0.1);
    /// ```
    #[must_use]
    pub fn sample_ratio(mut self, ratio: f64) -> Self {
        self.sample_ratio = if ratio.is_nan() { 1.0 } else { ratio.clamp(0.0, 1.0) };
        self
    }

    /// Shows `input`, `output`, `expected`, `metadata`, `context`, `scores` and `metrics` of every
    /// event to a function before it is queued; what comes back is recorded instead.
    ///
    /// A function that panics never lets the original through: the field says
    /// `ERROR: Failed to mask field '…'` then. It runs on the thread that logs.
    ///
    /// ```
    /// use serde_json::Value;
    /// # use tidegate_client::Config;
    /// let config = Config::default().mask(|value| match value {
    ///     Value::String(text) => text.replace("4111 1111", "****").into(),
    ///     other => other,
    /// });
    /// ```
    #[must_use]
    pub fn mask(
        mut self,
        mask: impl Fn(serde_json::Value) -> serde_json::Value + Send + Sync + 'static,
    ) -> Self {
        self.mask = Some(Mask::new(mask));
        self
    }

    /// As [`Config::mask`], for a function that can fail. Of an error only the name of its type
    /// is recorded, since its text may hold what was to be masked.
    #[must_use]
    pub fn try_mask<E>(
        mut self,
        mask: impl Fn(serde_json::Value) -> Result<serde_json::Value, E> + Send + Sync + 'static,
    ) -> Self {
        self.mask = Some(Mask::fallible(mask));
        self
    }

    /// Calls a function for everything that goes wrong with records, instead of the line on
    /// stderr. It is called from the thread that logs or from the upload thread, for each problem
    /// and without a rate limit, and must not block.
    ///
    /// ```
    /// # use tidegate_client::Config;
    /// let config = Config::default().on_error(|problem| eprintln!("telemetry: {problem}"));
    /// ```
    #[must_use]
    pub fn on_error(mut self, hook: impl Fn(&Problem) + Send + Sync + 'static) -> Self {
        self.on_error = Some(ErrorHook(Arc::new(hook)));
        self
    }

    /// Writes a profile of all that the client does to this file: spans, requests, waits, what is
    /// pending and the processor time, on one monotonic clock whose zero is when the client was
    /// made. `None`, the default, writes none.
    ///
    /// It is a new file, at most 1 GiB, that can be read while it grows; the format is described
    /// in `docs/profiles.md`. An evaluation has a profile of its own with `Eval::profile`, and a
    /// client one at a time.
    #[must_use]
    pub fn profile(mut self, path: impl Into<Option<PathBuf>>) -> Self {
        self.profile = path.into();
        self
    }

    /// Where the rows of this client's spool belong.
    pub(crate) fn spool_target(&self) -> Target {
        let fixed = self.locate.is_none();
        Target {
            app_url: fixed.then(|| self.app_url.clone()),
            api_url: self.api_url.clone().filter(|_| fixed),
            org_name: self.org_name.clone(),
        }
    }

    /// Sets how long dropping the last client may wait for what is pending; 5 s by default.
    #[must_use]
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }
}
