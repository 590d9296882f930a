//! The scorers of a trial: each in a slot and a span of its own.

use std::sync::Arc;

use futures_util::future::join_all;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tidegate_client::{Event, Span, SpanOptions};

use super::{Prepared, Shared, TIMED_OUT, attempts};
use crate::outcome::CaseResult;
use crate::panic;
use crate::scorer::{Function, Score, Scorer, SharedArgs};

impl<I, O, E> Shared<I, O, E>
where
    I: Serialize + Send + Sync + 'static,
    O: Serialize + Send + Sync + 'static,
    E: Serialize + Send + Sync + 'static,
{
    pub(super) async fn run_scorers(
        &self,
        root: &Span,
        case: &Prepared<I, E>,
        output: Arc<O>,
        raw_output: Option<&RawValue>,
        result: &mut CaseResult<I, O, E>,
    ) {
        let args = SharedArgs {
            input: Arc::clone(&case.input),
            output,
            expected: case.expected.clone(),
            metadata: Arc::new(std::mem::take(&mut result.metadata)),
            tags: Arc::clone(&case.tags),
        };
        let input = raw_output.map(|output| ScorerInput {
            input: &case.raw_input,
            expected: case.raw_expected.as_deref(),
            metadata: &args.metadata,
            output,
        });
        // Those that compute follow one another; those that wait do it together.
        let mut waiting = Vec::new();
        for scorer in &self.scorers {
            match &scorer.function {
                Function::Now(_) => {
                    let score = self.run_scorer(root, scorer, &args, input.as_ref()).await;
                    enter(result, scorer, score);
                }
                Function::Later(_) => {
                    let (args, input) = (&args, input.as_ref());
                    waiting.push(async move {
                        (scorer, self.run_scorer(root, scorer, args, input).await)
                    });
                }
            }
        }
        for (scorer, score) in join_all(waiting).await {
            enter(result, scorer, score);
        }
        // A scorer may have kept it.
        result.metadata = Arc::unwrap_or_clone(args.metadata);
    }

    async fn run_scorer(
        &self,
        root: &Span,
        scorer: &Scorer<I, O, E>,
        args: &SharedArgs<I, O, E>,
        input: Option<&ScorerInput<'_>>,
    ) -> Result<Score, String> {
        let cut = || Err(TIMED_OUT.to_owned());
        // Cancel safety: a scorer that loses either race is dropped on purpose, at its next await;
        // one that waits for a slot has not begun.
        let slot = tokio::select! {
            biased;
            slot = self.scorer_slots.acquire() => slot,
            () = self.cancel.cancelled() => return cut(),
        };
        let _slot = slot.expect("nobody closes the semaphore");
        let span = match input {
            Some(input) => root.child(
                SpanOptions::new((*scorer.name).to_owned())
                    .span_type("score")
                    .purpose("scorer")
                    .event(Event::new().input(input)),
            ),
            None => Span::disabled(),
        };
        let call = panic::caught(scorer.call(args));
        let limited = attempts::limited(self.rules.case_timeout, call);
        let score = tokio::select! {
            biased;
            score = span.scope(limited) => score.unwrap_or_else(Err),
            () = self.cancel.cancelled() => cut(),
        };
        if span.is_recording() {
            span.log_async(event(&scorer.name, &score)).await;
            span.end();
        }
        score
    }
}

fn enter<I, O, E>(
    result: &mut CaseResult<I, O, E>,
    scorer: &Scorer<I, O, E>,
    score: Result<Score, String>,
) {
    match score {
        Ok(Score { parts, .. }) if !parts.is_empty() => {
            result.scores.extend(parts.into_iter().map(|(name, part)| (name, part.score)));
        }
        Ok(score) => {
            result.scores.insert(Arc::clone(&scorer.name), score.score);
        }
        Err(error) => {
            result.scorer_errors.insert((*scorer.name).to_owned(), error);
        }
    }
}

fn event(name: &str, score: &Result<Score, String>) -> Event {
    match score {
        Ok(Score { parts, .. }) if !parts.is_empty() => {
            let mut event = Event::new();
            for (name, part) in parts {
                event = event.score(name.clone(), part.score);
            }
            let output: Vec<_> = parts.iter().map(|(name, part)| output(name, part)).collect();
            event.output(&output)
        }
        Ok(score) => {
            let mut event = Event::new().score(name.to_owned(), score.score);
            if !score.metadata.is_empty() {
                event = event.metadata(&score.metadata);
            }
            event.output(&output(name, score))
        }
        Err(error) => Event::new().error(error),
    }
}

fn output(name: &str, score: &Score) -> Value {
    let mut output = json!({"name": name, "score": score.score});
    if !score.metadata.is_empty() {
        output["metadata"] = Value::Object(score.metadata.clone());
    }
    output
}

/// The input of a scorer's span.
#[derive(Serialize)]
struct ScorerInput<'a> {
    input: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    metadata: &'a Map<String, Value>,
    output: &'a RawValue,
}
