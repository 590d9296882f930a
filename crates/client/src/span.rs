//! Spans: what user code holds while something runs.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::SystemTime;

use tidegate_model::{Destination, Row, RowId, SpanId, TraceId};

use crate::clock::{self, Started, WallTime};
use crate::current;
use crate::event::{Event, Name};
use crate::feedback::Feedback;
use crate::ids::{self, Wire};
use crate::parent::{Parent, propagate};
use crate::record::{Head, SpanIds, SpanStart, Start};
use crate::recorder::{Draft, Recorder};
use crate::remote::{self, RemoteParent};
use crate::trace::{Route, TraceBuffer};

/// How a span begins: its name, and what else is known at the start.
#[derive(Debug, Default)]
pub struct SpanOptions {
    name: Name,
    span_type: Option<Name>,
    purpose: Option<Name>,
    row_id: Option<RowId>,
    span_id: Option<SpanId>,
    trace_id: Option<TraceId>,
    started_at: Option<WallTime>,
    remote: Option<RemoteParent>,
    event: Event,
}

impl SpanOptions {
    /// Names the span. A literal costs nothing, a `String` is taken over.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Sets the type, such as `llm`, `task`, `score`, `function` or `tool`; none by default.
    #[must_use]
    pub fn span_type(mut self, span_type: impl Into<Cow<'static, str>>) -> Self {
        self.span_type = Some(span_type.into());
        self
    }

    /// Sets the purpose; scorer spans carry `scorer`, which keeps their cost out of summaries.
    #[must_use]
    pub fn purpose(mut self, purpose: impl Into<Cow<'static, str>>) -> Self {
        self.purpose = Some(purpose.into());
        self
    }

    /// Sets the row id; a time-ordered UUID by default.
    #[must_use]
    pub fn row_id(mut self, row_id: impl AsRef<str>) -> Self {
        self.row_id = Some(RowId::from(row_id.as_ref()));
        self
    }

    /// Sets the span id; random by default. For recording again what was recorded before.
    #[must_use]
    pub fn span_id(mut self, span_id: SpanId) -> Self {
        self.span_id = Some(span_id);
        self
    }

    /// Sets the trace id of a root, random by default; children have that of their parent. It
    /// also decides whether the trace is sampled.
    #[must_use]
    pub fn trace_id(mut self, trace_id: TraceId) -> Self {
        self.trace_id = Some(trace_id);
        self
    }

    /// Sets when the span started; now by default. See [`Span::end_at`].
    #[must_use]
    pub fn started_at(mut self, time: SystemTime) -> Self {
        self.started_at = Some(clock::since_epoch(time));
        self
    }

    /// Makes a root the child of a span in another process, in the trace of that; see
    /// [`RemoteParent`]. No effect on a span that has a parent here.
    #[must_use]
    pub fn remote_parent(mut self, remote: RemoteParent) -> Self {
        self.remote = Some(remote);
        self
    }

    /// Sets what is recorded together with the start.
    #[must_use]
    pub fn event(mut self, event: Event) -> Self {
        self.event = event;
        self
    }
}

impl From<&'static str> for SpanOptions {
    fn from(name: &'static str) -> Self {
        Self::new(name)
    }
}

impl From<String> for SpanOptions {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

/// A handle to a running span. Clones are the same span; dropping the last one ends it.
///
/// Recording never fails and never panics. Starting, logging and ending (a drop that ends
/// included) wait only if the byte budget is full and the policy is
/// [`Block`](crate::Policy::Block); see [`Span::log`].
#[derive(Debug, Clone)]
pub struct Span {
    inner: Option<Arc<Inner>>,
}

#[derive(Debug)]
struct Inner {
    route: Route,
    head: Arc<Head>,
    /// What every span below records too.
    propagated: Option<Arc<Row>>,
    started: Started,
    ended: AtomicBool,
    /// How many numbers [`Span::next_entry`] has given.
    entries: AtomicU32,
    /// What is above the trace in another process.
    remote: Option<RemoteParent>,
}

/// Where a span begins.
struct Place {
    destination: Arc<Destination>,
    trace_id: Wire<TraceId>,
    parent: Option<Wire<SpanId>>,
    propagated: Option<Arc<Row>>,
}

impl Span {
    /// Starts a child of the current span ([`Span::scope`]); without one, a span that records
    /// nothing, so that instrumented code runs the same outside of a trace.
    pub fn start(options: impl Into<SpanOptions>) -> Self {
        match Self::current() {
            Some(parent) => parent.child(options),
            None => Self::disabled(),
        }
    }

    /// A span that records nothing.
    #[must_use]
    pub fn disabled() -> Self {
        Self { inner: None }
    }

    /// The span whose [`Span::scope`] encloses the running code, or one inside of it that a
    /// `tracing` layer has entered.
    ///
    /// It is local to the task: a task spawned inside a scope starts without one, unless its
    /// future is wrapped in `scope` itself.
    #[must_use]
    pub fn current() -> Option<Self> {
        current::current()
    }

    /// Starts the root of a new trace, or continues that of the parent. What another process
    /// records of a trace was sampled there, if the parent says where it is recorded.
    pub(crate) fn below(recorder: Arc<Recorder>, parent: Parent, options: SpanOptions) -> Self {
        let Parent { destination, span, propagated } = parent;
        let (trace_id, parent) = match span {
            Some(span) => (span.trace_id, Some(span.span_id)),
            None => {
                let remote = options.remote.as_ref();
                let trace_id = remote.map(RemoteParent::trace_id).or(options.trace_id);
                let trace_id = trace_id.unwrap_or_else(ids::trace_id);
                if !trace_id.is_sampled(recorder.sample_ratio) {
                    return Self::disabled();
                }
                let parent = remote.map(|remote| Wire::Ours(remote.span_id()));
                (Wire::Ours(trace_id), parent)
            }
        };
        if !recorder.may_record() {
            return Self::disabled();
        }
        let place = Place { destination, trace_id, parent, propagated };
        Self::begin(Route::Sent(recorder), place, options)
    }

    /// Starts a child of this span.
    #[must_use]
    pub fn child(&self, options: impl Into<SpanOptions>) -> Self {
        match &self.inner {
            Some(inner) => inner.child(inner.route.clone(), options.into()),
            None => Self::disabled(),
        }
    }

    /// Starts a child of this span, and keeps what it and all spans below it record in memory
    /// too. The child of a disabled span is kept only: it begins a trace that nobody sends.
    ///
    /// ```
    /// use tidegate_client::{Event, Span, TraceBuffer};
    ///
    /// let buffer = TraceBuffer::new(1 << 20);
    /// let task = Span::disabled().child_kept("task", &buffer);
    /// let call = task.child("call");
    /// call.log(Event::new().output(&42).metric("tokens", 7.0));
    /// call.end();
    /// let trace = buffer.take();
    /// assert_eq!(trace.spans()[1].output(), Some(42.into()));
    /// assert_eq!(trace.total("tokens"), Some(7.0));
    /// ```
    #[must_use]
    pub fn child_kept(&self, options: impl Into<SpanOptions>, buffer: &TraceBuffer) -> Self {
        let options = options.into();
        if let Some(inner) = &self.inner {
            return inner.child(inner.route.kept_in(buffer), options);
        }
        // No record of it is sent anywhere.
        let place = Place {
            destination: Arc::new(Destination::ProjectLogs(String::new())),
            trace_id: Wire::Ours(options.trace_id.unwrap_or_else(ids::trace_id)),
            parent: None,
            propagated: None,
        };
        Self::begin(Route::Kept(buffer.clone()), place, options)
    }

    fn begin(route: Route, place: Place, options: SpanOptions) -> Self {
        let Place { destination, trace_id, parent, propagated } = place;
        let is_now = options.started_at.is_none();
        let started = options.started_at.map_or_else(Started::now, Started::at);
        let span_id = Wire::Ours(options.span_id.unwrap_or_else(ids::span_id));
        let ids = SpanIds { span_id, trace_id, parent };
        let head = Head::span(destination, options.row_id.unwrap_or_default(), ids);
        let SpanOptions { name, span_type, purpose, event, remote, .. } = options;
        let start = Start {
            at: started.wall,
            monotonic: is_now.then_some(started.monotonic),
            span: Some(SpanStart { name, span_type, purpose }),
        };
        let event = match &propagated {
            Some(propagated) => propagate(propagated, event),
            None => event,
        };
        route.record(Draft { head: Arc::clone(&head), start: Some(start), end: None, event });
        let (ended, entries) = (AtomicBool::new(false), AtomicU32::new(0));
        let inner = Inner { route, head, propagated, started, ended, entries, remote };
        Self { inner: Some(Arc::new(inner)) }
    }

    /// Records an event.
    ///
    /// Costs about a microsecond and a copy of the values. Only if the byte budget is full and
    /// the client's policy is [`crate::Policy::Block`] the calling thread waits, at most
    /// `admit_timeout`; prefer [`Span::log_async`] where that may happen in async code.
    pub fn log(&self, event: Event) {
        if let Some(inner) = &self.inner {
            inner.route.record(inner.draft(event));
        }
    }

    /// Records an event; under [`crate::Policy::Block`] it waits for room in the byte budget.
    ///
    /// # Cancel safety
    /// Dropping the future before it completes records nothing.
    pub async fn log_async(&self, event: Event) {
        if let Some(inner) = &self.inner {
            inner.route.record_async(inner.draft(event)).await;
        }
    }

    /// Ends the span; later calls and the drop have no effect. Logging after the end is allowed.
    pub fn end(&self) {
        if let Some(inner) = &self.inner {
            inner.end(None);
        }
    }

    /// As [`Span::end`], at a time of the past: for what was measured elsewhere. A time before the
    /// start counts as the start.
    pub fn end_at(&self, time: SystemTime) {
        if let Some(inner) = &self.inner {
            inner.end(Some(clock::since_epoch(time)));
        }
    }

    /// Runs a future with this span as the current one.
    ///
    /// ```
    /// use tidegate_client::{Event, Span};
    /// # async fn run(span: Span) {
    /// span.scope(async {
    ///     let step = Span::start("lookup"); // a child of `span`
    ///     step.log(Event::new().output(&42));
    /// })
    /// .await;
    /// # }
    /// ```
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        current::scope(self.clone(), future).await
    }

    /// Runs a closure with this span as the current one.
    pub fn in_scope<T>(&self, run: impl FnOnce() -> T) -> T {
        current::in_scope(self.clone(), run)
    }

    /// Makes this span current on the thread until [`Span::exit_thread`] with the same key; for
    /// the `tracing` layer.
    #[doc(hidden)]
    pub fn enter_thread(&self, key: (u32, u64)) {
        current::enter(self.clone(), key);
    }

    /// Ends [`Span::enter_thread`]; an unknown key has no effect.
    #[doc(hidden)]
    pub fn exit_thread(key: (u32, u64)) {
        current::exit(key);
    }

    /// A number that no other call for this span gives, from 0: the key of a log entry. `None` for
    /// a disabled span.
    #[doc(hidden)]
    #[must_use]
    pub fn next_entry(&self) -> Option<u32> {
        self.inner.as_ref().map(|inner| inner.entries.fetch_add(1, Ordering::Relaxed))
    }

    /// Gives `set` the headers by which a request continues this trace in another process, by
    /// their lower-case names: `traceparent`; `baggage` with where the rows go
    /// (`braintrust.parent`); and what came along from a [`RemoteParent`]. Never fails; a disabled
    /// span sets nothing.
    ///
    /// ```
    /// # let span = tidegate_client::Span::disabled();
    /// let mut headers = Vec::new();
    /// span.inject(|name, value| headers.push((name, value.to_owned())));
    /// ```
    pub fn inject(&self, set: impl FnMut(&'static str, &str)) {
        if let Some(inner) = &self.inner {
            let (head, is_sent) = (&inner.head, inner.route.is_sent());
            if let Some(context) = remote::context(head, inner.remote.as_ref(), is_sent) {
                context.inject(set);
            }
        }
    }

    /// Whether events go anywhere.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.inner.is_some()
    }

    /// The id of the row; `None` for a disabled span.
    #[must_use]
    pub fn row_id(&self) -> Option<String> {
        self.inner.as_ref().map(|inner| inner.head.row_id.to_string())
    }

    /// The span id; `None` for a disabled span.
    #[must_use]
    pub fn span_id(&self) -> Option<SpanId> {
        self.inner.as_ref()?.head.span_id()
    }

    /// The id of the trace (`root_span_id`); `None` for a disabled span, and for one that continues
    /// a trace of an older client, whose id is a UUID: see [`Span::root_span_id`].
    #[must_use]
    pub fn trace_id(&self) -> Option<TraceId> {
        self.inner.as_ref()?.head.span.as_ref()?.trace_id.ours()
    }

    /// The id of the trace as it is written into rows; `None` for a disabled span.
    #[must_use]
    pub fn root_span_id(&self) -> Option<String> {
        Some(self.inner.as_ref()?.head.span.as_ref()?.trace_id.to_string())
    }

    /// Records what somebody thinks of this span: scores, an expected output, tags, a comment.
    ///
    /// ```
    /// use tidegate_client::{Feedback, FeedbackSource, Span};
    /// # fn rate(span: &Span) {
    /// span.log_feedback(
    ///     Feedback::new().score("helpful", 0.5).comment("too short").source(FeedbackSource::App),
    /// );
    /// # }
    /// ```
    pub fn log_feedback(&self, feedback: Feedback) {
        if let Some(inner) = &self.inner
            && let Some(recorder) = inner.route.recorder()
        {
            feedback.record(recorder, &inner.head);
        }
    }

    /// How many bytes of attachments a record of this span can bring: what the byte budget has room
    /// for now, or, where records wait for room, ever. 0 for a span that nobody sends.
    #[doc(hidden)]
    #[must_use]
    pub fn attachment_room(&self) -> u64 {
        let recorder = self.inner.as_ref().and_then(|inner| inner.route.recorder());
        recorder.map_or(0, |recorder| recorder.attachment_room())
    }

    /// What continues this trace from elsewhere; `None` for a span that nobody sends.
    #[must_use]
    pub fn as_parent(&self) -> Option<Parent> {
        let inner = self.inner.as_ref()?;
        inner.route.recorder()?;
        Some(Parent::of(&inner.head, inner.propagated.clone()))
    }

    /// Who sends the rows, and the head of this one.
    pub(crate) fn sent(&self) -> Option<(&Arc<Recorder>, &Head)> {
        let inner = self.inner.as_ref()?;
        Some((inner.route.recorder()?, &inner.head))
    }
}

/// Runs a future inside a child span of the current one and ends the span with it.
///
/// ```
/// use tidegate_client::{Event, Span, traced};
/// # async fn run() {
/// let answer = traced("think", async {
///     if let Some(span) = Span::current() {
///         span.log(Event::new().input(&"question"));
///     }
///     42
/// })
/// .await;
/// # }
/// ```
pub async fn traced<F: Future>(options: impl Into<SpanOptions>, future: F) -> F::Output {
    let span = Span::start(options);
    let output = span.scope(future).await;
    span.end();
    output
}

#[cfg(test)]
impl Span {
    /// A span whose start was recorded before.
    pub(crate) fn inherited(recorder: Arc<Recorder>, head: Arc<Head>) -> Self {
        let (started, ended) = (Started::now(), AtomicBool::new(false));
        let (route, entries, remote) = (Route::Sent(recorder), AtomicU32::new(0), None);
        let propagated = None;
        let inner = Inner { route, head, propagated, started, ended, entries, remote };
        Self { inner: Some(Arc::new(inner)) }
    }
}

impl Inner {
    fn child(&self, route: Route, mut options: SpanOptions) -> Span {
        options.remote.clone_from(&self.remote);
        if !route.may_record() {
            return Span::disabled();
        }
        let Some(ids) = &self.head.span else { unreachable!("the head of a span has its ids") };
        let place = Place {
            destination: Arc::clone(&self.head.destination),
            trace_id: ids.trace_id.clone(),
            parent: Some(ids.span_id.clone()),
            propagated: self.propagated.clone(),
        };
        Span::begin(route, place, options)
    }

    fn draft(&self, event: Event) -> Draft {
        Draft { head: Arc::clone(&self.head), start: None, end: None, event }
    }

    fn end(&self, at: Option<WallTime>) {
        if self.ended.swap(true, Ordering::Relaxed) {
            return;
        }
        self.route.record(Draft {
            head: Arc::clone(&self.head),
            start: None,
            end: Some(match at {
                Some(at) if at < self.started.wall => self.started.wall,
                Some(at) => at,
                None => self.started.elapsed_wall(),
            }),
            event: Event::new(),
        });
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.end(None);
    }
}
