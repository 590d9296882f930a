//! What a client needs to know, ready to use.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tidegate_model::limits;

use crate::env::{Settings, SettingsError};
use crate::locate::Locate;

/// What happens to an event when the byte budget is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Policy {
    /// Wait for room: `log_async` awaits, `log` parks the thread up to `admit_timeout` and then
    /// counts a drop. What evaluations use.
    Block,
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
}

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
    /// dropped as unreachable; 5 minutes by default.
    #[must_use]
    pub fn give_up_after(mut self, duration: Duration) -> Self {
        self.give_up_after = duration;
        self
    }

    /// Sets the time-out of one request, connecting included; 60 s by default.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Sets how long dropping the last client may wait for what is pending; 5 s by default.
    #[must_use]
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }
}
