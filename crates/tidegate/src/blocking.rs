//! The SDK for programs without an async runtime.
//!
//! ```no_run
//! use std::time::Duration;
//! use tidegate::blocking;
//! use tidegate::client::{DatasetOptions, DatasetRecord, Event, Span};
//!
//! fn main() -> Result<(), tidegate::Error> {
//!     let logger = blocking::init_logger("my-service")?;
//!     let answer = logger.traced("request", || {
//!         Span::start("lookup").log(Event::new().output(&42)); // a child of `request`
//!         42
//!     });
//!     logger.log(Event::new().input("ping").output(&answer));
//!
//!     let dataset = logger.client().init_dataset(DatasetOptions::new("my-service", "questions"))?;
//!     dataset.insert(DatasetRecord::new().input("2 + 2").expected(&4))?;
//!     logger.flush(Duration::from_secs(30))?;
//!     for row in dataset.fetch() {
//!         println!("{}", row?.input);
//!     }
//!     logger.close()
//! }
//! ```
//!
//! A [`Blocking`] around something of the SDK has the methods that wait, under the names that they
//! have there, and dereferences to the thing itself for the ones that do not: spans, events and
//! feedback never wait for a network. What has no method here is waited for by [`Blocking::wait`].
//! Evaluations run by [`Run::run_blocking`](crate::Run::run_blocking), or with a client at hand by
//! [`Blocking::run`].
//!
//! **Deadlines.** Every call ends by one: that of the handle ([`Blocking::deadline`], 90 s by
//! default) or its own argument. After it comes [`Error::Deadline`]. What was asked for may still
//! happen: a request that is out is not called back.
//!
//! **Threads.** The client works on its one thread in any case (it ends with the client's last
//! handle), so nothing is started here: the calling thread sleeps until the answer is there. That
//! works inside of an async runtime of any flavour too. It blocks the runtime's thread meanwhile, so
//! do not make a habit of it.
//!
//! **Forks.** A client made before a fork is refused in the child, as everywhere in the SDK: calls
//! return [`ApiError::Forked`](client::ApiError::Forked) at once and what is recorded is not sent.
//! Make a client of its own in the child.

mod objects;
mod rows;
mod wait;

use std::future::Future;
use std::ops::Deref;
use std::time::Duration;

use serde::Serialize;
use tidegate_client as client;
use tidegate_eval::{Eval, EvalError, Outcome};

use crate::{Connection, Error, LoggerOptions, ProjectLogger};

pub use objects::Records;
pub use rows::{Pages, Rows};
pub use wait::wait;

/// How long a call may take unless the handle says otherwise: longer than the 60 s of one request,
/// so that its own error comes first, which says more.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(90);

/// Something of the SDK, with methods that block the calling thread instead of being async; see the
/// [module](self).
#[derive(Debug, Clone)]
pub struct Blocking<T> {
    inner: T,
    deadline: Duration,
}

/// A client: see [`connect`], or [`Blocking::new`] for one that is configured.
pub type Client = Blocking<client::Client>;
/// An attachment of a row: see [`Client::attachment`].
pub type StoredAttachment = Blocking<client::StoredAttachment>;
/// A dataset: see [`Client::init_dataset`].
pub type Dataset = Blocking<client::Dataset>;
/// An experiment that is recorded by hand: see [`Client::init_experiment`].
pub type OpenExperiment = Blocking<client::OpenExperiment>;
/// An experiment that is only read: see [`Client::open_experiment`].
pub type ReadonlyExperiment = Blocking<client::ReadonlyExperiment>;

impl<T> Blocking<T> {
    /// Wraps what was made before, such as a client with a configuration of its own.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tidegate::blocking::Blocking;
    /// use tidegate::client::{Client, Config};
    ///
    /// # fn make() -> std::io::Result<()> {
    /// let client = Client::new(Config::default().app_url("http://127.0.0.1:8787"))?;
    /// let client = Blocking::new(client).deadline(Duration::from_secs(10));
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(inner: T) -> Self {
        Self { inner, deadline: DEFAULT_DEADLINE }
    }

    /// Sets how long each call may take, of this handle and of those that it gives out;
    /// [`DEFAULT_DEADLINE`] by default.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// What is inside, for code that is async.
    pub fn into_inner(self) -> T {
        self.inner
    }

    /// Waits for anything else of the SDK, until the deadline of this handle.
    ///
    /// ```no_run
    /// # fn link(client: tidegate::blocking::Client, span: tidegate::client::Span) -> Result<(), tidegate::Error> {
    /// let organisation = client.wait(client.login())?;
    /// let link: Option<String> = client.wait(span.permalink())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// That of the future, or [`Error::Deadline`].
    ///
    /// # Panics
    /// As [`wait`].
    pub fn wait<V, E>(&self, future: impl Future<Output = Result<V, E>>) -> Result<V, Error>
    where
        Error: From<E>,
    {
        Ok(wait(self.deadline, future)??)
    }

    /// Another thing, with the same deadline.
    fn with<U>(&self, inner: U) -> Blocking<U> {
        Blocking { inner, deadline: self.deadline }
    }
}

impl<T> Deref for Blocking<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

/// Opens a connection to where the environment says; see [`Connection`].
///
/// # Errors
/// As [`Connection::open`].
pub fn connect() -> Result<Blocking<Connection>, Error> {
    Ok(Blocking::new(Connection::open()?))
}

/// Makes a logger for a project, sending where the environment says: as
/// [`init_logger`](crate::init_logger()).
///
/// # Errors
/// As there, or [`Error::Deadline`] after [`DEFAULT_DEADLINE`].
pub fn init_logger(options: impl Into<LoggerOptions>) -> Result<Blocking<ProjectLogger>, Error> {
    Ok(Blocking::new(wait(DEFAULT_DEADLINE, crate::init_logger(options))??))
}

impl Blocking<Connection> {
    /// The client; clones of it must not outlive [`Blocking::close`].
    #[must_use]
    pub fn client(&self) -> Client {
        self.with(self.inner.client().clone())
    }

    /// As [`Connection::close`], which has deadlines of its own.
    ///
    /// # Errors
    /// [`Error::Deadline`] if it takes longer than the deadline of this handle.
    pub fn close(self) -> Result<(), Error> {
        wait(self.deadline, self.inner.close())
    }
}

impl Blocking<ProjectLogger> {
    /// As [`ProjectLogger::close`], which has deadlines of its own.
    ///
    /// # Errors
    /// [`Error::Deadline`] if it takes longer than the deadline of this handle.
    pub fn close(self) -> Result<(), Error> {
        wait(self.deadline, self.inner.close())
    }
}

impl Client {
    /// Runs an evaluation that records through this client, and reports: as [`Eval::run_with`], on a
    /// runtime of its own. It ends with the evaluation, for which [`Eval::timeout`] sets a limit.
    ///
    /// # Errors
    /// As [`Eval::run_with`].
    pub fn run<I, O, E>(&self, eval: Eval<I, O, E>) -> Result<Outcome<I, O, E>, Error>
    where
        I: Serialize + Send + Sync + 'static,
        O: Serialize + Send + Sync + 'static,
        E: Serialize + Send + Sync + 'static,
    {
        let run = tidegate_eval::block_on(eval.run_with(&self.inner));
        Ok(run.map_err(EvalError::Thread)??)
    }
}
