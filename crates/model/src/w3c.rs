//! W3C trace context and baggage: the headers by which a trace goes on in another process.
//!
//! Reading is tolerant as the specifications ask: what is malformed counts as absent, and is never
//! an error for who sent a request for another reason. All of it is pure; the client's
//! `RemoteParent` and `Span::inject` use it.

mod baggage;
mod trace_parent;
mod trace_state;

pub use baggage::{BRAINTRUST_PARENT, Baggage, BaggageMember};
pub use trace_parent::TraceParent;
pub use trace_state::TraceState;

/// Header of the [`TraceParent`].
pub const TRACEPARENT: &str = "traceparent";
/// Header of the [`TraceState`].
pub const TRACESTATE: &str = "tracestate";
/// Header of the [`Baggage`].
pub const BAGGAGE: &str = "baggage";

/// All that the headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// Which span the sender was in.
    pub parent: TraceParent,
    /// What other tracing systems have to say; passed on as it is.
    pub state: TraceState,
    /// What the application has to say.
    pub baggage: Baggage,
}

impl TraceContext {
    /// Reads headers, whatever the case of their names; `None` without a valid `traceparent`. Takes
    /// names and values as `http::HeaderMap` iterates over them, or pairs of texts.
    ///
    /// ```
    /// use tidegate_model::w3c::TraceContext;
    ///
    /// let context = TraceContext::extract([
    ///     ("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ///     ("baggage", "braintrust.parent=project_name%3Ashop"),
    /// ])
    /// .expect("a valid parent");
    /// assert!(context.parent.is_sampled());
    /// assert_eq!(context.baggage.get("braintrust.parent"), Some("project_name:shop"));
    /// ```
    pub fn extract<N: AsRef<str>, V: AsRef<[u8]>>(
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Option<Self> {
        let (mut parents, mut states, mut baggage) = (Vec::new(), Vec::new(), Baggage::default());
        for (name, value) in headers {
            let (name, value) = (name.as_ref(), std::str::from_utf8(value.as_ref()));
            if name.eq_ignore_ascii_case(TRACEPARENT) {
                parents.push(TraceParent::parse(value.ok()?)?);
            } else if name.eq_ignore_ascii_case(TRACESTATE) {
                states.push(value.map(str::to_owned).ok());
            } else if name.eq_ignore_ascii_case(BAGGAGE)
                && let Ok(value) = value
            {
                baggage.add_header(value);
            }
        }
        // Two of them leave it open which one is meant.
        let [parent] = parents[..] else { return None };
        let state = states.into_iter().collect::<Option<Vec<String>>>();
        let state = state.and_then(|states| TraceState::parse(&states.join(",")));
        Some(Self { parent, state: state.unwrap_or_default(), baggage })
    }

    /// Gives each header that says something to `set`, by its lower-case name.
    pub fn inject(&self, mut set: impl FnMut(&'static str, &str)) {
        set(TRACEPARENT, &self.parent.to_string());
        if !self.state.is_empty() {
            set(TRACESTATE, self.state.as_str());
        }
        let baggage = self.baggage.to_string();
        if !baggage.is_empty() {
            set(BAGGAGE, &baggage);
        }
    }
}

#[cfg(test)]
mod tests;
