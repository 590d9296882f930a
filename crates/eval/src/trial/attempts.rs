//! The task of a trial: its tries, and the time they may take together.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};
use tidegate_client::{Event, Span, SpanOptions, TraceBuffer};

use super::{Output, Prepared, Shared, TIMED_OUT};
use crate::cells::{Notes, TASK};
use crate::context::{Context, Inputs};
use crate::outcome::CaseResult;
use crate::{backoff, clock, json, panic};

impl<I, O, E> Shared<I, O, E>
where
    I: Serialize + Send + Sync + 'static,
    O: Serialize + Send + Sync + 'static,
    E: Serialize + Send + Sync + 'static,
{
    /// The task's output or error, and the metadata that it leaves.
    pub(super) async fn attempt(
        &self,
        root: &Span,
        kept: Option<&TraceBuffer>,
        case: &Prepared<I, E>,
        result: &mut CaseResult<I, O, E>,
        notes: &Notes,
    ) -> (Result<Output<O>, String>, Map<String, Value>) {
        let options = || {
            let event = Event::new().input(&case.raw_input);
            notes.options(TASK, SpanOptions::new(TASK).span_type("task").event(event))
        };
        let span = match kept {
            Some(kept) => root.child_kept(options(), kept),
            None if root.is_recording() => root.child(options()),
            None => Span::disabled(),
        };
        notes.started(TASK, &span);
        let expected = case.expected.clone().map(|expected| expected as Arc<dyn Any + Send + Sync>);
        let cx = Context::new(Inputs {
            span: span.clone(),
            trial: result.trial,
            case_id: case.id.clone(),
            expected,
            mistyped: Arc::clone(&self.mistyped),
            tags: Arc::clone(&case.tags),
            parameters: Arc::clone(&self.parameters),
            metadata: case.metadata.clone(),
            run: Arc::clone(&self.cancel),
        });
        let started = clock::now();
        let limited = limited(self.rules.case_timeout, self.attempts(&span, case, &cx));
        // Cancel safety: a task that loses the race is dropped on purpose, at its next await.
        let output = tokio::select! {
            biased;
            output = span.scope(limited) => output.unwrap_or_else(Err),
            () = self.cancel.cancelled() => Err(TIMED_OUT.to_owned()),
        };
        // What the task has started elsewhere may watch this; a task that is done has not failed.
        if output.is_err() {
            cx.cancel();
        }
        result.duration = clock::now().saturating_duration_since(started);
        let output = output.map(|output| {
            let wanted = span.is_recording() || notes.are_taken();
            let raw_output = wanted.then(|| json::raw(&output));
            (Arc::new(output), raw_output)
        });
        let mut event = match &output {
            Ok((_, Some(raw_output))) if span.is_recording() => {
                Some(Event::new().output(raw_output))
            }
            Ok(_) => None,
            Err(error) => Some(Event::new().error(error)),
        };
        result.metrics = cx.metrics();
        for (name, value) in &result.metrics {
            event = Some(event.unwrap_or_default().metric(name.clone(), *value));
        }
        if let Some(event) = event {
            span.log_async(event).await;
        }
        span.end();
        notes.ended(TASK);
        if cx.has_seen_expected() {
            notes.saw_expected();
        }
        cx.add_tags_to(&mut result.tags);
        (output, cx.metadata())
    }

    /// Calls the task until it succeeds, fails for good, or has had its tries. A panic is a fault
    /// of the program and not tried again.
    async fn attempts(
        &self,
        span: &Span,
        case: &Prepared<I, E>,
        cx: &Context,
    ) -> Result<O, String> {
        let mut tries = 1;
        loop {
            let call = async { Ok((self.task)(Arc::clone(&case.input), cx.clone()).await) };
            let begun = self.adaptive.as_ref().map(|adaptive| (adaptive, adaptive.begun()));
            let done = panic::caught(call).await?;
            match (begun, &done) {
                (Some((adaptive, begun)), Ok(_)) => adaptive.succeeded(begun),
                (Some((adaptive, begun)), Err(error)) if error.is_retryable() => {
                    adaptive.overloaded(begun, error.wanted_wait());
                }
                _ => {}
            }
            let error = match done {
                Ok(output) => return Ok(output),
                Err(error) if error.is_retryable() && tries <= self.rules.retries => error,
                Err(error) => return Err(error.into_message()),
            };
            // Before the wait, so that it is known even if time runs out meanwhile.
            let event = json!({"attempts": tries, "last_error": error.message()});
            span.log_async(Event::new().metadata(&event)).await;
            tokio::time::sleep(backoff::wait(tries, error.wanted_wait())).await;
            tries += 1;
            cx.set_metadata("attempts", &tries);
        }
    }
}

/// Ends user code at its next await when its time is up; `Err` says so.
pub(super) async fn limited<T>(
    limit: Option<Duration>,
    code: impl Future<Output = T>,
) -> Result<T, String> {
    match limit {
        None => Ok(code.await),
        Some(limit) => {
            let done = tokio::time::timeout(limit, code).await;
            done.map_err(|_| format!("{TIMED_OUT} after {limit:?}"))
        }
    }
}
