//! The scorers of a trial: each in a slot and a span of its own.

use std::sync::Arc;

use futures_util::future::join_all;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tidegate_client::{Event, Span, SpanOptions, Trace};

use super::{Prepared, Shared, TIMED_OUT, attempts};
use crate::cells::Notes;
use crate::outcome::CaseResult;
use crate::panic;
use crate::scorer::{BoxScorer, Function, Score, SharedArgs};

impl<I, O, E> Shared<I, O, E>
where
    I: Serialize + Send + Sync + 'static,
    O: Serialize + Send + Sync + 'static,
    E: Serialize + Send + Sync + 'static,
{
    /// Calls the scorers and then the classifiers, all of them or those at the positions in `only`,
    /// which count through both. The output is given as such and as JSON, with the trace of the
    /// task if it was kept.
    pub(crate) async fn run_scorers(
        &self,
        root: &Span,
        case: &Prepared<I, E>,
        (output, raw_output, trace): (Arc<O>, Option<&RawValue>, Option<Arc<Trace>>),
        result: &mut CaseResult<I, O, E>,
        notes: &Notes,
        only: Option<&[usize]>,
    ) {
        let args = SharedArgs {
            input: Arc::clone(&case.input),
            output,
            expected: case.expected.clone(),
            metadata: Arc::new(std::mem::take(&mut result.metadata)),
            tags: match result.tags.len() == case.tags.len() {
                true => Arc::clone(&case.tags),
                // The task has added some.
                false => result.tags.as_slice().into(),
            },
            trace,
        };
        let input = raw_output.filter(|_| root.is_recording()).map(|output| ScorerInput {
            input: &case.raw_input,
            expected: case.raw_expected.as_deref(),
            metadata: &args.metadata,
            output,
        });
        // Those that compute follow one another; those that wait do it together.
        let (mut scoring, mut classifying) = (Vec::new(), Vec::new());
        let wanted = |position: usize| only.is_none_or(|only| only.contains(&position));
        let first = self.scorers.len();
        for (_, scorer) in self.scorers.iter().enumerate().filter(|(at, _)| wanted(*at)) {
            let score = self.run_scorer(root, scorer, &args, input.as_ref(), notes);
            match &scorer.function {
                Function::Now(_) => Score::enter(score.await, &scorer.name, result),
                Function::Later(_) => scoring.push(async move { (scorer, score.await) }),
            }
        }
        let classifiers = self.classifiers.iter().enumerate();
        for (_, classifier) in classifiers.filter(|(at, _)| wanted(first + at)) {
            let classes = self.run_scorer(root, classifier, &args, input.as_ref(), notes);
            match &classifier.function {
                Function::Now(_) => Vec::enter(classes.await, &classifier.name, result),
                Function::Later(_) => classifying.push(async move { (classifier, classes.await) }),
            }
        }
        let (scores, classes) = tokio::join!(join_all(scoring), join_all(classifying));
        for (scorer, score) in scores {
            Score::enter(score, &scorer.name, result);
        }
        for (classifier, classes) in classes {
            Vec::enter(classes, &classifier.name, result);
        }
        // A scorer may have kept it.
        result.metadata = Arc::unwrap_or_clone(args.metadata);
    }

    async fn run_scorer<T: Grade>(
        &self,
        root: &Span,
        scorer: &BoxScorer<I, O, E, T>,
        args: &SharedArgs<I, O, E>,
        input: Option<&ScorerInput<'_>>,
        notes: &Notes,
    ) -> Result<T, String> {
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
            Some(input) => {
                root.child(notes.grade_options::<T>(&scorer.name, input.options::<T>(&scorer.name)))
            }
            None => Span::disabled(),
        };
        notes.grade_started::<T>(&scorer.name, &span);
        let call = panic::caught(scorer.call(args));
        let limited = attempts::limited(self.rules.case_timeout, call);
        let score = tokio::select! {
            biased;
            score = span.scope(limited) => score.unwrap_or_else(Err),
            () = self.cancel.cancelled() => cut(),
        };
        if span.is_recording() {
            span.log_async(grade_event(&scorer.name, &score)).await;
            span.end();
        }
        notes.graded(&scorer.name, &score);
        score
    }
}

/// What the span of a scorer or a classifier records of its result.
pub(crate) fn grade_event<T: Grade>(name: &str, grade: &Result<T, String>) -> Event {
    match grade {
        Ok(grade) => grade.event(name),
        Err(error) => Event::new().error(error),
    }
}

impl<I, E> Prepared<I, E> {
    /// How the span of a scorer or a classifier begins.
    pub(crate) fn grade_options<T: Grade>(
        &self,
        name: &str,
        metadata: &Map<String, Value>,
        output: &RawValue,
    ) -> SpanOptions {
        let expected = self.raw_expected.as_deref();
        ScorerInput { input: &self.raw_input, expected, metadata, output }.options::<T>(name)
    }
}

/// What a scorer or a classifier makes, how its span says so, and where the result has it.
pub(crate) trait Grade: Clone + Serialize + DeserializeOwned {
    const SPAN_TYPE: &'static str;

    fn event(&self, name: &str) -> Event;

    fn enter<I, O, E>(
        done: Result<Self, String>,
        name: &Arc<str>,
        result: &mut CaseResult<I, O, E>,
    );
}

impl Grade for Score {
    const SPAN_TYPE: &'static str = "score";

    fn event(&self, name: &str) -> Event {
        if !self.parts.is_empty() {
            let mut event = Event::new();
            for (name, part) in &self.parts {
                event = event.score(name.clone(), part.score);
            }
            let output: Vec<_> = self.parts.iter().map(|(name, part)| output(name, part)).collect();
            return event.output(&output);
        }
        let mut event = Event::new().score(name.to_owned(), self.score);
        if !self.metadata.is_empty() {
            event = event.metadata(&self.metadata);
        }
        event.output(&output(name, self))
    }

    fn enter<I, O, E>(
        done: Result<Self, String>,
        name: &Arc<str>,
        result: &mut CaseResult<I, O, E>,
    ) {
        match done {
            Ok(Score { parts, .. }) if !parts.is_empty() => {
                result.scores.extend(parts.into_iter().map(|(name, part)| (name, part.score)));
            }
            Ok(score) => {
                result.scores.insert(Arc::clone(name), score.score);
            }
            Err(error) => {
                result.scorer_errors.insert((**name).to_owned(), error);
            }
        }
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

impl ScorerInput<'_> {
    fn options<T: Grade>(&self, name: &str) -> SpanOptions {
        let event = Event::new().input(self);
        SpanOptions::new(name.to_owned()).span_type(T::SPAN_TYPE).purpose("scorer").event(event)
    }
}
