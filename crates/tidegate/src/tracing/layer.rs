//! The layer: what `tracing` tells of spans and events, and what becomes of it.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::ser::{Serialize, SerializeStruct as _, Serializer};
use tidegate_client::{Span, SpanOptions, Tracer};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::conventions::TOKENS;
use super::fields::{Fields, Mapped, Tokens};
use super::value::Visitor;
use super::{is_muted, log_entry};

/// Makes a layer that records below the current span of the SDK; see [`SpanLayer::roots`] for
/// spans that are below none.
#[must_use]
pub fn layer() -> SpanLayer {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    SpanLayer { id: NEXT.fetch_add(1, Ordering::Relaxed), roots: None }
}

/// Records spans and events of `tracing`; see the [module](super).
///
/// It works beside other layers and under their filters or its own (`with_filter`): a span that its
/// filter leaves out costs nothing here, and what is below it is recorded below its parent.
///
/// Recording never fails and never panics, and costs a few microseconds at most. As everywhere in
/// the SDK, a thread waits only if the byte budget is full and the client's policy is
/// [`Block`](tidegate_client::Policy::Block).
///
/// A span is recorded when it begins; one that is never closed has no end. What is recorded after
/// the client has shut down counts as dropped.
pub struct SpanLayer {
    id: u32,
    roots: Option<Tracer>,
}

impl SpanLayer {
    /// Has spans that are below no other begin traces of their own, at the destination of a
    /// [`Client::tracer`](tidegate_client::Client::tracer).
    #[must_use]
    pub fn roots(mut self, tracer: Tracer) -> Self {
        self.roots = Some(tracer);
        self
    }

    /// The row of a span, if it is one of this layer's.
    fn recorded<S>(&self, id: &Id, context: &Context<'_, S>) -> Option<Span>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let span = context.span(id)?;
        // Cloned, so that nothing is recorded under the lock: other layers want it too.
        let extensions = span.extensions();
        let recorded = extensions.get::<Recorded>()?;
        (recorded.layer == self.id).then(|| recorded.span.clone())
    }

    /// What a span is below, as its caller names it or by what surrounds it.
    fn parent<S>(&self, explicit: Option<&Id>, is_root: bool, context: &Context<'_, S>) -> Parent
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if let Some(explicit) = explicit
            && let Some(span) = context.span(explicit)
        {
            let nearest = span.scope().find_map(|span| self.recorded(&span.id(), context));
            if let Some(nearest) = nearest {
                return Parent::Span(nearest);
            }
        }
        match (&self.roots, Span::current()) {
            (Some(roots), _) if is_root => Parent::Root(roots.clone()),
            (_, Some(current)) => Parent::Span(current),
            (Some(roots), None) => Parent::Root(roots.clone()),
            (None, None) => Parent::Nothing,
        }
    }
}

impl fmt::Debug for SpanLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanLayer").field("roots", &self.roots.is_some()).finish_non_exhaustive()
    }
}

enum Parent {
    Span(Span),
    /// Begins a trace.
    Root(Tracer),
    /// Is not recorded.
    Nothing,
}

/// What the registry keeps with a span.
struct Recorded {
    /// Another layer of this kind may be there too.
    layer: u32,
    span: Span,
    tokens: Tokens,
}

impl<S> Layer<S> for SpanLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let metadata = attributes.metadata();
        if is_own(metadata) || is_muted() || is_taken(id, &context) {
            return;
        }
        let parent = match self.parent(attributes.parent(), attributes.is_root(), &context) {
            Parent::Nothing => return,
            // What is below it is not recorded either, and looks for its parent here.
            Parent::Span(parent) if !parent.is_recording() => {
                return self.keep(id, parent, Tokens::default(), &context);
            }
            parent => parent,
        };
        let mut fields = Fields::default();
        attributes.record(&mut Visitor(|name, value| fields.put(name, value)));
        let Mapped { event, name, span_type, tokens } = fields.finish();
        let mut sums = Tokens::default();
        let event =
            sums.add(tokens).into_iter().fold(event, |event, sum| event.metric(TOKENS, sum));
        let options = match name {
            Some(name) => SpanOptions::new(name),
            None => SpanOptions::new(metadata.name()),
        };
        let options = options.event(event.field("context", &CodePlace(metadata)));
        let options = match span_type {
            Some(span_type) => options.span_type(span_type),
            None => options,
        };
        let span = match parent {
            Parent::Span(parent) => parent.child(options),
            Parent::Root(tracer) => tracer.start_span(options),
            Parent::Nothing => return,
        };
        self.keep(id, span, sums, &context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = self.recorded(id, &context) else { return };
        if !span.is_recording() {
            return;
        }
        let mut fields = Fields::default();
        values.record(&mut Visitor(|name, value| fields.put(name, value)));
        let Mapped { mut event, name, span_type, tokens } = fields.finish();
        if let Some(sum) = self.add(id, tokens, &context) {
            event = event.metric(TOKENS, sum);
        }
        if name.is_some() || span_type.is_some() {
            event = event.field("span_attributes", &Renamed { name, span_type });
        }
        span.log(event);
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(span) = self.recorded(id, &context) {
            span.enter_thread((self.id, id.into_u64()));
        }
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        Span::exit_thread((self.id, id.into_u64()));
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        if is_own(event.metadata()) || is_muted() {
            return;
        }
        if let Parent::Span(span) = self.parent(event.parent(), false, &context)
            && span.is_recording()
        {
            log_entry::record(&span, event);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if let Some(span) = self.recorded(&id, &context) {
            span.end();
        }
    }
}

impl SpanLayer {
    fn keep<S>(&self, id: &Id, span: Span, tokens: Tokens, context: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let Some(place) = context.span(id) else { return };
        place.extensions_mut().replace(Recorded { layer: self.id, span, tokens });
    }

    /// Adds counts of tokens and gives their sum if it has changed.
    fn add<S>(&self, id: &Id, tokens: Tokens, context: &Context<'_, S>) -> Option<f64>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if tokens == Tokens::default() {
            return None;
        }
        let span = context.span(id)?;
        let mut extensions = span.extensions_mut();
        extensions.get_mut::<Recorded>()?.tokens.add(tokens)
    }
}

/// Whether another layer of this kind records the span: two of them would make a row each.
fn is_taken<S>(id: &Id, context: &Context<'_, S>) -> bool
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    context.span(id).is_some_and(|span| span.extensions().get::<Recorded>().is_some())
}

/// Whether this is of the SDK or of a collector in this process.
fn is_own(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let Some(rest) = target.strip_prefix("tidegate") else { return false };
    let name = rest.split("::").next().unwrap_or_default();
    matches!(name, "" | "_client" | "_server" | "_eval" | "_scorers" | "_analysis" | "_model")
}

/// Where in the code a span is, with the names of the protocol.
struct CodePlace(&'static Metadata<'static>);

impl Serialize for CodePlace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(metadata) = self;
        let mut place = serializer.serialize_struct("context", 4)?;
        place.serialize_field("caller_functionname", metadata.name())?;
        if let (Some(file), Some(line)) = (metadata.file(), metadata.line()) {
            place.serialize_field("caller_filename", file)?;
            place.serialize_field("caller_lineno", &line)?;
        }
        place.serialize_field("target", metadata.target())?;
        place.end()
    }
}

/// What a span is called after its begin.
#[derive(serde::Serialize)]
struct Renamed {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    span_type: Option<std::borrow::Cow<'static, str>>,
}
