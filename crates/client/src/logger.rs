//! Logs of a project: what a service in production records into.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tidegate_model::Destination;
use tidegate_model::wire::objects::Named;

use crate::client::Client;
use crate::error::FlushError;
use crate::event::Event;
use crate::feedback::Feedback;
use crate::inbox::Receipt;
use crate::parent::Parent;
use crate::span::{Span, SpanOptions};

/// Records into the logs of one project. Clones are the same logger.
///
/// A client drops what its byte budget has no room for, unless its [`Policy`](crate::Policy) says
/// otherwise, and uploads beside the program: logging never waits for the network. How much of the
/// traffic is recorded, in which organisation, and with what budget is the client's
/// [`Config`](crate::Config).
///
/// ```no_run
/// # async fn serve(client: tidegate_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use tidegate_client::{Event, Span};
///
/// let logger = client.init_logger("my-service").await?;
/// let answer = logger
///     .traced("request", async {
///         let step = Span::start("lookup"); // a child of `request`
///         step.log(Event::new().output(&42));
///         42
///     })
///     .await;
/// logger.log(Event::new().input("ping").output(&answer));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Logger {
    client: Client,
    destination: Arc<Destination>,
    project: Named,
}

impl Logger {
    /// Records into the logs of a project whose id is known, without asking the server first.
    #[must_use]
    pub fn new(client: &Client, project: Named) -> Self {
        let destination = Arc::new(Destination::ProjectLogs(project.id.clone()));
        Self { client: client.clone(), destination, project }
    }

    /// The project.
    #[must_use]
    pub fn project(&self) -> &Named {
        &self.project
    }

    /// The client that it records through.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Where its rows go.
    #[must_use]
    pub fn destination(&self) -> &Arc<Destination> {
        &self.destination
    }

    /// Starts the root of a new trace.
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

    /// Records one event as a trace of its own, without waiting for anything. Returns the id of the
    /// row; `None` if the trace is not sampled.
    pub fn log(&self, event: Event) -> Option<String> {
        log(&self.client, &self.destination, event)
    }

    /// As [`Logger::log`], and waits until everything recorded so far is stored: for programs that
    /// may be stopped right after, such as functions in a cloud.
    ///
    /// # Errors
    /// As [`Client::flush`].
    pub async fn log_and_flush(
        &self,
        event: Event,
        deadline: Duration,
    ) -> Result<Receipt, FlushError> {
        self.log(event);
        self.client.flush(deadline).await
    }

    /// Records feedback for one of its rows.
    pub fn log_feedback(&self, row_id: &str, feedback: Feedback) {
        self.client.log_feedback(Arc::clone(&self.destination), row_id, feedback);
    }

    /// Merges fields into one of its rows.
    pub fn update_span(&self, row_id: &str, event: Event) {
        self.client.update_row(&self.destination, row_id, event);
    }

    /// The slug that stands for the logs as a whole: spans that start below it are roots.
    #[must_use]
    pub fn export(&self) -> String {
        Parent::from(Arc::clone(&self.destination)).export().expect("project logs have a slug")
    }

    /// As [`Client::flush`].
    ///
    /// # Errors
    /// As [`Client::flush`].
    pub async fn flush(&self, deadline: Duration) -> Result<Receipt, FlushError> {
        self.client.flush(deadline).await
    }
}

/// A span that begins and ends with one event.
pub(crate) fn log(client: &Client, destination: &Arc<Destination>, event: Event) -> Option<String> {
    let span = client.start_span(Arc::clone(destination), SpanOptions::new("root").event(event));
    span.row_id()
}
