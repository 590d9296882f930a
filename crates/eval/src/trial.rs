//! One trial of one case: the task, then its scorers, recorded as protocol.md §5 "Eval trace"
//! has it: a root span `eval`, a child `task`, and a child per scorer.

mod attempts;
mod classifying;
mod scoring;

pub(crate) use scoring::{Grade, grade_event};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tidegate_analysis::NameMap;
use tidegate_analysis::comparison::{Metric, Trial, case_key, metric_unit};
use tidegate_client::{Client, Event, Span, SpanOptions, Trace, TraceBuffer};
use tidegate_model::Destination;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::adaptive::Adaptive;
use crate::case::Case;
use crate::cells::{CaseHash, Decode, Notes, ROOT, Session};
use crate::classification::BoxClassifier;
use crate::context::Mistyped;
use crate::json;
use crate::outcome::CaseResult;
use crate::runner::Slot;
use crate::scorer::BoxScorer;
use crate::task::BoxTask;

pub(crate) const TIMED_OUT: &str = "timed out";

/// What the trace of one trial may take while it is kept for its scorers.
const TRACE_BYTES: usize = 4 << 20;

/// What all trials of a run share.
pub(crate) struct Shared<I, O, E> {
    pub(crate) task: BoxTask<I, O>,
    pub(crate) scorers: Vec<BoxScorer<I, O, E>>,
    pub(crate) classifiers: Vec<BoxClassifier<I, O, E>>,
    pub(crate) parameters: Arc<Map<String, Value>>,
    /// Where spans go; `None` without sending logs.
    pub(crate) record: Option<(Client, Arc<Destination>)>,
    /// Cancelled when the run times out.
    pub(crate) cancel: Arc<CancellationToken>,
    /// One permit per scorer call that may run at once.
    pub(crate) scorer_slots: Semaphore,
    /// How many tasks run at once, if that adapts.
    pub(crate) adaptive: Option<Arc<Adaptive>>,
    pub(crate) rules: Rules,
    /// What keeps the results of trials, and gives those of earlier ones.
    pub(crate) cells: Option<(Arc<Session>, Decode<O>)>,
    /// Tells when a task asks for an expected output of the wrong type.
    pub(crate) mistyped: Arc<Mistyped>,
}

/// What happens to tasks and scorers that fail or take long.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rules {
    /// For a task with all its tries, and for each scorer call.
    pub(crate) case_timeout: Option<Duration>,
    /// Tries after the first one.
    pub(crate) retries: u32,
    /// What a failed task or scorer counts as; `None` leaves it out of the scores.
    pub(crate) error_score: Option<f64>,
    /// Whether scorers get the spans of the task.
    pub(crate) keep_trace: bool,
}

/// A trial whose task has ended.
pub(crate) struct Unscored<I, O, E> {
    pub(crate) case: Arc<Prepared<I, E>>,
    root: Span,
    output: Result<Output<O>, String>,
    trace: Option<Arc<Trace>>,
    result: CaseResult<I, O, E>,
    notes: Notes,
}

/// What a task has returned, and the same as JSON if it is recorded or kept.
type Output<O> = (Arc<O>, Option<Box<RawValue>>);

/// A case ready to run: what spans repeat is serialized once for all trials.
pub(crate) struct Prepared<I, E> {
    pub(crate) input: Arc<I>,
    expected: Option<Arc<E>>,
    pub(crate) raw_input: Box<RawValue>,
    /// Only for spans, and where results are kept.
    pub(crate) raw_expected: Option<Box<RawValue>>,
    id: Option<String>,
    tags: Arc<[String]>,
    metadata: Map<String, Value>,
    origin: Option<Value>,
}

impl<I: Serialize, E: Serialize> Prepared<I, E> {
    pub(crate) fn new(case: Case<I, E>, record: bool) -> Self {
        let Case { input, expected, id, tags, mut metadata, trials: _, origin } = case;
        let raw_input = json::raw(&input);
        let raw_expected = expected.as_ref().filter(|_| record).map(json::raw);
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
    /// By which cases of two runs are matched.
    pub(crate) fn key(&self) -> String {
        case_key(&json::parsed(&self.raw_input))
    }

    /// What the case is, for its cells.
    pub(crate) fn hash(&self) -> CaseHash {
        let expected = self.raw_expected.as_deref().map(json::parsed);
        let (id, input) = (self.id.as_deref(), json::parsed(&self.raw_input));
        CaseHash::of(&input, expected.as_ref(), id, &self.tags, &self.metadata)
    }

    /// A result in which nothing has happened yet.
    pub(crate) fn result<O>(&self, trial: u32) -> CaseResult<I, O, E> {
        CaseResult {
            case_id: self.id.clone(),
            trial,
            input: Arc::clone(&self.input),
            expected: self.expected.clone(),
            output: None,
            error: None,
            scores: NameMap::new(),
            scorer_errors: BTreeMap::new(),
            classifications: BTreeMap::new(),
            classifier_errors: BTreeMap::new(),
            metrics: BTreeMap::new(),
            metadata: Map::new(),
            tags: self.tags.to_vec(),
            duration: Duration::ZERO,
        }
    }

    pub(crate) fn first_event(&self) -> Event {
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
    /// Runs and records the task of one trial; whatever user code does becomes part of the result.
    /// The slot is free again as soon as the task has ended: slow scorers hold up no task.
    pub(crate) async fn run_task(
        &self,
        case: Arc<Prepared<I, E>>,
        trial: u32,
        slot: Slot,
        notes: Notes,
    ) -> Unscored<I, O, E> {
        let root = match &self.record {
            Some((client, destination)) => {
                let options = SpanOptions::new(ROOT).span_type("eval").event(case.first_event());
                client.start_span(Arc::clone(destination), notes.options(ROOT, options))
            }
            None => Span::disabled(),
        };
        notes.started(ROOT, &root);
        let mut result = case.result(trial);
        let kept = self.trace_buffer();
        let (output, metadata) =
            self.attempt(&root, kept.as_ref(), &case, &mut result, &notes).await;
        drop(slot);
        result.metadata = metadata;
        // Now, so that all scorers see the same, and what the task has left running adds nothing.
        let trace = kept.map(|kept| Arc::new(kept.take()));
        Unscored { case, root, output, trace, result, notes }
    }

    fn trace_buffer(&self) -> Option<TraceBuffer> {
        self.rules.keep_trace.then(|| match &self.record {
            Some((client, _)) => client.trace_buffer(TRACE_BYTES),
            None => TraceBuffer::new(TRACE_BYTES),
        })
    }

    /// Has the output scored and closes the trial.
    pub(crate) async fn score(&self, unscored: Unscored<I, O, E>) -> (CaseResult<I, O, E>, Notes) {
        let Unscored { case, root, output, trace, mut result, mut notes } = unscored;
        let mut raw = None;
        match output {
            Ok((output, raw_output)) => {
                result.output = Some(Arc::clone(&output));
                let raw_output = raw_output.as_deref();
                let given = (output, raw_output, trace);
                self.run_scorers(&root, &case, given, &mut result, &notes, None).await;
                raw = raw_output.map(ToOwned::to_owned);
            }
            Err(error) => result.error = Some(error),
        }
        self.error_scores(&mut result);
        self.conclude(&root, &case, raw.as_deref(), &result).await;
        root.end();
        notes.ended(ROOT);
        notes.output(raw);
        (result, notes)
    }

    /// Records the result on the root.
    pub(crate) async fn conclude(
        &self,
        root: &Span,
        case: &Prepared<I, E>,
        output: Option<&RawValue>,
        result: &CaseResult<I, O, E>,
    ) {
        if !root.is_recording() {
            return;
        }
        // What the task has added stands behind those of the case.
        let added = result.tags.iter().skip(case.tags.len());
        let mut event = Event::new().tags(added.cloned());
        if let Some(output) = output {
            event = event.output(output);
        }
        if let Some(error) = &result.error {
            event = event.error(error);
        }
        // On the root, where the server looks for scores as well.
        if let Some(score) = self.rules.error_score {
            for name in result.failed(self.scorer_names()) {
                event = event.score(name, score);
            }
        }
        let mut metadata = result.metadata.clone();
        if !result.scorer_errors.is_empty() {
            metadata.insert("scorer_errors".into(), json!(result.scorer_errors));
        }
        if !result.classifier_errors.is_empty() {
            metadata.insert("classifier_errors".into(), json!(result.classifier_errors));
        }
        if !result.classifications.is_empty() {
            event = event.field("classifications", &result.classifications);
        }
        if !metadata.is_empty() {
            event = event.metadata(&metadata);
        }
        root.log_async(event).await;
    }

    /// Counts what failed as the user wants it counted.
    pub(crate) fn error_scores(&self, result: &mut CaseResult<I, O, E>) {
        result.count_failures(self.rules.error_score, self.scorer_names());
    }

    fn scorer_names(&self) -> impl Iterator<Item = &str> {
        self.scorers.iter().map(|scorer| &*scorer.name)
    }
}

impl<I, O, E> CaseResult<I, O, E> {
    /// As the analysis sees it; `duration` is the name of the metric.
    pub(crate) fn trial(&self, case_key: String, duration: &Arc<str>) -> Trial {
        let scores = self.scores.shared();
        let scores = scores.filter_map(|(name, score)| Some((Arc::clone(name), (*score)?)));
        let seconds = Metric { value: self.duration.as_secs_f64(), unit: "s".into() };
        let mut metrics: NameMap<Metric> = [(Arc::clone(duration), seconds)].into();
        for (name, value) in &self.metrics {
            if let Some(unit) = metric_unit(name) {
                metrics.insert(name.as_str(), Metric { value: *value, unit: unit.into() });
            }
        }
        Trial { case_key, scores: scores.collect(), metrics }
    }

    /// Gives what failed a score, if failures have one.
    pub(crate) fn count_failures<'a>(
        &mut self,
        score: Option<f64>,
        scorers: impl Iterator<Item = &'a str>,
    ) {
        if let Some(score) = score {
            for name in self.failed(scorers) {
                self.scores.insert(name, Some(score));
            }
        }
    }

    /// All scorers if the task failed, else those that did.
    fn failed<'a>(&self, scorers: impl Iterator<Item = &'a str>) -> Vec<String> {
        match &self.error {
            Some(_) => scorers.map(str::to_owned).collect(),
            None => self.scorer_errors.keys().cloned().collect(),
        }
    }
}
