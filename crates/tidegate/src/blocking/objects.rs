//! The calls that wait, a line each: what they do is the client's.

use std::path::Path;
use std::time::Duration;

use tidegate_client::{
    self as client, AttachmentReference, AttachmentStatus, DatasetOptions, DatasetRecord,
    DatasetRows, DatasetSummary, Event, Experiment, ExperimentOptions, ExperimentSummary,
    FoundExperiment, LoadParameters, LoadPrompt, Logger, Parameters, Parent, Prompt, Receipt,
    RowPages, Select, Span, SpanOptions,
};

use super::{
    Blocking, Client, Dataset, OpenExperiment, ReadonlyExperiment, Rows, StoredAttachment, wait,
};
use crate::{Error, ProjectLogger};

impl Client {
    /// Makes a logger for a project, which is created if it is unknown.
    ///
    /// # Errors
    /// [`Error::Api`], [`Error::Deadline`].
    pub fn init_logger(&self, project: impl Into<String>) -> Result<Blocking<Logger>, Error> {
        Ok(self.with(self.wait(self.inner.init_logger(project))?))
    }

    /// Registers an experiment that the program records row by row.
    ///
    /// # Errors
    /// [`Error::Api`], [`Error::Deadline`].
    pub fn init_experiment(&self, options: ExperimentOptions) -> Result<OpenExperiment, Error> {
        Ok(self.with(self.wait(self.inner.init_experiment(options))?))
    }

    /// Registers an experiment: see [`client::Client::register_experiment`].
    ///
    /// # Errors
    /// [`Error::Api`], [`Error::Deadline`].
    pub fn register_experiment(&self, options: ExperimentOptions) -> Result<Experiment, Error> {
        self.wait(self.inner.register_experiment(options))
    }

    /// Finds an experiment to read; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Api`], [`Error::Deadline`].
    pub fn open_experiment(
        &self,
        project: &str,
        name: &str,
    ) -> Result<Option<ReadonlyExperiment>, Error> {
        let found = self.wait(self.inner.open_experiment(project, name))?;
        Ok(found.map(|found| self.with(found)))
    }

    /// Finds experiments of this name: see [`client::Client::find_experiments`].
    ///
    /// # Errors
    /// [`Error::Api`], [`Error::Deadline`].
    pub fn find_experiments(
        &self,
        project: Option<&str>,
        name: &str,
    ) -> Result<Vec<FoundExperiment>, Error> {
        self.wait(self.inner.find_experiments(project, name))
    }

    /// Finds or creates a dataset.
    ///
    /// # Errors
    /// [`Error::Api`], [`Error::Deadline`].
    pub fn init_dataset(&self, options: DatasetOptions) -> Result<Dataset, Error> {
        Ok(self.with(self.wait(client::Dataset::init(&self.inner, options))?))
    }

    /// Finds a dataset; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Api`], [`Error::Deadline`].
    pub fn open_dataset(&self, project: &str, name: &str) -> Result<Option<Dataset>, Error> {
        let found = self.wait(client::Dataset::open(&self.inner, project, name))?;
        Ok(found.map(|found| self.with(found)))
    }

    /// Loads a prompt: see [`client::Client::load_prompt`]. A copy is used where its own time-out
    /// ([`LoadPrompt::timeout`]) comes before the deadline of this handle, as it does by default.
    ///
    /// # Errors
    /// [`Error::Load`], [`Error::Deadline`].
    pub fn load_prompt(&self, wanted: LoadPrompt) -> Result<Prompt, Error> {
        self.wait(self.inner.load_prompt(wanted))
    }

    /// Loads parameters: see [`client::Client::load_parameters`].
    ///
    /// # Errors
    /// As [`Client::load_prompt`].
    pub fn load_parameters(&self, wanted: LoadParameters) -> Result<Parameters, Error> {
        self.wait(self.inner.load_parameters(wanted))
    }

    /// Reads the slug of a span of this or another process: see [`client::Client::parent`].
    ///
    /// # Errors
    /// [`Error::Parent`], [`Error::Deadline`].
    pub fn parent(&self, slug: &str) -> Result<Parent, Error> {
        self.wait(self.inner.parent(slug))
    }

    /// Changes the row of a span that was exported: see [`client::Client::update_span`].
    ///
    /// # Errors
    /// [`Error::Parent`], [`Error::Deadline`].
    pub fn update_span(&self, slug: &str, event: Event) -> Result<(), Error> {
        self.wait(self.inner.update_span(slug, event))
    }

    /// Where a browser shows the span of a slug: see [`client::Client::permalink`].
    ///
    /// # Errors
    /// [`Error::Parent`], [`Error::Deadline`].
    pub fn permalink(&self, slug: &str) -> Result<Option<String>, Error> {
        self.wait(self.inner.permalink(slug))
    }

    /// Reads what a row refers to: see [`client::Client::attachment`]. Nothing is asked yet.
    #[must_use]
    pub fn attachment(&self, reference: AttachmentReference) -> StoredAttachment {
        self.with(self.inner.attachment(reference))
    }

    /// Waits until everything recorded so far is stored: see [`client::Client::flush`].
    ///
    /// # Errors
    /// [`Error::Flush`].
    pub fn flush(&self, deadline: Duration) -> Result<Receipt, Error> {
        Ok(self.inner.flush_blocking(deadline)?)
    }
}

/// What traces are recorded into: loggers and experiments.
pub trait Records {
    /// The client that it records through.
    fn records_through(&self) -> &client::Client;

    /// Starts the root of a new trace.
    fn start_root(&self, options: SpanOptions) -> Span;
}

impl Records for Logger {
    fn records_through(&self) -> &client::Client {
        self.client()
    }

    fn start_root(&self, options: SpanOptions) -> Span {
        self.start_span(options)
    }
}

impl Records for ProjectLogger {
    fn records_through(&self) -> &client::Client {
        self.client()
    }

    fn start_root(&self, options: SpanOptions) -> Span {
        self.start_span(options)
    }
}

impl Records for client::OpenExperiment {
    fn records_through(&self) -> &client::Client {
        self.client()
    }

    fn start_root(&self, options: SpanOptions) -> Span {
        self.start_span(options)
    }
}

impl<T: Records> Blocking<T> {
    /// The client that it records through.
    #[must_use]
    pub fn client(&self) -> Client {
        self.with(self.inner.records_through().clone())
    }

    /// Runs a closure inside the root of a new trace, which ends with it. Spans that are started in
    /// it by [`Span::start`] are below that root.
    pub fn traced<R>(&self, options: impl Into<SpanOptions>, run: impl FnOnce() -> R) -> R {
        let span = self.inner.start_root(options.into());
        let result = span.in_scope(run);
        span.end();
        result
    }

    /// Waits until everything recorded so far is stored: see [`client::Client::flush`].
    ///
    /// # Errors
    /// [`Error::Flush`].
    pub fn flush(&self, deadline: Duration) -> Result<Receipt, Error> {
        Ok(self.inner.records_through().flush_blocking(deadline)?)
    }
}

impl OpenExperiment {
    /// Flushes, and asks the server for scores and metrics: see [`client::OpenExperiment::summarize`]. The
    /// deadline is that of the whole call.
    ///
    /// # Errors
    /// [`Error::Summary`], [`Error::Deadline`].
    pub fn summarize(&self, deadline: Duration) -> Result<ExperimentSummary, Error> {
        Ok(wait(deadline, self.inner.summarize(deadline))??)
    }

    /// Reads what is stored of it, once it is flushed.
    #[must_use]
    pub fn reader(&self) -> ReadonlyExperiment {
        self.with(self.inner.reader())
    }
}

impl ReadonlyExperiment {
    /// Reads its rows.
    #[must_use]
    pub fn fetch(&self, select: Select) -> Rows<RowPages> {
        Rows::new(self.inner.fetch(select), self.deadline)
    }

    /// Reads its roots as cases.
    #[must_use]
    pub fn as_dataset(&self) -> Rows<DatasetRows> {
        Rows::new(self.inner.as_dataset(), self.deadline)
    }
}

impl StoredAttachment {
    /// Asks how far its upload has come.
    ///
    /// # Errors
    /// [`Error::Api`], [`Error::Deadline`].
    pub fn status(&self) -> Result<AttachmentStatus, Error> {
        self.wait(self.inner.status())
    }

    /// Reads it into memory, up to a length. The deadline is that of the whole call.
    ///
    /// # Errors
    /// [`Error::Download`], [`Error::Deadline`].
    pub fn bytes(&self, limit_bytes: u64, deadline: Duration) -> Result<Vec<u8>, Error> {
        Ok(wait(deadline, self.inner.bytes(limit_bytes, deadline))??.into())
    }

    /// Writes it to a file and returns its length: see [`client::StoredAttachment::save`]. The
    /// deadline is that of the whole call.
    ///
    /// # Errors
    /// As [`StoredAttachment::bytes`].
    pub fn save(&self, path: impl AsRef<Path>, deadline: Duration) -> Result<u64, Error> {
        Ok(wait(deadline, self.inner.save(path, deadline))??)
    }
}

impl Dataset {
    /// Writes a row and returns its id: see [`client::Dataset::insert`].
    ///
    /// # Errors
    /// [`Error::Deadline`] if the byte budget has no room until then; nothing is written then.
    pub fn insert(&self, record: DatasetRecord) -> Result<String, Error> {
        wait(self.deadline, self.inner.insert(record))
    }

    /// Changes a row: see [`client::Dataset::update`].
    ///
    /// # Errors
    /// As [`Dataset::insert`].
    pub fn update(&self, id: &str, record: DatasetRecord) -> Result<(), Error> {
        wait(self.deadline, self.inner.update(id, record))
    }

    /// Deletes a row: see [`client::Dataset::delete`].
    ///
    /// # Errors
    /// As [`Dataset::insert`].
    pub fn delete(&self, id: &str) -> Result<(), Error> {
        wait(self.deadline, self.inner.delete(id))
    }

    /// Reads the rows, at the version that is set or else the latest. Call it after a flush.
    #[must_use]
    pub fn fetch(&self) -> Rows<DatasetRows> {
        Rows::new(self.inner.fetch(), self.deadline)
    }

    /// Sets the version that is read.
    #[must_use]
    pub fn at(mut self, version: impl Into<String>) -> Self {
        self.inner = self.inner.at(version);
        self
    }

    /// A version at which the dataset reads as it does now: see [`client::Dataset::version`].
    ///
    /// # Errors
    /// [`Error::Api`], [`Error::Deadline`].
    pub fn version(&self) -> Result<Option<String>, Error> {
        self.wait(self.inner.version())
    }

    /// How many rows there are, at the latest version. Call it after a flush.
    ///
    /// # Errors
    /// [`Error::Api`], [`Error::Deadline`].
    pub fn summarize(&self) -> Result<DatasetSummary, Error> {
        self.wait(self.inner.summarize())
    }
}
