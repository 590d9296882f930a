//! One trial of one case: the task, then its scorers, recorded as protocol.md §5 "Eval trace"
//! has it: a root span `eval`, a child `task`, and a child per scorer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tidegate_client::{Client, Event, Span, SpanOptions};
use tidegate_model::Destination;
use tokio_util::sync::CancellationToken;

use crate::case::Case;
use crate::clock;
use crate::context::Context;
use crate::json;
use crate::outcome::CaseResult;
use crate::panic;
use crate::scorer::{Score, Scorer, SharedArgs};
use crate::task::Task;

const TIMED_OUT: &str = "timed out";

/// What all trials of a run share.
pub(crate) struct Shared<I, O, E> {
    pub(crate) task: Task<I, O>,
    pub(crate) scorers: Vec<Scorer<I, O, E>>,
    /// Where spans go; `None` without sending logs.
    pub(crate) record: Option<(Client, Arc<Destination>)>,
    /// Cancelled when the run times out.
    pub(crate) cancel: CancellationToken,
}

/// A case ready to run: what spans repeat is serialized once for all trials.
pub(crate) struct Prepared<I, E> {
    pub(crate) input: Arc<I>,
    expected: Option<Arc<E>>,
    raw_input: Box<RawValue>,
    raw_expected: Option<Box<RawValue>>,
    id: Option<String>,
    tags: Arc<[String]>,
    metadata: Map<String, Value>,
    origin: Option<Value>,
}

impl<I: Serialize, E: Serialize> Prepared<I, E> {
    pub(crate) fn new(case: Case<I, E>) -> Self {
        let Case { input, expected, id, tags, mut metadata, trials: _, origin } = case;
        let raw_input = json::raw(&input);
        let raw_expected = expected.as_ref().map(json::raw);
        if let Some(id) = &id {
            metadata.insert("case_id".into(), id.as_str().into());
        }
        Self {
            input: Arc::new(input),
            expected: expected.map(Arc::new),
            raw_input,
            raw_expected,
            id,
            tags: tags.into(),
            metadata,
            origin,
        }
    }
}

impl<I, E> Prepared<I, E> {
    /// The input as JSON, by which cases of two runs are matched.
    pub(crate) fn input_json(&self) -> Value {
        json::parsed(&self.raw_input)
    }

    fn first_event(&self) -> Event {
        let mut event = Event::new().input(&self.raw_input).tags(self.tags.iter().cloned());
        if let Some(expected) = &self.raw_expected {
            event = event.expected(expected);
        }
        if !self.metadata.is_empty() {
            event = event.metadata(&self.metadata);
        }
        if let Some(origin) = &self.origin {
            event = event.field("origin", origin);
        }
        event
    }
}

impl<I, O, E> Shared<I, O, E>
where
    I: Serialize + Send + Sync + 'static,
    O: Serialize + Send + Sync + 'static,
    E: Serialize + Send + Sync + 'static,
{
    /// Runs and records one trial; whatever user code does becomes part of the result.
    pub(crate) async fn run(&self, case: Arc<Prepared<I, E>>, trial: u32) -> CaseResult<I, O, E> {
        let root = match &self.record {
            Some((client, destination)) => {
                let options = SpanOptions::new("eval").span_type("eval").event(case.first_event());
                client.start_span(Arc::clone(destination), options)
            }
            None => Span::disabled(),
        };
        let mut result = CaseResult {
            case_id: case.id.clone(),
            trial,
            input: Arc::clone(&case.input),
            expected: case.expected.clone(),
            output: None,
            error: None,
            scores: BTreeMap::new(),
            scorer_errors: BTreeMap::new(),
            metadata: Map::new(),
            tags: case.tags.to_vec(),
            duration: Duration::ZERO,
        };
        let (output, metadata) = self.run_task(&root, &case, &mut result).await;
        result.metadata = metadata;
        let mut event = Event::new();
        match output {
            Ok((output, raw_output)) => {
                event = event.output(&raw_output);
                result.output = Some(Arc::clone(&output));
                self.run_scorers(&root, &case, output, &raw_output, &mut result).await;
            }
            Err(error) => {
                event = event.error(&error);
                result.error = Some(error);
            }
        }
        let mut metadata = result.metadata.clone();
        if !result.scorer_errors.is_empty() {
            metadata.insert("scorer_errors".into(), json!(result.scorer_errors));
        }
        if !metadata.is_empty() {
            event = event.metadata(&metadata);
        }
        root.log_async(event).await;
        root.end();
        result
    }

    async fn run_task(
        &self,
        root: &Span,
        case: &Prepared<I, E>,
        result: &mut CaseResult<I, O, E>,
    ) -> (Result<(Arc<O>, Box<RawValue>), String>, Map<String, Value>) {
        let event = Event::new().input(&case.raw_input);
        let span = root.child(SpanOptions::new("task").span_type("task").event(event));
        let cx = Context::new(
            span.clone(),
            result.trial,
            case.id.clone(),
            Arc::clone(&case.tags),
            case.metadata.clone(),
            self.cancel.clone(),
        );
        let started = clock::now();
        let task = panic::caught(async { (self.task)(Arc::clone(&case.input), cx.clone()).await });
        // Cancel safety: a task that loses the race is dropped on purpose, at its next await.
        let output = tokio::select! {
            biased;
            output = span.scope(task) => output,
            () = self.cancel.cancelled() => Err(TIMED_OUT.to_owned()),
        };
        result.duration = clock::now().saturating_duration_since(started);
        let output = output.map(|output| {
            let raw_output = json::raw(&output);
            (Arc::new(output), raw_output)
        });
        let event = match &output {
            Ok((_, raw_output)) => Event::new().output(raw_output),
            Err(error) => Event::new().error(error),
        };
        span.log_async(event).await;
        span.end();
        (output, cx.metadata())
    }

    async fn run_scorers(
        &self,
        root: &Span,
        case: &Prepared<I, E>,
        output: Arc<O>,
        raw_output: &RawValue,
        result: &mut CaseResult<I, O, E>,
    ) {
        let args = SharedArgs {
            input: Arc::clone(&case.input),
            output,
            expected: case.expected.clone(),
            metadata: Arc::new(result.metadata.clone()),
            tags: Arc::clone(&case.tags),
        };
        let input = ScorerInput {
            input: &case.raw_input,
            expected: case.raw_expected.as_deref(),
            metadata: &args.metadata,
            output: raw_output,
        };
        let scorers = self.scorers.iter().map(|scorer| {
            let (args, input) = (args.clone(), &input);
            async move { (&scorer.name, self.run_scorer(root, scorer, args, input).await) }
        });
        for (name, score) in join_all(scorers).await {
            match score {
                Ok(score) => {
                    result.scores.insert(name.clone(), score.score);
                }
                Err(error) => {
                    result.scorer_errors.insert(name.clone(), error);
                }
            }
        }
    }

    async fn run_scorer(
        &self,
        root: &Span,
        scorer: &Scorer<I, O, E>,
        args: SharedArgs<I, O, E>,
        input: &ScorerInput<'_>,
    ) -> Result<Score, String> {
        let options = SpanOptions::new(scorer.name.clone())
            .span_type("score")
            .purpose("scorer")
            .event(Event::new().input(input));
        let span = root.child(options);
        let call = panic::caught(async { scorer.call(args).await });
        // Cancel safety: as for the task.
        let score = tokio::select! {
            biased;
            score = span.scope(call) => score,
            () = self.cancel.cancelled() => Err(TIMED_OUT.to_owned()),
        };
        let event = match &score {
            Ok(Score { score, metadata }) => {
                let mut output = json!({"name": scorer.name, "score": score});
                let mut event = Event::new().score(scorer.name.clone(), *score);
                if !metadata.is_empty() {
                    output["metadata"] = Value::Object(metadata.clone());
                    event = event.metadata(metadata);
                }
                event.output(&output)
            }
            Err(error) => Event::new().error(error),
        };
        span.log_async(event).await;
        span.end();
        score
    }
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
