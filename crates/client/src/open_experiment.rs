//! Experiments that are recorded or read by hand, without an evaluation.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tidegate_model::Destination;
use tidegate_model::wire::summary::ExperimentComparison;

use crate::client::{Client, FoundExperiment};
use crate::dataset::DatasetRows;
use crate::error::{ApiError, FlushError};
use crate::event::Event;
use crate::experiment::{Experiment, encode};
use crate::feedback::Feedback;
use crate::inbox::Receipt;
use crate::logger::log;
use crate::outline::{RowPages, Select};
use crate::parent::Parent;
use crate::span::{Span, SpanOptions};

/// An experiment that this program records row by row; `Eval` does all of this by itself.
///
/// Rows that must not be lost when the server is slow need a client with
/// [`Policy::Block`](crate::Policy::Block).
///
/// ```no_run
/// # async fn run(client: tidegate_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use tidegate_client::{Event, ExperimentOptions};
///
/// let experiment = client.init_experiment(ExperimentOptions::new("my-project")).await?;
/// experiment.log(Event::new().input("2 + 2").output(&4).expected(&4).score("exact", 1.0));
/// let summary = experiment.summarize(Duration::from_secs(30)).await?;
/// println!("{:?}", summary.comparison.scores["exact"].score);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct OpenExperiment {
    client: Client,
    destination: Arc<Destination>,
    experiment: Experiment,
}

impl OpenExperiment {
    pub(crate) fn new(client: &Client, experiment: Experiment) -> Self {
        let destination = Arc::new(experiment.destination());
        Self { client: client.clone(), destination, experiment }
    }

    /// Its id, name, project and address.
    #[must_use]
    pub fn experiment(&self) -> &Experiment {
        &self.experiment
    }

    /// The client that it records through.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Starts the root of a new trace: one case.
    #[must_use]
    pub fn start_span(&self, options: impl Into<SpanOptions>) -> Span {
        self.client.start_span(Arc::clone(&self.destination), options)
    }

    /// Runs a future inside the root of a new trace, which ends with it.
    pub async fn traced<F: Future>(&self, options: impl Into<SpanOptions>, future: F) -> F::Output {
        let span = self.start_span(options);
        let output = span.scope(future).await;
        span.end();
        output
    }

    /// Records one case: its input, output, expected output, scores. Returns the id of the row;
    /// `None` if the trace is not sampled.
    pub fn log(&self, event: Event) -> Option<String> {
        log(&self.client, &self.destination, event)
    }

    /// Records feedback for one of its rows.
    pub fn log_feedback(&self, row_id: &str, feedback: Feedback) {
        self.client.log_feedback(Arc::clone(&self.destination), row_id, feedback);
    }

    /// Merges fields into one of its rows.
    pub fn update_span(&self, row_id: &str, event: Event) {
        self.client.update_row(&self.destination, row_id, event);
    }

    /// The slug that stands for the experiment as a whole: spans that start below it are roots.
    #[must_use]
    pub fn export(&self) -> String {
        Parent::from(Arc::clone(&self.destination)).export().expect("an experiment has a slug")
    }

    /// As [`Client::flush`].
    ///
    /// # Errors
    /// As [`Client::flush`].
    pub async fn flush(&self, deadline: Duration) -> Result<Receipt, FlushError> {
        self.client.flush(deadline).await
    }

    /// Flushes, and asks the server for scores and metrics, compared with the base experiment if
    /// there is one. The deadline is that of the flush.
    ///
    /// # Errors
    /// [`SummaryError`] if not everything is stored, or the server cannot be reached or refuses.
    pub async fn summarize(&self, deadline: Duration) -> Result<ExperimentSummary, SummaryError> {
        self.client.flush(deadline).await?;
        let id = &self.experiment.id;
        let base = self.client.base_experiment(id).await?;
        let (base_id, base_name) = base.map(|base| (base.id, base.name)).unzip();
        let comparison = self.client.experiment_comparison(id, base_id.as_deref()).await?;
        Ok(ExperimentSummary {
            project_name: self.experiment.project.name.clone(),
            experiment_name: self.experiment.name.clone(),
            experiment_id: id.clone(),
            experiment_url: self.experiment.url.clone(),
            comparison_experiment_name: base_name,
            comparison,
        })
    }

    /// Reads what is stored of it, once it is flushed.
    #[must_use]
    pub fn reader(&self) -> ReadonlyExperiment {
        ReadonlyExperiment::new(&self.client, &self.experiment.id, &self.experiment.name)
    }
}

/// What [`OpenExperiment::summarize`] gives.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ExperimentSummary {
    /// Name of the project.
    pub project_name: String,
    /// Name of the experiment.
    pub experiment_name: String,
    /// Its id.
    pub experiment_id: String,
    /// Where a browser shows it.
    pub experiment_url: Option<String>,
    /// The experiment that it is compared with.
    pub comparison_experiment_name: Option<String>,
    /// Scores and metrics by name.
    #[serde(flatten)]
    pub comparison: ExperimentComparison,
}

/// Why there is no summary.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SummaryError {
    /// Not everything is stored, so that the figures would be of a part.
    #[error("not everything is stored")]
    Flush(#[from] FlushError),
    /// The server did not answer with figures.
    #[error("the server gives no summary")]
    Api(#[from] ApiError),
}

/// An experiment that is read and never written: see [`Client::open_experiment`].
#[derive(Debug, Clone)]
pub struct ReadonlyExperiment {
    client: Client,
    destination: Arc<Destination>,
    name: String,
}

impl ReadonlyExperiment {
    pub(crate) fn new(client: &Client, id: &str, name: &str) -> Self {
        let destination = Arc::new(Destination::Experiment(id.to_owned()));
        Self { client: client.clone(), destination, name: name.to_owned() }
    }

    pub(crate) fn found(client: &Client, found: &FoundExperiment) -> Self {
        Self::new(client, &found.id, &found.name)
    }

    /// The UUID.
    #[must_use]
    pub fn id(&self) -> &str {
        self.destination.object_id()
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads its rows, a page at a time: see [`Client::experiment_pages`].
    #[must_use]
    pub fn fetch(&self, select: Select) -> RowPages {
        self.client.experiment_pages(self.id(), select)
    }

    /// Reads its roots as cases, a page at a time: what was the output is expected where nothing
    /// else was, and each case links to the row that it comes from.
    #[must_use]
    pub fn as_dataset(&self) -> DatasetRows {
        let path = format!("v1/experiment/{}/fetch", encode(self.id()));
        let pages = RowPages::at(self.client.clone(), path, Select::Roots, None);
        DatasetRows::new(pages, Arc::clone(&self.destination))
    }
}
