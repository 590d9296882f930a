//! The handle that everything starts from.

mod export;
mod flushing;
mod keep;
mod metadata;
mod open;
mod profiled;
mod read;

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tidegate_model::profile::{Cause, Header};
use tidegate_model::wire::objects::Named;
use tidegate_model::wire::session::OrgInfo;
use tidegate_model::wire::summary::ExperimentComparison;

use tokio::sync::watch;

use crate::budget::Budget;
use crate::cache::Caches;
use crate::config::{Config, Policy};
use crate::driver::{Driver, Shared};
use crate::error::ApiError;
use crate::experiment::{self, Experiment, ExperimentOptions};
use crate::ids;
use crate::inbox::{Inbox, Receipt};
use crate::notice::Notices;
use crate::parent::Parent;
use crate::pipeline::Options;
use crate::recorder::{Owner, Recorder, Server};
use crate::requests::Request;
use crate::session::Session;
use crate::span::{Span, SpanOptions};
use crate::spool::{DrainError, Drained, Journal, replay};
use crate::trace::TraceBuffer;

pub use keep::{KeepProfileError, ProfileKept};
pub use read::FoundExperiment;

/// A connection to one server: spans go in, uploads happen on a thread of its own.
///
/// Clones share everything. Dropping the last one delivers what is pending, for at most
/// [`Config::shutdown_timeout`], blocking the thread meanwhile; call [`Client::flush`] before
/// to choose the deadline and to see the receipt. No method needs a tokio runtime around it.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    recorder: Arc<Recorder>,
    session: Arc<Session>,
    driver: Driver,
    shared: Arc<Shared>,
    shutdown_timeout: Duration,
    /// Its sender is dropped once what earlier processes left is delivered, or nothing is.
    earlier: watch::Receiver<()>,
    /// What the header of a profile says of the client.
    about: Header<'static>,
    caches: Caches,
}

impl Client {
    /// Makes a client. The login happens on first use. If an earlier process left rows for the
    /// same server in the spool, they are sent in the background from now on.
    ///
    /// # Errors
    /// The operating system refused a thread; the policy [`Spool`](crate::Policy::Spool) or
    /// [`Config::durable`] without a spool directory; or one that cannot be written, or the file
    /// of [`Config::profile`].
    pub fn new(config: Config) -> io::Result<Self> {
        let inbox = Arc::new(Inbox::default());
        let budget = Budget::new(config.budget_bytes);
        let hook = config.on_error.clone().map(|hook| hook.0);
        let notices = Arc::new(Notices::new(config.notice_period, hook));
        let journal = open_spool(&config)?;
        let options = Options {
            lanes: config.concurrent_requests,
            budget_bytes: config.budget_bytes,
            max_rows: config.max_rows_per_request,
            max_request_bytes: config
                .max_request_bytes
                .unwrap_or(tidegate_model::limits::DEFAULT_MAX_REQUEST_BYTES),
            max_retries: config.max_retries,
            give_up_after: config.give_up_after,
            sync_flush: config.sync_flush,
            spool: journal.is_some(),
            spool_when_full: config.policy == Policy::Spool,
            seed: ids::random(),
        };
        let (shutdown_timeout, patience) = (config.shutdown_timeout, config.give_up_after);
        let shared = Shared::new(Arc::clone(&inbox), Arc::clone(&budget), Arc::clone(&notices));
        let shared = shared.journal(journal.clone());
        let shared = Arc::new(shared.dumps(config.dumps.clone()));
        let about = profiled::about(&options);
        if let Some(path) = &config.profile {
            profiled::from_the_start(path, &about, &shared)?;
        }
        let caches = Caches::new(&config);
        let session = Arc::new(Session::new(config.clone()));
        let driver = Driver::start(options, Arc::clone(&shared), Arc::clone(&session))?;
        let server = Server { session: Arc::clone(&session), runtime: driver.runtime.clone() };
        let recorder = Arc::new(Recorder {
            inbox,
            budget,
            notices,
            policy: config.policy,
            admit_timeout: config.admit_timeout,
            mask: config.mask,
            sample_ratio: config.sample_ratio,
            journal: journal.clone().filter(|_| config.durable),
            dumps: config.dumps,
            owner: Owner::this_process(),
            waits: Arc::clone(&shared.profile.waits),
            server: Some(server),
        });
        let (done, waiting) = watch::channel(());
        if let Some(journal) = journal.filter(|journal| journal.directory().is_dir()) {
            let (directory, session) = (journal.directory().to_owned(), Arc::clone(&session));
            driver.runtime.spawn(async move {
                earlier(directory, session, patience).await;
                drop(done);
            });
        }
        let earlier = waiting;
        let inner =
            Inner { recorder, session, driver, shared, shutdown_timeout, earlier, about, caches };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Runs a request on the client's own thread, so that it works from any runtime or none.
    pub(crate) async fn on_thread<T: Send + 'static>(
        &self,
        request: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        if !self.is_mine() {
            return Err(ApiError::Forked);
        }
        self.inner.driver.runtime.spawn(request).await.unwrap_or(Err(ApiError::Shutdown))
    }

    /// Runs something on the client's own thread that nobody waits for.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if self.is_mine() {
            self.inner.driver.runtime.spawn(task);
        }
    }

    pub(crate) fn recorder(&self) -> &Arc<Recorder> {
        &self.inner.recorder
    }

    pub(crate) fn caches(&self) -> &Caches {
        &self.inner.caches
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.inner.session
    }

    /// Whether this is the process that made the client. The upload thread is not copied by a
    /// fork: waiting for it would never end.
    fn is_mine(&self) -> bool {
        self.inner.recorder.owner.is_this_process()
    }

    /// Logs in, unless that is done, and returns the organisation.
    ///
    /// # Errors
    /// [`ApiError`] if the server cannot be reached or refuses the key.
    pub async fn login(&self) -> Result<OrgInfo, ApiError> {
        let session = Arc::clone(&self.inner.session);
        self.on_thread(async move { Ok(session.connected().await?.org.clone()) }).await
    }

    /// Finds or creates a project.
    ///
    /// # Errors
    /// [`ApiError`] if the server cannot be reached or refuses.
    pub async fn register_project(&self, name: impl Into<String>) -> Result<Named, ApiError> {
        let (session, name) = (Arc::clone(&self.inner.session), name.into());
        self.on_thread(async move { experiment::register_project(&session, name).await }).await
    }

    /// Registers an experiment, with the git state of the working directory as far as the
    /// organisation allows.
    ///
    /// # Errors
    /// [`ApiError`] if the server cannot be reached or refuses.
    pub async fn register_experiment(
        &self,
        options: ExperimentOptions,
    ) -> Result<Experiment, ApiError> {
        let session = Arc::clone(&self.inner.session);
        // Boxed: it is large, and this future is a part of that of every run.
        let register = Box::pin(async move { experiment::register(&session, options).await });
        self.on_thread(register).await
    }

    /// Asks which experiment this one is compared with; `None` for a project's first.
    ///
    /// # Errors
    /// [`ApiError`] if the server cannot be reached or refuses.
    pub async fn base_experiment(&self, id: &str) -> Result<Option<Named>, ApiError> {
        let (session, id) = (Arc::clone(&self.inner.session), id.to_owned());
        self.on_thread(async move { experiment::base(&session, id).await }).await
    }

    /// Asks for an experiment's scores and metrics, compared with a base if one is given.
    ///
    /// Call it after [`Client::flush`]: the server computes from what is stored.
    ///
    /// # Errors
    /// [`ApiError`] if the server cannot be reached or refuses.
    pub async fn experiment_comparison(
        &self,
        id: &str,
        base: Option<&str>,
    ) -> Result<ExperimentComparison, ApiError> {
        let session = Arc::clone(&self.inner.session);
        let (id, base) = (id.to_owned(), base.map(str::to_owned));
        self.on_thread(async move { experiment::comparison(&session, id, base).await }).await
    }

    /// Starts a span: the root of a new trace, if the parent is a
    /// [`Destination`](tidegate_model::Destination) (share it as an `Arc` where many traces go to
    /// the same place), or one below a span of this or another process.
    #[must_use]
    pub fn start_span(&self, parent: impl Into<Parent>, options: impl Into<SpanOptions>) -> Span {
        Span::below(Arc::clone(&self.inner.recorder), parent.into(), options.into())
    }

    /// A buffer for [`Span::child_kept`] that masks as this client does, and so also where a trace
    /// is not sampled and nothing of it is sent.
    #[must_use]
    pub fn trace_buffer(&self, max_bytes: usize) -> TraceBuffer {
        TraceBuffer::masked(self.inner.recorder.mask.clone(), max_bytes)
    }

    /// Waits while pending bytes fill the budget: the gate at which an evaluation holds back
    /// its next case. It opens as soon as enough bytes are acknowledged.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn admitted(&self) {
        let _waiting = self.inner.recorder.waits.begin(Cause::Gate, || None);
        self.inner.recorder.budget.open().await;
    }

    /// Wire bytes that are queued, being sent or waiting for a retry.
    #[must_use]
    pub fn pending_bytes(&self) -> u64 {
        self.inner.recorder.budget.used_bytes()
    }

    /// Counts of all records since the client was made.
    #[must_use]
    pub fn stats(&self) -> Receipt {
        self.inner.recorder.inbox.stats()
    }

    /// The latest upload requests, oldest first: the timeline of this client, at most 4096.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.inner.shared.requests.all()
    }

    /// Waits until what earlier processes left in the spool has been sent, which begins with the
    /// client; whether it was, or failed for good, before the deadline. For who is about to record
    /// rows that earlier ones may stand for already.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn earlier_settled(&self, deadline: Duration) -> bool {
        let mut earlier = self.inner.earlier.clone();
        let settled = async move {
            // Nothing is ever sent; an error means that the sender is gone.
            while earlier.changed().await.is_ok() {}
        };
        self.on_thread(async move { Ok(tokio::time::timeout(deadline, settled).await.is_ok()) })
            .await
            .unwrap_or(false)
    }

    /// Sends what ended processes left in a directory of the spool to this client's server.
    ///
    /// `patience` is how long nothing but failures may come back before it gives up.
    ///
    /// # Errors
    /// [`DrainError`] says why it stopped; what was not delivered stays in the spool.
    ///
    /// # Cancel safety
    /// Dropping the future does not stop the drain; what it has not sent yet stays.
    pub async fn drain_spool(
        &self,
        directory: &Path,
        patience: Duration,
    ) -> (Drained, Result<(), DrainError>) {
        let (session, directory) = (Arc::clone(&self.inner.session), directory.to_owned());
        let drained = self.inner.driver.runtime.spawn(async move {
            let mut drained = Drained::default();
            let result = drain_all(&directory, &session, patience, &mut drained).await;
            (drained, result)
        });
        drained.await.unwrap_or_else(|error| {
            let detail = error.to_string();
            (Drained::default(), Err(DrainError::Unreachable { detail }))
        })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // In a forked child there is no thread to wait for, and nothing of its own to deliver.
        if self.recorder.owner.is_this_process() {
            self.driver.stop(self.shutdown_timeout);
        }
    }
}

/// The spool that the configuration asks for; made at once if records depend on it.
fn open_spool(config: &Config) -> io::Result<Option<Arc<Journal>>> {
    let Some(root) = &config.spool_dir else {
        if config.durable || config.policy == Policy::Spool {
            let text = "durable recording and the policy `spool` need a spool directory";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        return Ok(None);
    };
    let target = config.spool_target();
    let journal = Journal::new(root, target, config.spool_max_bytes, config.fsync);
    if config.durable || config.policy == Policy::Spool {
        journal.open()?;
    }
    Ok(Some(Arc::new(journal)))
}

/// Sends what earlier processes left in the spool, and says so: somebody waits for it.
async fn earlier(directory: PathBuf, session: Arc<Session>, patience: Duration) {
    let mut drained = Drained::default();
    let result = drain_all(&directory, &session, patience, &mut drained).await;
    if drained.records > 0 {
        let Drained { records, rows, .. } = drained;
        Notices::warn(&format!(
            "delivered {records} record(s) in {rows} row(s) that an earlier process left in the spool"
        ));
    }
    if let Err(error) = result {
        Notices::warn(&format!("rows of an earlier process stay in the spool: {error}"));
    }
}

async fn drain_all(
    directory: &Path,
    session: &Arc<Session>,
    patience: Duration,
    drained: &mut Drained,
) -> Result<(), DrainError> {
    let groups = replay::groups(directory)
        .map_err(|source| DrainError::File { path: directory.to_owned(), source })?;
    for group in groups {
        replay::drain(&group, session, patience, drained).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
