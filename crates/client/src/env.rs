//! Every environment variable this crate reads, in one list.
//!
//! | Variable | Default | Meaning |
//! |---|---|---|
//! | `BRAINTRUST_API_KEY` | none | key |
//! | `BRAINTRUST_APP_URL` | see [`Settings::destination_is_set`] | control plane; its login names the API URL |
//! | `BRAINTRUST_API_URL` | from the login | data plane, beats the login |
//! | `BRAINTRUST_APP_PUBLIC_URL` | the app URL | base of printed links |
//! | `BRAINTRUST_ORG_NAME` | the key's first | organisation |
//! | `BRAINTRUST_PROJECT`, `BRAINTRUST_PROJECT_ID` | none | default project |
//! | `BRAINTRUST_FLUSH_BACKPRESSURE_BYTES` | 10485760 | budget of pending wire bytes |
//! | `BRAINTRUST_MAX_CONCURRENT_LOG_REQUESTS` | 8 | uploads at once |
//! | `BRAINTRUST_DEFAULT_BATCH_SIZE` | none | caps rows per request when set |
//! | `BRAINTRUST_MAX_REQUEST_SIZE` | 6291456 | body limit in bytes; lowers the server's |
//! | `BRAINTRUST_NUM_RETRIES` | until `give_up_after` | caps retries of one request when set |
//! | `BRAINTRUST_SYNC_FLUSH` | false | send only in `flush()` |
//! | `BRAINTRUST_QUEUE_DROP_LOGGING_PERIOD` | 60 | seconds between lines about losses |
//! | `BRAINTRUST_HTTP_TIMEOUT` | 60 | seconds one request may take, and one more per 32 KiB of body |
//! | `BRAINTRUST_LOG_FLUSH_CHUNK_SIZE` | | deprecated: no effect, warns |
//! | `BRAINTRUST_QUEUE_DROP_EXCEEDING_MAXSIZE` | | no effect (the bound is in bytes), warns |
//! | `BRAINTRUST_ALL_PUBLISH_PAYLOADS_DIR` | none | debug copies of every body before it is sent |
//! | `BRAINTRUST_FAILED_PUBLISH_PAYLOADS_DIR` | none | debug copies of bodies that were given up |
//! | `BRAINTRUST_PROMPT_CACHE_DIR` | `~/.braintrust/prompt_cache` | copies of prompts, for when the server fails |
//! | `BRAINTRUST_PROMPT_CACHE_MEMORY_MAX`, `_DISK_MAX` | 1024, 1048576 | how many in memory and on the disk |
//! | `BRAINTRUST_PARAMETERS_CACHE_DIR`, `_MEMORY_MAX`, `_DISK_MAX` | `parameters_cache`, the same | the same of parameters |
//! | `BRAINTRUST_CACHE_LOCATION` | mixed | caches of both: `mixed`, `memory`, `disk` or `none` |
//! | `TIDEGATE_DATA_DIR` | `.tidegate` | data directory of the embedded collector, and of the spool |
//!
//! The numbers of the caches may also be given as the Python SDK names them, with `_MAX_SIZE` in the
//! end. A blank value means unset, and so does a number that cannot be read (with a warning). The
//! process environment is never modified. `.env.braintrust` is looked for in the working
//! directory and up to 64 parents; the nearest one ends the search, only the variables of
//! [`FILE_VARIABLES`] are taken from it, and the process environment wins.

mod caches;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use crate::cache::CacheLocation;
use crate::notice::Notices;

pub use caches::CacheSettings;

/// The variables that `.env.braintrust` may set.
pub const FILE_VARIABLES: [&str; 8] = [
    "BRAINTRUST_API_KEY",
    "BRAINTRUST_APP_URL",
    "BRAINTRUST_API_URL",
    "BRAINTRUST_PROJECT",
    "BRAINTRUST_PROJECT_ID",
    "BRAINTRUST_ORG_NAME",
    "BRAINTRUST_ENVIRONMENT_TYPE",
    "BRAINTRUST_ENVIRONMENT_NAME",
];

/// Variables of the published clients that change nothing here, and what to tell who sets them.
const WITHOUT_EFFECT: [(&str, &str); 2] = [
    (
        "BRAINTRUST_LOG_FLUSH_CHUNK_SIZE",
        "is deprecated and has no effect: uploads run in parallel and are bounded by \
         BRAINTRUST_FLUSH_BACKPRESSURE_BYTES",
    ),
    (
        "BRAINTRUST_QUEUE_DROP_EXCEEDING_MAXSIZE",
        "has no effect: what is pending is bounded in bytes by BRAINTRUST_FLUSH_BACKPRESSURE_BYTES",
    ),
];

/// The data directory when `TIDEGATE_DATA_DIR` is not set.
pub const DEFAULT_DATA_DIR: &str = ".tidegate";

const FILE_NAME: &str = ".env.braintrust";
const MOST_PARENTS: usize = 64;
/// A settings file is a few lines; anything larger is not one.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What the environment says; `None` means unset.
#[derive(Clone, Default)]
pub struct Settings {
    /// `BRAINTRUST_API_KEY`.
    pub api_key: Option<String>,
    /// `BRAINTRUST_APP_URL`.
    pub app_url: Option<String>,
    /// `BRAINTRUST_APP_PUBLIC_URL`.
    pub app_public_url: Option<String>,
    /// `BRAINTRUST_API_URL`.
    pub api_url: Option<String>,
    /// `BRAINTRUST_ORG_NAME`.
    pub org_name: Option<String>,
    /// `BRAINTRUST_PROJECT`.
    pub project: Option<String>,
    /// `BRAINTRUST_PROJECT_ID`.
    pub project_id: Option<String>,
    /// `BRAINTRUST_FLUSH_BACKPRESSURE_BYTES`.
    pub flush_backpressure_bytes: Option<u64>,
    /// `BRAINTRUST_MAX_CONCURRENT_LOG_REQUESTS`.
    pub max_concurrent_log_requests: Option<usize>,
    /// `BRAINTRUST_DEFAULT_BATCH_SIZE`, in rows.
    pub default_batch_size: Option<usize>,
    /// `BRAINTRUST_MAX_REQUEST_SIZE`, in bytes.
    pub max_request_size: Option<u64>,
    /// `BRAINTRUST_NUM_RETRIES`.
    pub num_retries: Option<u32>,
    /// `BRAINTRUST_SYNC_FLUSH`.
    pub sync_flush: bool,
    /// `BRAINTRUST_QUEUE_DROP_LOGGING_PERIOD`.
    pub queue_drop_logging_period: Option<Duration>,
    /// `BRAINTRUST_HTTP_TIMEOUT`.
    pub http_timeout: Option<Duration>,
    /// `BRAINTRUST_ALL_PUBLISH_PAYLOADS_DIR`.
    pub all_publish_payloads_dir: Option<PathBuf>,
    /// `BRAINTRUST_FAILED_PUBLISH_PAYLOADS_DIR`.
    pub failed_publish_payloads_dir: Option<PathBuf>,
    /// `BRAINTRUST_CACHE_LOCATION`.
    pub cache_location: Option<CacheLocation>,
    /// `BRAINTRUST_PROMPT_CACHE_*`.
    pub prompt_cache: CacheSettings,
    /// `BRAINTRUST_PARAMETERS_CACHE_*`.
    pub parameters_cache: CacheSettings,
    /// `TIDEGATE_DATA_DIR`.
    pub data_dir: Option<PathBuf>,
    /// What to tell the user about values that were not used.
    pub warnings: Vec<String>,
}

impl std::fmt::Debug for Settings {
    /// Leaves the key out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("api_key_set", &self.api_key.is_some())
            .field("app_url", &self.app_url)
            .field("api_url", &self.api_url)
            .field("org_name", &self.org_name)
            .field("data_dir", &self.data_dir)
            .finish_non_exhaustive()
    }
}

/// A settings file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The file exists but cannot be read.
    #[error("cannot read {path}")]
    File {
        /// Where it is.
        path: PathBuf,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// A line is neither blank, a comment, nor `NAME=value`.
    #[error("{path}:{line}: expected NAME=value")]
    Line {
        /// Where the file is.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
    },
}

impl Settings {
    /// Reads the process environment and the nearest `.env.braintrust`, and prints warnings on
    /// stderr the first time.
    ///
    /// # Errors
    /// [`SettingsError`] if there is such a file and it cannot be read.
    pub fn from_env() -> Result<Self, SettingsError> {
        static WARN: Once = Once::new();
        let directory = std::env::current_dir().unwrap_or_default();
        let settings = Self::read(&process_variable, &directory)?;
        WARN.call_once(|| settings.warnings.iter().for_each(|text| Notices::warn(text)));
        Ok(settings)
    }

    /// As [`Settings::from_env`], with variables from a function instead of the process
    /// environment, for programs that have others beside it. Warnings are returned, not printed.
    ///
    /// # Errors
    /// As [`Settings::from_env`].
    ///
    /// ```
    /// use tidegate_client::env::Settings;
    ///
    /// let url = |name: &str| (name == "BRAINTRUST_API_URL").then(|| "http://h".to_owned());
    /// assert_eq!(Settings::from_variables(&url)?.api_url.as_deref(), Some("http://h"));
    /// # Ok::<(), tidegate_client::env::SettingsError>(())
    /// ```
    pub fn from_variables(
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        Self::read(variable, &std::env::current_dir().unwrap_or_default())
    }

    /// Whether any variable names a server: `BRAINTRUST_APP_URL`, `BRAINTRUST_API_URL`, or a
    /// key, which alone means the hosted service.
    #[must_use]
    pub fn destination_is_set(&self) -> bool {
        self.app_url.is_some() || self.api_url.is_some() || self.api_key.is_some()
    }

    /// Where what cannot be delivered is kept: `spool` in the data directory.
    #[must_use]
    pub fn spool_dir(&self) -> PathBuf {
        let data_dir = self.data_dir.clone();
        data_dir.unwrap_or_else(|| PathBuf::from(DEFAULT_DATA_DIR)).join("spool")
    }

    fn read(
        variable: &dyn Fn(&str) -> Option<String>,
        directory: &Path,
    ) -> Result<Self, SettingsError> {
        let file = nearest_file(directory)?;
        let mut source = Source { variable, file, warnings: Vec::new() };
        let mut settings = Self {
            api_key: source.text("BRAINTRUST_API_KEY"),
            app_url: source.text("BRAINTRUST_APP_URL"),
            app_public_url: source.text("BRAINTRUST_APP_PUBLIC_URL"),
            api_url: source.text("BRAINTRUST_API_URL"),
            org_name: source.text("BRAINTRUST_ORG_NAME"),
            project: source.text("BRAINTRUST_PROJECT"),
            project_id: source.text("BRAINTRUST_PROJECT_ID"),
            flush_backpressure_bytes: source.positive("BRAINTRUST_FLUSH_BACKPRESSURE_BYTES"),
            max_concurrent_log_requests: source
                .positive("BRAINTRUST_MAX_CONCURRENT_LOG_REQUESTS")
                .map(clamp_usize),
            default_batch_size: source.positive("BRAINTRUST_DEFAULT_BATCH_SIZE").map(clamp_usize),
            max_request_size: source.positive("BRAINTRUST_MAX_REQUEST_SIZE"),
            num_retries: source.number("BRAINTRUST_NUM_RETRIES", "a whole number"),
            sync_flush: source.flag("BRAINTRUST_SYNC_FLUSH"),
            queue_drop_logging_period: source.seconds("BRAINTRUST_QUEUE_DROP_LOGGING_PERIOD"),
            http_timeout: source.seconds("BRAINTRUST_HTTP_TIMEOUT"),
            all_publish_payloads_dir: source.path("BRAINTRUST_ALL_PUBLISH_PAYLOADS_DIR"),
            failed_publish_payloads_dir: source.path("BRAINTRUST_FAILED_PUBLISH_PAYLOADS_DIR"),
            cache_location: source.cache_location(),
            prompt_cache: source.cache("PROMPT"),
            parameters_cache: source.cache("PARAMETERS"),
            data_dir: source.path("TIDEGATE_DATA_DIR"),
            warnings: Vec::new(),
        };
        for (name, why) in WITHOUT_EFFECT {
            if source.text(name).is_some() {
                source.warnings.push(format!("{name} {why}"));
            }
        }
        settings.warnings = source.warnings;
        Ok(settings)
    }
}

#[expect(clippy::disallowed_methods, reason = "the one reader of the process environment")]
fn process_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn clamp_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Looks names up, first in the process environment, then in the file.
struct Source<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    file: HashMap<String, String>,
    warnings: Vec<String>,
}

impl Source<'_> {
    fn text(&self, name: &str) -> Option<String> {
        let set = |value: String| Some(value.trim().to_owned()).filter(|text| !text.is_empty());
        (self.variable)(name).and_then(set).or_else(|| self.file.get(name).cloned().and_then(set))
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    fn number<T: std::str::FromStr>(&mut self, name: &str, wanted: &str) -> Option<T> {
        let text = self.text(name)?;
        let number = text.parse().ok();
        if number.is_none() {
            self.unusable(name, wanted);
        }
        number
    }

    fn positive(&mut self, name: &str) -> Option<u64> {
        let number = self.number(name, "a whole number above 0")?;
        if number == 0 {
            self.unusable(name, "a whole number above 0");
        }
        Some(number).filter(|number| *number > 0)
    }

    fn seconds(&mut self, name: &str) -> Option<Duration> {
        let seconds: f64 = self.number(name, "a number of seconds")?;
        let duration = Duration::try_from_secs_f64(seconds).ok();
        if duration.is_none() {
            self.unusable(name, "a number of seconds");
        }
        duration
    }

    fn flag(&mut self, name: &str) -> bool {
        match self.text(name).map(|text| text.to_ascii_lowercase()).as_deref() {
            None | Some("0" | "false" | "no" | "off") => false,
            Some("1" | "true" | "yes" | "on") => true,
            Some(_) => {
                self.unusable(name, "true or false");
                false
            }
        }
    }

    fn unusable(&mut self, name: &str, wanted: &str) {
        self.warnings.push(format!("{name} is ignored: expected {wanted}"));
    }
}

/// Finds and reads the nearest settings file.
fn nearest_file(directory: &Path) -> Result<HashMap<String, String>, SettingsError> {
    for directory in directory.ancestors().take(MOST_PARENTS + 1) {
        let path = directory.join(FILE_NAME);
        let unreadable = |source| SettingsError::File { path: path.clone(), source };
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                if metadata.len() > MAX_FILE_BYTES {
                    return Err(unreadable(io::Error::other("larger than 1 MiB")));
                }
                let text = fs::read_to_string(&path).map_err(unreadable)?;
                return parse(&text)
                    .map_err(|line| SettingsError::Line { path: path.clone(), line });
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
    Ok(HashMap::new())
}

/// Parses `NAME=value` lines with comments, quotes and an optional `export`; the error is the
/// number of the line that is something else.
fn parse(text: &str) -> Result<HashMap<String, String>, usize> {
    let mut values = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=').ok_or(index + 1)?;
        let name = name.trim();
        if FILE_VARIABLES.contains(&name) {
            values.insert(name.to_owned(), unquote(value.trim()).to_owned());
        }
    }
    Ok(values)
}

/// Takes quotes off; outside of quotes ` #` starts a comment.
fn unquote(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote)
            && let Some(end) = rest.find(quote)
        {
            return &rest[..end];
        }
    }
    value.split(" #").next().unwrap_or(value).trim_end()
}

#[cfg(test)]
mod tests;
