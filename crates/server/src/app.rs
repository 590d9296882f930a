//! What every request handler shares.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Notify, Semaphore};

use crate::arrivals::Arrivals;
use crate::blobs::{Blobs, Signer};
use crate::keys::Keys;
use crate::lifecycle::Lifecycle;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::options::Role;
use crate::owners::Owners;
use crate::shed::ByteGauge;
use crate::store::{Org, Space, Store};

/// State of a running collector.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) org: Org,
    pub(crate) keys: Keys,
    pub(crate) owners: Owners,
    pub(crate) role: Role,
    /// Where it listens, for requests that do not name a host.
    pub(crate) url: String,
    /// See [`crate::data_dir`].
    pub(crate) token: String,
    pub(crate) max_body_bytes: usize,
    pub(crate) max_attachment_bytes: u64,
    pub(crate) blobs: Blobs,
    pub(crate) signer: Signer,
    /// `None` unless a test of a client wants something of uploads.
    pub(crate) arrivals: Option<Arc<Arrivals>>,
    pub(crate) live: Live,
    /// Rung when something was deleted whose rows are still there.
    pub(crate) sweep: Notify,
    pub(crate) inflight: Arc<ByteGauge>,
    /// Answers on their way.
    pub(crate) answers: Arc<ByteGauge>,
    /// Bodies decoded at once. More would take no less time, and memory twice for each.
    pub(crate) decoders: Semaphore,
    /// Profiles read at once: one takes a core for up to a second, and rows go first.
    pub(crate) profiles: Semaphore,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) space: Arc<Space>,
    pub(crate) data_dir: PathBuf,
}
