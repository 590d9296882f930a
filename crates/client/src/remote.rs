//! Traces that go on from one process to another, by the headers of W3C trace context.

use std::sync::Arc;

use tidegate_model::w3c::{
    BRAINTRUST_PARENT, Baggage, BaggageMember, TraceContext, TraceParent, TraceState,
};
use tidegate_model::{Destination, SpanId, TraceId};

use crate::record::Head;

/// A span of another process, as the headers of a request name it. What begins with it as
/// [`SpanOptions::remote_parent`](crate::SpanOptions::remote_parent) is below that span.
///
/// ```
/// use tidegate_client::{Client, Destination, RemoteParent, Span, SpanOptions};
///
/// // Headers as `http::HeaderMap` iterates over them, or any other pairs.
/// fn handle(client: &Client, project: &Destination, headers: Vec<(String, String)>) -> Span {
///     let mut options = SpanOptions::new("handle");
///     let mut destination = project.clone();
///     if let Some(remote) = RemoteParent::extract(headers) {
///         destination = remote.destination().unwrap_or(destination);
///         options = options.remote_parent(remote);
///     }
///     client.start_span(destination, options)
/// }
/// ```
///
/// The sampled flag is passed on but does not decide: what is recorded here follows
/// [`Config::sample_ratio`](crate::Config::sample_ratio) and the trace id, as in every process that
/// knows the same ratio.
#[derive(Debug, Clone)]
pub struct RemoteParent(Arc<TraceContext>);

impl RemoteParent {
    /// Reads headers, whatever the case of their names. `None` if they do not name a span;
    /// malformed ones count as absent.
    pub fn extract<N: AsRef<str>, V: AsRef<[u8]>>(
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Option<Self> {
        TraceContext::extract(headers).map(|context| Self(Arc::new(context)))
    }

    /// The trace that goes on.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.0.parent.trace_id
    }

    /// The span that it goes on from.
    #[must_use]
    pub fn span_id(&self) -> SpanId {
        self.0.parent.span_id
    }

    /// Where the sender's rows go, if the headers say so by an id; see
    /// [`RemoteParent::project_name`].
    #[must_use]
    pub fn destination(&self) -> Option<Destination> {
        let (kind, id) = self.parent()?;
        match kind {
            "experiment_id" => Some(Destination::Experiment(id.to_owned())),
            "project_id" => Some(Destination::ProjectLogs(id.to_owned())),
            "playground_id" => Some(Destination::PlaygroundLogs(id.to_owned())),
            _ => None,
        }
    }

    /// The project whose logs the sender's rows go to, if the headers say so by its name; its id
    /// is what [`Client::register_project`](crate::Client::register_project) gives.
    #[must_use]
    pub fn project_name(&self) -> Option<&str> {
        self.parent().filter(|(kind, _)| *kind == "project_name").map(|(_, name)| name)
    }

    fn parent(&self) -> Option<(&str, &str)> {
        let parent = self.0.baggage.get(BRAINTRUST_PARENT)?.split_once(':')?;
        Some(parent).filter(|(_, id)| !id.is_empty())
    }

    /// What the application of the sender says.
    #[must_use]
    pub fn baggage(&self) -> &Baggage {
        &self.0.baggage
    }
}

/// What a span says to the next process; nothing if another one has given it an id that is no
/// such of W3C.
pub(crate) fn context(
    head: &Head,
    remote: Option<&RemoteParent>,
    is_sent: bool,
) -> Option<TraceContext> {
    let (trace_id, span_id) = (head.trace()?, head.span_id()?);
    let (parent, state, mut baggage) = match remote {
        Some(RemoteParent(remote)) => {
            let parent = remote.parent.with_span(span_id, is_sent);
            (parent, remote.state.clone(), remote.baggage.clone())
        }
        None => {
            let parent = TraceParent::new(trace_id, span_id, is_sent);
            (parent, TraceState::default(), Baggage::default())
        }
    };
    let kind = match &*head.destination {
        Destination::Experiment(_) => Some("experiment_id"),
        Destination::ProjectLogs(_) => Some("project_id"),
        Destination::PlaygroundLogs(_) => Some("playground_id"),
        Destination::Dataset(_) => None,
    };
    if let Some(kind) = kind.filter(|_| is_sent) {
        let place = format!("{kind}:{}", head.destination.object_id());
        // The key is a token, so this is never none.
        if let Some(member) = BaggageMember::new(BRAINTRUST_PARENT, &place) {
            baggage = baggage.led_by(member);
        }
    }
    Some(TraceContext { parent, state, baggage })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Client, Config, SpanOptions};

    fn injected(span: &crate::Span) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        span.inject(|name, value| headers.push((name, value.to_owned())));
        headers
    }

    #[test]
    fn a_trace_goes_on_with_all_that_came_along() {
        let client =
            Client::new(Config::default().app_url("http://127.0.0.1:9")).expect("a thread");
        let first = client.start_span(Destination::Experiment("e 1".into()), "first");
        let mut headers = injected(&first);
        let (trace, span) = (first.trace_id().expect("one"), first.span_id().expect("one"));
        assert_eq!(headers[0], ("traceparent", format!("00-{trace}-{span}-01")));
        assert_eq!(headers[1], ("baggage", "braintrust.parent=experiment_id%3Ae%201".into()));

        headers.push(("tracestate", "other=1".into()));
        headers.push(("Baggage", "user=7".into()));
        let remote = RemoteParent::extract(headers).expect("a parent");
        let destination = remote.destination().expect("an experiment");
        assert_eq!(destination, Destination::Experiment("e 1".into()));
        let second =
            client.start_span(destination, SpanOptions::new("second").remote_parent(remote));
        let third = second.child("third");
        assert_eq!(third.trace_id(), Some(trace));
        let headers = injected(&third);
        let span = third.span_id().expect("one");
        assert_eq!(headers[0].1, format!("00-{trace}-{span}-01"));
        assert_eq!(headers[1], ("tracestate", "other=1".into()));
        assert_eq!(headers[2].1, "braintrust.parent=experiment_id%3Ae%201,user=7");
        assert!(injected(&crate::Span::disabled()).is_empty());
        drop((first, second, third));
        client.shutdown(std::time::Duration::ZERO).expect_err("nobody listens");
    }

    #[test]
    fn destinations_by_name_and_unknown_ones() {
        let remote = |parent: &str| {
            let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
            let baggage = format!("braintrust.parent={parent}");
            RemoteParent::extract([("traceparent", traceparent), ("baggage", &baggage)])
                .expect("a parent")
        };
        assert_eq!(remote("project_name%3Amy%20shop").project_name(), Some("my shop"));
        for unknown in ["project_name:x", "span:1", "project_id:", "nothing", ""] {
            assert_eq!(remote(unknown).destination(), None, "{unknown}");
        }
    }
}
