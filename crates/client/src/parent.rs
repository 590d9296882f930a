//! Where a span that starts belongs: to an object, or below a span of any process.

use std::str::FromStr;
use std::sync::Arc;

use serde_json::Value;
use tidegate_model::slug::{ObjectRef, RowIds, SlugError, SpanComponents};
use tidegate_model::{Destination, Row, RowId, SpanId, TraceId};

use crate::error::ApiError;
use crate::event::{Event, RESERVED};
use crate::ids::Wire;
use crate::json::Json;
use crate::record::{Head, SpanIds};

/// What [`Client::start_span`](crate::Client::start_span) starts a span below: an object, which
/// begins a new trace, or a span of this or another process, whose trace goes on.
///
/// ```
/// use tidegate_client::Parent;
///
/// // From `export()` of a span of any SDK.
/// let slug = "BAEAeyJvYmplY3RfaWQiOiIwMTk4YzVhMi0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwYWIifQ==";
/// let parent: Parent = slug.parse()?;
/// assert_eq!(parent.destination().object_id(), "0198c5a2-0000-7000-8000-0000000000ab");
/// # Ok::<(), tidegate_client::ParentError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Parent {
    pub(crate) destination: Arc<Destination>,
    pub(crate) span: Option<ParentSpan>,
    /// What every span below records too.
    pub(crate) propagated: Option<Arc<Row>>,
}

#[derive(Debug, Clone)]
pub(crate) struct ParentSpan {
    /// Unknown to those who only have the ids of a trace context.
    row_id: Option<RowId>,
    pub(crate) span_id: Wire<SpanId>,
    pub(crate) trace_id: Wire<TraceId>,
}

/// Why a slug leads nowhere.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParentError {
    /// The text is no slug.
    #[error("the parent cannot be read")]
    Slug(#[from] SlugError),
    /// The slug names its project by name.
    #[error("the slug names its project, whose id has to be asked for: use `Client::parent`")]
    Unresolved,
    /// The slug was made before the object it stands for had an id, and does not say enough.
    #[error("the slug has neither the id nor the project of what it stands for")]
    Unresolvable,
    /// The slug stands for an object where a span is needed.
    #[error("the slug stands for a whole object and not for a span")]
    NoSpan,
    /// The project could not be looked up.
    #[error("the project of the slug cannot be looked up")]
    Lookup(#[from] ApiError),
}

impl Parent {
    /// A span of another process, by the ids of its trace context.
    #[must_use]
    pub fn remote(
        destination: impl Into<Arc<Destination>>,
        trace_id: TraceId,
        span_id: SpanId,
    ) -> Self {
        let (span_id, trace_id) = (Wire::Ours(span_id), Wire::Ours(trace_id));
        let span = Some(ParentSpan { row_id: None, span_id, trace_id });
        Self { destination: destination.into(), span, propagated: None }
    }

    pub(crate) fn of(head: &Head, propagated: Option<Arc<Row>>) -> Self {
        let span = head.span.as_ref().map(|ids| ParentSpan {
            row_id: Some(head.row_id.clone()),
            span_id: ids.span_id.clone(),
            trace_id: ids.trace_id.clone(),
        });
        Self { destination: Arc::clone(&head.destination), span, propagated }
    }

    /// What a slug says, once the id of its object is known.
    pub(crate) fn resolved(destination: Destination, components: SpanComponents) -> Self {
        let span = components.row.map(|RowIds { row_id, span_id, root_span_id }| ParentSpan {
            row_id: Some(RowId::from(row_id.as_str())),
            span_id: Wire::of(&span_id),
            trace_id: Wire::of(&root_span_id),
        });
        let propagated = components.propagated_event.map(Arc::new);
        Self { destination: Arc::new(destination), span, propagated }
    }

    /// The object that rows go to.
    #[must_use]
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Makes every span that starts below record these fields too, down to the last descendant in
    /// any process. Where a span sets the same itself, objects are merged and these values win.
    #[must_use]
    pub fn propagate(mut self, fields: Row) -> Self {
        self.propagated = Some(Arc::new(fields));
        self
    }

    /// The slug that stands for this: version 4, which every SDK reads. `None` if there is none,
    /// for a dataset or a span of which only the trace context is known.
    #[must_use]
    pub fn export(&self) -> Option<String> {
        let mut components = SpanComponents::of(&self.destination)?;
        if let Some(span) = &self.span {
            components.row = Some(RowIds {
                row_id: span.row_id.as_ref()?.to_string(),
                span_id: span.span_id.to_string(),
                root_span_id: span.trace_id.to_string(),
            });
        }
        components.propagated_event = self.propagated.as_deref().cloned();
        Some(components.to_string())
    }

    /// The head of the parent's own row, to change it.
    pub(crate) fn head(&self) -> Result<Arc<Head>, ParentError> {
        let span = self.span.as_ref().ok_or(ParentError::NoSpan)?;
        let row_id = span.row_id.clone().ok_or(ParentError::NoSpan)?;
        let (span_id, trace_id) = (span.span_id.clone(), span.trace_id.clone());
        // An update says nothing about the parents of the span.
        let ids = SpanIds { span_id, trace_id, parent: None };
        Ok(Head::detached(Arc::clone(&self.destination), row_id, Some(ids)))
    }
}

impl FromStr for Parent {
    type Err = ParentError;

    /// Reads a slug that has the id of its object, which those of this SDK do;
    /// [`Client::parent`](crate::Client::parent) also reads the others.
    fn from_str(slug: &str) -> Result<Self, ParentError> {
        let components: SpanComponents = slug.parse()?;
        match &components.object {
            ObjectRef::Id(id) => {
                let destination = components.object_type.destination(id.as_str());
                Ok(Self::resolved(destination, components))
            }
            ObjectRef::Lookup(_) => Err(ParentError::Unresolved),
        }
    }
}

impl From<Destination> for Parent {
    fn from(destination: Destination) -> Self {
        Arc::new(destination).into()
    }
}

impl From<Arc<Destination>> for Parent {
    fn from(destination: Arc<Destination>) -> Self {
        Self { destination, span: None, propagated: None }
    }
}

impl From<&Parent> for Parent {
    fn from(parent: &Parent) -> Self {
        parent.clone()
    }
}

/// Merges what is propagated into the event of a start. Fields that identify a row are left out:
/// a slug comes from anywhere.
pub(crate) fn propagate(fields: &Row, mut event: Event) -> Event {
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("tags", Value::Array(tags)) => {
                event = event.tags(tags.iter().filter_map(Value::as_str));
            }
            ("scores", Value::Object(scores)) => {
                for (score, value) in scores {
                    event = event.score(score.clone(), value.as_f64());
                }
            }
            ("metrics", Value::Object(metrics)) => {
                for (metric, value) in metrics {
                    if let Some(value) = value.as_f64() {
                        event = event.metric(metric.clone(), value);
                    }
                }
            }
            (name, _) if RESERVED.contains(&name) => {}
            (name, value) => {
                let known = event.raw.iter().find(|(known, _)| known == name);
                let known = known.and_then(|(_, json)| serde_json::from_slice(json.bytes()).ok());
                let merged = match known {
                    Some(known) => merged(known, value),
                    None => value.clone(),
                };
                event.put(name.to_owned().into(), Json::or_text(&merged));
            }
        }
    }
    event
}

/// Objects are joined, anything else is replaced.
fn merged(known: Value, new: &Value) -> Value {
    match (known, new) {
        (Value::Object(mut known), Value::Object(new)) => {
            for (name, value) in new {
                let value = match known.remove(name) {
                    Some(old) => merged(old, value),
                    None => value.clone(),
                };
                known.insert(name.clone(), value);
            }
            Value::Object(known)
        }
        (_, new) => new.clone(),
    }
}
