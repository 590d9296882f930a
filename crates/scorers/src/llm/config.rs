//! Settings of a judge.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use tidegate_model::price::Prices;

/// Settings that cannot be used: all faults at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", faults.join("; "))]
pub struct ConfigError {
    faults: Vec<String>,
}

impl ConfigError {
    pub(super) fn unless_empty(faults: Vec<String>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self { faults }) }
    }

    /// Each fault, in words.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.faults
    }
}

/// Where a [`Judge`](super::Judge) asks, and how.
///
/// Nothing is read from the environment. `Debug` shows neither key nor URL.
///
/// ```
/// use std::time::Duration;
/// use tidegate_scorers::llm::{Config, Judge};
///
/// let config = Config::new("https://llm.example/v1", "some-model")
///     .api_key("secret")
///     .max_concurrency(4)
///     .timeout(Duration::from_secs(30));
/// assert!(!format!("{config:?}").contains("secret"));
/// let judge = Judge::new(config)?;
/// # Ok::<(), tidegate_scorers::llm::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Config {
    pub(super) base_url: String,
    pub(super) model: String,
    pub(super) api_key: Option<SecretString>,
    pub(super) temperature: Option<f64>,
    pub(super) timeout: Duration,
    pub(super) max_concurrency: usize,
    pub(super) max_tries: u32,
    pub(super) max_reply_bytes: usize,
    pub(super) cache_bytes: usize,
    pub(super) cache_dir: Option<PathBuf>,
    pub(super) prices: Prices,
}

impl Config {
    /// Base URL without `/chat/completions`, and the model's name as the endpoint knows it.
    #[must_use]
    pub fn new(base_url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            model: model.into(),
            api_key: None,
            temperature: Some(0.0),
            timeout: Duration::from_secs(60),
            max_concurrency: 8,
            max_tries: 5,
            max_reply_bytes: 8 << 20,
            cache_bytes: 16 << 20,
            cache_dir: None,
            prices: Prices::bundled(),
        }
    }

    /// The key, sent as bearer token. Default: none.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<SecretString>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// The temperature. Default: 0, so that a repeated question tends to have the same answer; `None`
    /// leaves it to the endpoint, as some reasoning models demand.
    #[must_use]
    pub fn temperature(mut self, temperature: impl Into<Option<f64>>) -> Self {
        self.temperature = temperature.into();
        self
    }

    /// How long one try may take, until its last byte. Default: 60 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Requests under way at once, over all clones of the judge. Default: 8.
    #[must_use]
    pub fn max_concurrency(mut self, requests: usize) -> Self {
        self.max_concurrency = requests;
        self
    }

    /// Tries of one request, the first included. Default: 5.
    #[must_use]
    pub fn max_tries(mut self, tries: u32) -> Self {
        self.max_tries = tries;
        self
    }

    /// Bytes of an answer that are read at most. Default: 8 MiB.
    #[must_use]
    pub fn max_reply_bytes(mut self, bytes: usize) -> Self {
        self.max_reply_bytes = bytes;
        self
    }

    /// Bytes of answers kept in memory, the least recently used leaving first. Default: 16 MiB; 0
    /// keeps none, so that every trial of a case is judged anew.
    #[must_use]
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// A directory of answers that outlives the process. Default: none.
    ///
    /// It is made if it is missing, readable by its owner only. A file holds one answer of the model
    /// and no key; the name is a hash of the request. The directory is not bounded: delete it, or
    /// files in it, at any time.
    #[must_use]
    pub fn cache_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache_dir = Some(directory.into());
        self
    }

    /// Prices for the estimated cost. Default: [`Prices::bundled`]; without a price of the model
    /// there is no estimate.
    #[must_use]
    pub fn prices(mut self, prices: Prices) -> Self {
        self.prices = prices;
        self
    }

    /// Faults of plain values; those of URL and key are found where they are converted.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut check = |bad: bool, fault: &str| {
            if bad {
                faults.push(fault.to_owned());
            }
        };
        check(self.model.trim().is_empty(), "the model has no name");
        check(self.temperature.is_some_and(|t| !t.is_finite()), "the temperature is not a number");
        check(self.timeout.is_zero(), "a time-out of 0 lets nothing succeed");
        // What tokio's semaphore can hold.
        check(
            !(1..=tokio::sync::Semaphore::MAX_PERMITS).contains(&self.max_concurrency),
            "at least one request must be allowed at once",
        );
        check(self.max_tries == 0, "at least one try must be allowed");
        faults
    }
}

/// Without key and URL: either may hold a secret.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("model", &self.model)
            .field("temperature", &self.temperature)
            .field("timeout", &self.timeout)
            .field("max_concurrency", &self.max_concurrency)
            .field("max_tries", &self.max_tries)
            .field("max_reply_bytes", &self.max_reply_bytes)
            .field("cache_bytes", &self.cache_bytes)
            .field("cache_dir", &self.cache_dir)
            .field("prices", &self.prices)
            .finish_non_exhaustive()
    }
}
