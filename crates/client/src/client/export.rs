//! Spans of other processes: continuing their traces, changing their rows, linking to them.

use std::sync::Arc;

use serde_json::Value;
use tidegate_model::slug::{ObjectRef, ObjectType, SpanComponents};
use tidegate_model::{Destination, RowId};

use super::Client;
use crate::error::ApiError;
use crate::event::Event;
use crate::experiment::encode;
use crate::feedback::Feedback;
use crate::parent::{Parent, ParentError};
use crate::record::Head;
use crate::recorder::{Draft, Server};
use crate::span::Span;

/// Where a slug without a project goes, as the published SDKs have it.
const DEFAULT_PROJECT: &str = "Global";

impl Client {
    /// Reads the slug that `export()` of a span gave, in this or another process and from this or
    /// another SDK. One made before its project had an id names the project instead, which is then
    /// looked up, once per name; any other needs no request.
    ///
    /// ```no_run
    /// # async fn handle(client: tidegate_client::Client, header: &str) -> Result<(), Box<dyn std::error::Error>> {
    /// let parent = client.parent(header).await?;
    /// let span = client.start_span(parent, "handle");
    /// span.end();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ParentError`] if it is no slug, or the project cannot be looked up.
    pub async fn parent(&self, slug: &str) -> Result<Parent, ParentError> {
        let components: SpanComponents = slug.parse()?;
        let id = match &components.object {
            ObjectRef::Id(id) => id.clone(),
            ObjectRef::Lookup(lookup) => {
                let text = |name| {
                    let text = lookup.get(name).and_then(Value::as_str);
                    text.filter(|text| !text.is_empty()).map(str::to_owned)
                };
                match (components.object_type, text("project_id"), text("experiment_id")) {
                    (ObjectType::ProjectLogs, Some(id), _) => id,
                    (ObjectType::ProjectLogs, None, _) => {
                        let name = text("project_name").unwrap_or_else(|| DEFAULT_PROJECT.into());
                        let session = Arc::clone(self.session());
                        self.on_thread(async move { session.project_id(&name).await }).await?
                    }
                    (ObjectType::Experiment, _, Some(id)) => id,
                    _ => return Err(ParentError::Unresolvable),
                }
            }
        };
        Ok(Parent::resolved(components.object_type.destination(id), components))
    }

    /// Changes the row of a span that was exported, in this or another process: fields of the event
    /// are merged into it. It is recorded as [`Span::log`](crate::Span::log) records.
    ///
    /// Deltas of one row that come from several processes are applied in the order in which they
    /// arrive: change a span when its own process has flushed it.
    ///
    /// ```no_run
    /// # async fn correct(client: tidegate_client::Client, slug: &str) -> Result<(), tidegate_client::ParentError> {
    /// use tidegate_client::Event;
    /// client.update_span(slug, Event::new().output("a better answer")).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ParentError`] if it is no slug of a span, or its project cannot be looked up.
    ///
    /// # Cancel safety
    /// Dropping the future before it completes records nothing.
    pub async fn update_span(&self, slug: &str, event: Event) -> Result<(), ParentError> {
        let head = self.parent(slug).await?.head()?;
        let draft = Draft { head, start: None, end: None, event };
        self.inner.recorder.record_async(draft, None).await;
        Ok(())
    }

    /// Records feedback for a row, by its id: see [`Span::log_feedback`](crate::Span::log_feedback)
    /// for a span at hand.
    ///
    /// ```no_run
    /// # fn rate(client: tidegate_client::Client, project_id: String, row_id: &str) {
    /// use tidegate_client::Feedback;
    /// use tidegate_model::Destination;
    /// let logs = Destination::ProjectLogs(project_id);
    /// client.log_feedback(logs, row_id, Feedback::new().score("helpful", 1.0));
    /// # }
    /// ```
    pub fn log_feedback(
        &self,
        destination: impl Into<Arc<Destination>>,
        row_id: &str,
        feedback: Feedback,
    ) {
        let head = Head::detached(destination.into(), RowId::from(row_id), None);
        feedback.record(&self.inner.recorder, &head);
    }

    /// Where a browser shows the span of a slug; logs in, if that is not done. `None` if the
    /// server's address lasts no longer than the run.
    ///
    /// # Errors
    /// [`ParentError`] if it is no slug of a span, or the server cannot be reached or refuses.
    pub async fn permalink(&self, slug: &str) -> Result<Option<String>, ParentError> {
        let head = self.parent(slug).await?.head()?;
        let session = Arc::clone(self.session());
        let base = self.on_thread(async move { Ok(session.connected().await?.link_base()) });
        Ok(base.await?.map(|base| row_link(&base, &head)))
    }
}

impl Span {
    /// The slug by which another process, of any SDK, continues this trace or changes this row:
    /// see [`Client::parent`] and [`Client::update_span`]. `None` for a span that nobody sends.
    ///
    /// It is made without a request, and small enough for a header.
    ///
    /// ```
    /// # fn call(span: &tidegate_client::Span) {
    /// if let Some(slug) = span.export() {
    ///     println!("x-parent: {slug}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn export(&self) -> Option<String> {
        self.as_parent()?.export()
    }

    /// Where a browser shows this span, as far as that is known without a request: `None` before
    /// the client's first login (uploads log in by themselves), for a span that nobody sends, and
    /// for a server whose address lasts no longer than the run.
    #[must_use]
    pub fn link(&self) -> Option<String> {
        let (recorder, head) = self.sent()?;
        let base = recorder.server.as_ref()?.session.link_base()?;
        Some(row_link(&base, head))
    }

    /// As [`Span::link`], but logs in first, if that is not done.
    ///
    /// # Errors
    /// [`ApiError`] if the server cannot be reached or refuses the key.
    pub async fn permalink(&self) -> Result<Option<String>, ApiError> {
        let Some((recorder, head)) = self.sent() else { return Ok(None) };
        let Some(Server { session, runtime }) = recorder.server.clone() else { return Ok(None) };
        if !recorder.owner.is_this_process() {
            return Err(ApiError::Forked);
        }
        let login = runtime.spawn(async move { Ok(session.connected().await?.link_base()) });
        let base = login.await.unwrap_or(Err(ApiError::Shutdown))?;
        Ok(base.map(|base| row_link(&base, head)))
    }
}

fn row_link(base: &str, head: &Head) -> String {
    let (kind, object) = (head.destination.kind(), head.destination.object_id());
    let (object, row) = (encode(object), encode(&head.row_id.to_string()));
    format!("{base}/object?object_type={kind}&object_id={object}&id={row}")
}
