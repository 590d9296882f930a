//! One cell: taken from its record, scored again, or run and recorded.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::value::RawValue;
use tidegate_client::{Event, Span, SpanOptions};

use super::Decode;
use super::notes::{Notes, ROOT, TASK, UNSET};
use super::plan::Todo;
use super::record::{CLASSES, Graded, Record, SpanTimes, kind_and_name};
use super::session::{Cell, From, Session};
use crate::classification::Classification;
use crate::json;
use crate::outcome::CaseResult;
use crate::runner::Slot;
use crate::scorer::Score;
use crate::trial::{Grade as _, Prepared, Shared, TIMED_OUT, Unscored, grade_event};

fn time(us: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(us)
}

/// A trial that has begun; what remains are scores and the record.
pub(crate) enum Begun<I, O, E> {
    /// Its task has run.
    Ran(Unscored<I, O, E>, Option<Cell>),
    /// Its output is recorded.
    Recorded(Recorded<I, O, E>),
    /// It has no output, and the task must not run.
    LeftOut,
}

/// A trial of which there is a record.
pub(crate) struct Recorded<I, O, E> {
    case: Arc<Prepared<I, E>>,
    cell: Cell,
    record: Record,
    from: From,
    output: Option<O>,
    /// The scorers that have to run.
    positions: Vec<usize>,
}

impl<I, O, E> Shared<I, O, E>
where
    I: Serialize + Send + Sync + 'static,
    O: Serialize + Send + Sync + 'static,
    E: Serialize + Send + Sync + 'static,
{
    /// Begins with what is missing of a trial: its task if that has to run.
    pub(crate) async fn begin(
        &self,
        case: Arc<Prepared<I, E>>,
        trial: u32,
        cell: Option<Cell>,
        slot: Slot,
    ) -> Begun<I, O, E> {
        let Some(((session, decode), cell)) = self.cells.as_ref().zip(cell) else {
            return Begun::Ran(self.run_task(case, trial, slot, Notes::default()).await, None);
        };
        let found = if session.knows(&cell) { find(session, cell).await } else { None };
        let output = found.as_ref().and_then(|(record, _)| record.output.as_deref());
        let output = output.and_then(|raw| decoded(session, *decode, raw));
        let summary = found.as_ref().map(|(record, from)| (record, *from, output.is_some()));
        // The slot is for tasks: where none runs it is given back at once.
        match (session.todo(&cell, summary), found) {
            (Todo::LeaveOut, _) => {
                session.left_out();
                Begun::LeftOut
            }
            (todo @ (Todo::Take | Todo::Score(_)), Some((record, from))) => {
                let positions = if let Todo::Score(positions) = todo { positions } else { vec![] };
                Begun::Recorded(Recorded { case, cell, record, from, output, positions })
            }
            (Todo::Run | Todo::Take | Todo::Score(_), _) => {
                let notes = Notes::of(session, &cell);
                Begun::Ran(self.run_task(case, trial, slot, notes).await, Some(cell))
            }
        }
    }

    /// Does the rest, and keeps the result; `None` if there is none to have. With it comes the key
    /// of its case.
    pub(crate) async fn complete(
        &self,
        begun: Begun<I, O, E>,
    ) -> Option<(CaseResult<I, O, E>, String)> {
        let (case, result) = match (begun, &self.cells) {
            (Begun::LeftOut, _) => return None,
            (Begun::Ran(unscored, cell), cells) => {
                let case = Arc::clone(&unscored.case);
                let (result, notes) = self.score(unscored).await;
                if let (Some((session, _)), Some(cell)) = (cells, cell) {
                    self.keep(session, &case, cell, &result, notes).await;
                }
                (case, result)
            }
            (Begun::Recorded(recorded), Some((session, _))) => {
                let case = Arc::clone(&recorded.case);
                let result = match recorded.positions.is_empty() {
                    true => self.take(session, recorded).await,
                    false => self.rescore(session, recorded).await,
                };
                (case, result)
            }
            (Begun::Recorded(_), None) => unreachable!("records are of cells"),
        };
        Some((result, case.key()))
    }

    async fn keep(
        &self,
        session: &Arc<Session>,
        case: &Prepared<I, E>,
        cell: Cell,
        result: &CaseResult<I, O, E>,
        notes: Notes,
    ) {
        session.ran();
        match self.record(session, case, cell, result, notes) {
            Some(record) => session.keep(&cell, &record).await,
            None => session.cut_off(),
        }
    }

    /// The result as it was recorded. Its rows are sent if the server lacks any.
    async fn take(
        &self,
        session: &Arc<Session>,
        recorded: Recorded<I, O, E>,
    ) -> CaseResult<I, O, E> {
        let Recorded { case, cell, mut record, from, output, .. } = recorded;
        let result = self.restored(session, &case, &record, output.map(Arc::new));
        let mut changed = from == From::Earlier || record.index != cell.index;
        if self.record.is_some() && !is_uploaded(session, &cell, &record, from) {
            let notes = Notes::of(session, &cell);
            let root = self.replay(&case, &record, from, &notes).await;
            self.conclude(&root, &case, record.output.as_deref(), &result).await;
            end_at(&root, record.trace.as_ref().map(|trace| trace.root.end_us));
            notes.into_record(&mut record);
            changed = true;
        }
        if changed {
            record.index = cell.index;
            session.keep(&cell, &record).await;
        }
        session.taken_over();
        result
    }

    /// The recorded output with fresh scores of some scorers.
    async fn rescore(
        &self,
        session: &Arc<Session>,
        recorded: Recorded<I, O, E>,
    ) -> CaseResult<I, O, E> {
        let Recorded { case, cell, mut record, from, output, positions } = recorded;
        for position in &positions {
            record.grades.remove(session.grade(*position));
        }
        let output = Arc::new(output.expect("scored only if it is there"));
        let raw = record.output.clone();
        let mut result = self.restored(session, &case, &record, Some(Arc::clone(&output)));
        let notes = Notes::of(session, &cell);
        let root = self.replay(&case, &record, from, &notes).await;
        // The trace is of the run that made the output.
        let (raw, only) = (raw.as_deref(), Some(&positions[..]));
        let given = (output, raw, None);
        self.run_scorers(&root, &case, given, &mut result, &notes, only).await;
        self.error_scores(&mut result);
        self.conclude(&root, &case, raw, &result).await;
        root.end();
        notes.ended(ROOT);
        notes.into_record(&mut record);
        record.index = cell.index;
        let cut = self.score_keys(session, &cell, &mut record);
        session.keep(&cell, &record).await;
        if cut {
            session.cut_off();
        } else {
            session.rescored();
        }
        result
    }

    /// The record of what has just run; `None` if the end of the run cut it off.
    fn record(
        &self,
        session: &Arc<Session>,
        case: &Prepared<I, E>,
        cell: Cell,
        result: &CaseResult<I, O, E>,
        notes: Notes,
    ) -> Option<Record> {
        if self.cancel.is_cancelled() && result.error.as_deref() == Some(TIMED_OUT) {
            return None;
        }
        let mut record = Record {
            index: cell.index,
            trial: result.trial,
            case_id: result.case_id.clone(),
            input: case.raw_input.clone(),
            expected: case.raw_expected.clone(),
            tags: result.tags.clone(),
            metadata: result.metadata.clone(),
            metrics: result.metrics.clone(),
            output: None,
            error: result.error.clone(),
            duration_ns: u64::try_from(result.duration.as_nanos()).unwrap_or(u64::MAX),
            saw_expected: false,
            grades: BTreeMap::new(),
            trace: None,
        };
        notes.into_record(&mut record);
        let cut = self.score_keys(session, &cell, &mut record);
        // The task is not to run again for a scorer that was cut off; the run is not complete.
        if cut {
            session.cut_off();
        }
        Some(record)
    }

    /// Sets the keys of scores just made, and takes those out that the end of the run cut off.
    fn score_keys(&self, session: &Session, cell: &Cell, record: &mut Record) -> bool {
        let before = record.grades.len();
        if self.cancel.is_cancelled() {
            record.grades.retain(|_, graded| graded.error.as_deref() != Some(TIMED_OUT));
        }
        for (name, key) in session.grade_keys(cell) {
            if let Some(graded) = record.grades.get_mut(name)
                && graded.key == UNSET
            {
                graded.key = key;
            }
        }
        record.grades.len() < before
    }

    fn restored(
        &self,
        session: &Session,
        case: &Prepared<I, E>,
        record: &Record,
        output: Option<Arc<O>>,
    ) -> CaseResult<I, O, E> {
        let mut result = case.result(record.trial);
        result.output = output;
        result.error.clone_from(&record.error);
        result.metadata.clone_from(&record.metadata);
        result.metrics.clone_from(&record.metrics);
        result.duration = Duration::from_nanos(record.duration_ns);
        result.tags.clone_from(&record.tags);
        for (grade, graded) in &record.grades {
            let first = self.scorers.len();
            match session.position(grade) {
                // Scorers that this run has not are left out.
                None => {}
                Some(at) if at < first => {
                    Score::enter(graded.result(), &self.scorers[at].name, &mut result);
                }
                Some(at) => {
                    let name = &self.classifiers[at - first].name;
                    Vec::<Classification>::enter(graded.result(), name, &mut result);
                }
            }
        }
        self.error_scores(&mut result);
        result
    }

    /// Records the rows of a cell again, up to its scores. The root is still open.
    async fn replay(
        &self,
        case: &Prepared<I, E>,
        record: &Record,
        from: From,
        notes: &Notes,
    ) -> Span {
        let Some((client, destination)) = &self.record else { return Span::disabled() };
        // In another experiment they are other spans.
        let trace = record.trace.as_ref().filter(|_| from == From::ThisRun);
        let root = SpanOptions::new(ROOT).span_type("eval").event(case.first_event());
        let mut root = replayed(notes.options(ROOT, root), trace.map(|trace| &trace.root));
        if let Some(id) = trace.and_then(|trace| trace.id.parse().ok()) {
            root = root.trace_id(id);
        }
        let root = client.start_span(Arc::clone(destination), root);
        notes.started(ROOT, &root);
        let event = Event::new().input(&case.raw_input);
        let task = SpanOptions::new(TASK).span_type("task").event(event);
        let times = record.trace.as_ref().map(|trace| &trace.task);
        let task = notes.options(TASK, task);
        let task = root.child(in_time(replayed(task, trace.map(|trace| &trace.task)), times));
        notes.started(TASK, &task);
        let mut event = match (&record.error, &record.output) {
            (Some(error), _) => Event::new().error(error),
            (None, Some(output)) => Event::new().output(output),
            (None, None) => Event::new(),
        };
        for (name, value) in &record.metrics {
            event = event.metric(name.clone(), *value);
        }
        task.log_async(event).await;
        end_at(&task, times.map(|times| times.end_us));
        notes.ended(TASK);
        let empty = json::raw(&());
        let output = record.output.as_deref().unwrap_or(&empty);
        for (grade, graded) in &record.grades {
            match kind_and_name(grade) {
                (CLASSES, name) => {
                    let options =
                        case.grade_options::<Vec<Classification>>(name, &record.metadata, output);
                    let event = grade_event::<Vec<Classification>>(name, &graded.result());
                    replay_grade(&root, notes, from, (grade, graded), options, event).await;
                }
                (_, name) => {
                    let options = case.grade_options::<Score>(name, &record.metadata, output);
                    let event = grade_event::<Score>(name, &graded.result());
                    replay_grade(&root, notes, from, (grade, graded), options, event).await;
                }
            }
        }
        root
    }
}

/// Records the row of a scorer or a classifier again.
async fn replay_grade(
    root: &Span,
    notes: &Notes,
    from: From,
    (name, graded): (&str, &Graded),
    options: SpanOptions,
    event: Event,
) {
    let times = graded.span.as_ref();
    let again = times.filter(|_| from == From::ThisRun);
    let span = root.child(in_time(replayed(notes.options(name, options), again), times));
    notes.started(name, &span);
    span.log_async(event).await;
    end_at(&span, times.map(|times| times.end_us));
    notes.ended(name);
}

fn replayed(options: SpanOptions, before: Option<&SpanTimes>) -> SpanOptions {
    let options = in_time(options, before);
    match before.and_then(|span| span.id.parse().ok()) {
        Some(id) => options.span_id(id),
        None => options,
    }
}

fn in_time(options: SpanOptions, times: Option<&SpanTimes>) -> SpanOptions {
    match times {
        Some(times) => options.started_at(time(times.start_us)),
        None => options,
    }
}

fn end_at(span: &Span, end_us: Option<u64>) {
    match end_us {
        Some(end_us) => span.end_at(time(end_us)),
        None => span.end(),
    }
}

/// Whether the server has all rows of the cell as they were recorded. Those of an earlier try have
/// the same ids, in another trace: one row of it among the others would be missing from this one.
fn is_uploaded(session: &Session, cell: &Cell, record: &Record, from: From) -> bool {
    let Some(trace) = record.trace.as_ref().filter(|_| from == From::ThisRun) else {
        return false;
    };
    let row =
        |name: &str| session.row(&session.row_id(cell, name)).filter(|spot| spot.trace == trace.id);
    let has = |name: &str, span: &SpanTimes| row(name).is_some_and(|spot| spot.span == span.id);
    let graded = |(name, graded): (&String, &Graded)| {
        graded.span.as_ref().is_some_and(|span| has(name, span))
    };
    row(ROOT).is_some() && has(TASK, &trace.task) && record.grades.iter().all(graded)
}

async fn find(session: &Arc<Session>, cell: Cell) -> Option<(Record, From)> {
    let session = Arc::clone(session);
    let found = tokio::task::spawn_blocking(move || session.find(&cell)).await;
    found.expect("reading does not panic, and nobody aborts it")
}

fn decoded<O>(session: &Session, decode: Decode<O>, raw: &RawValue) -> Option<O> {
    // What had no JSON stands there as a text, which must not pass as the output.
    if json::is_substitute(raw) {
        return None;
    }
    let decoded = decode(raw);
    if let Err(error) = &decoded {
        session.warn(format!("a recorded output is of no use any more: {error}"));
    }
    decoded.ok()
}
