//! What the collector is started with.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::arrivals::{Latency, Recorder};
use crate::maintenance::When;

/// Whether a collector may be asked to make way for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A server of its own (`tidegate serve`). It takes the data directory over from an embedded
    /// collector and hands it to nobody.
    Serve,
    /// Part of a program that evaluates. It hands the data directory to a server that asks.
    Embedded,
}

/// A bucket, and how it is reached.
#[cfg(feature = "s3")]
#[derive(Clone)]
pub(crate) struct BucketSettings {
    pub(crate) url: String,
    /// With secrets.
    pub(crate) settings: Vec<(String, String)>,
}

#[cfg(feature = "s3")]
impl std::fmt::Debug for BucketSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BucketSettings").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Settings of a collector; see [`start`](crate::start).
///
/// ```
/// use tidegate_server::{Options, Role};
/// let options = Options::new(".tidegate").org("acme").role(Role::Embedded);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Options {
    pub(crate) data_dir: PathBuf,
    #[cfg(feature = "postgres")]
    pub(crate) database: Option<String>,
    #[cfg(feature = "s3")]
    pub(crate) bucket: Option<BucketSettings>,
    pub(crate) listen: SocketAddr,
    pub(crate) org: Option<String>,
    pub(crate) require_key: bool,
    pub(crate) role: Role,
    pub(crate) max_body_bytes: usize,
    pub(crate) max_attachment_bytes: u64,
    pub(crate) max_inflight_bytes: u64,
    pub(crate) max_answer_bytes: u64,
    pub(crate) rate_limit: Option<NonZeroU32>,
    pub(crate) slow_query: Duration,
    pub(crate) retention: Option<Duration>,
    pub(crate) unnamed: When,
    pub(crate) latency: Option<Latency>,
    pub(crate) recorder: Option<Recorder>,
}

impl Options {
    /// Keeps everything under `data_dir`, which is created if missing.
    ///
    /// Defaults: listens on `127.0.0.1:8787`, role [`Role::Serve`], no key required, bodies up to
    /// 64 MiB, 256 MiB of them at once and as much of answers, attachments up to 1 GiB, no limit of
    /// requests per second, reads over 500 ms logged.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            #[cfg(feature = "postgres")]
            database: None,
            #[cfg(feature = "s3")]
            bucket: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8787)),
            org: None,
            require_key: false,
            role: Role::Serve,
            max_body_bytes: 64 << 20,
            max_attachment_bytes: 1 << 30,
            max_inflight_bytes: 256 << 20,
            max_answer_bytes: 256 << 20,
            rate_limit: None,
            slow_query: Duration::from_millis(500),
            retention: None,
            unnamed: When::default(),
            latency: None,
            recorder: None,
        }
    }

    /// Address to listen on; port 0 takes any free one. Anything but a loopback address makes a
    /// key necessary.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Name of the organisation, from now on; otherwise the stored one, at first `local`.
    pub fn org(mut self, name: impl Into<String>) -> Self {
        self.org = Some(name.into());
        self
    }

    /// Refuses requests without a valid key even on a loopback address.
    pub fn require_key(mut self, required: bool) -> Self {
        self.require_key = required;
        self
    }

    /// Keeps rows and objects in a PostgreSQL database, 15 or later, by its `postgres://` URL. Any
    /// number of collectors may share it. The data directory then holds uploaded bytes alone: all
    /// of them must see the same one, unless those are in a [bucket](Self::blobs), and nobody
    /// locks it.
    ///
    /// `sslmode=require` in the URL verifies the server's certificate and name by what the system
    /// trusts; `prefer`, the default, does so if the server offers TLS.
    #[cfg(feature = "postgres")]
    pub fn database(mut self, url: impl Into<String>) -> Self {
        self.database = Some(url.into());
        self
    }

    /// Keeps uploaded bytes in a bucket of an S3-compatible store, `s3://BUCKET[/PREFIX]`, which
    /// all collectors on one [database](Self::database) share and no others; without a database the
    /// start fails. The data directory then holds those that are being received.
    ///
    /// `settings` are pairs of a name and a value as the usual variables have them:
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`
    /// (`us-east-1`), `AWS_ENDPOINT_URL`, and those of containers' and machines' roles. Unknown ones
    /// are left out. Sets ring as the process's provider of cryptography for TLS if there is none.
    #[cfg(feature = "s3")]
    pub fn blobs(
        mut self,
        url: impl Into<String>,
        settings: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let (url, settings) = (url.into(), settings.into_iter().collect());
        self.bucket = Some(BucketSettings { url, settings });
        self
    }

    /// Sets the role.
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// Largest request body in bytes; larger ones get 413.
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body_bytes = bytes;
        self
    }

    /// Largest attachment in bytes; larger ones get 413. They are never held in memory.
    pub fn max_attachment_bytes(mut self, bytes: u64) -> Self {
        self.max_attachment_bytes = bytes;
        self
    }

    /// Bytes of request bodies held at once, from the first byte to the commit; beyond them
    /// requests get 503.
    pub fn max_inflight_bytes(mut self, bytes: u64) -> Self {
        self.max_inflight_bytes = bytes;
        self
    }

    /// Bytes of answers held at once, until they are sent; beyond them requests get 503.
    pub fn max_answer_bytes(mut self, bytes: u64) -> Self {
        self.max_answer_bytes = bytes;
        self
    }

    /// Requests per second that each key may send, and as many at once after a pause; more get
    /// 429. Requests without a key count as those of one.
    pub fn rate_limit(mut self, per_second: NonZeroU32) -> Self {
        self.rate_limit = Some(per_second);
        self
    }

    /// Reads of the store that take longer are logged as warnings; zero logs all.
    pub fn slow_query(mut self, longest: Duration) -> Self {
        self.slow_query = longest;
        self
    }

    /// Removes rows of project logs that are older, by their time of creation; experiments and
    /// datasets stay. Nothing is removed by default.
    pub fn retention(mut self, age: Duration) -> Self {
        self.retention = Some(age);
        self
    }

    /// Holds every answer to `POST /logs3` until so much time has passed since the request's head
    /// arrived, as a slow network would: an aid for tests of clients.
    pub fn simulate_latency(mut self, latency: Latency) -> Self {
        self.latency = Some(latency);
        self
    }

    /// Takes note of every `POST /logs3`, refused ones included, for whoever has the other end: an
    /// aid for tests of clients. See [`recorder`](crate::recorder).
    pub fn record_requests(mut self, recorder: Recorder) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// How old an upload must be to go when no row names it, and how often such are looked for;
    /// by default a day and an hour. For tests.
    #[doc(hidden)]
    pub fn unnamed_uploads(mut self, age: Duration, pause: Duration) -> Self {
        self.unnamed = When { age, pause };
        self
    }

    /// Whether others may use the same store and directory.
    pub(crate) fn shares(&self) -> bool {
        #[cfg(feature = "postgres")]
        return self.database.is_some();
        #[cfg(not(feature = "postgres"))]
        false
    }

    /// Whether requests need a key.
    pub(crate) fn key_needed(&self) -> bool {
        self.require_key || !self.listen.ip().is_loopback()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new(".tidegate")
    }
}
