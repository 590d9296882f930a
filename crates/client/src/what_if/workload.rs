//! What the recorded program did, without its waits for the recording: trials, and in each of
//! them when which row was started and ended.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tidegate_model::profile::{Cause, Wait};

use super::pauses::Pauses;
use super::recording::{Recording, Role, Span, peak};

/// One row, by its position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) bytes: u32,
    /// Records that make it: one at its start, the others at its end.
    pub(super) records: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// The span starts.
    Start,
    /// It has started before and ends.
    End,
    /// Nothing was recorded of it before its end.
    Whole,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    /// Since the start of its trial, without waits.
    pub(super) offset_us: u64,
    pub(super) row: u32,
    pub(super) part: Part,
}

/// When a trial starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// So long after the trial before it started; the first after the beginning of the profile.
    AfterPrevious(u64),
    /// So long after some other trial has done its work.
    AfterWork(u64),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Trial {
    pub(super) pace: Pace,
    /// Of [`Workload::events`], the first and the one after the last.
    events: (usize, usize),
    /// When its work is done and its slot may go to another one.
    pub(super) work_us: u64,
    /// When it waits for a flush, if it does.
    pub(super) flush_us: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loop {
    /// A trial starts when another one ends: so many at once.
    Closed { slots: usize },
    /// Trials start when they did in the recording.
    Open,
}

#[derive(Debug)]
pub(super) struct Workload {
    /// In the order of their starts.
    pub(super) trials: Vec<Trial>,
    events: Vec<Event>,
    pub(super) rows: Vec<Row>,
    pub(super) kind: Loop,
    /// From the end of the last trial until the flush at the end.
    pub(super) tail_us: u64,
    /// Whether most trials waited for a flush of their own.
    pub(super) flushes: bool,
    /// Traces without a root span.
    pub(super) rootless: usize,
}

/// A trial as it was recorded.
struct Recorded {
    start_us: u64,
    /// When its slot was free again.
    release_us: u64,
    /// When the last of its spans had ended.
    end_us: u64,
    trial: Trial,
    is_eval: bool,
    has_waited: bool,
    has_flushed: bool,
    has_root: bool,
}

impl Workload {
    pub(super) fn of(recording: &mut Recording) -> Self {
        // Parents before their children, also where both start in one microsecond.
        recording.spans.sort_by_key(|span| (span.trace, span.start_us, Reverse(span.end_us)));
        recording.waits.sort_unstable_by_key(|wait| (wait.trace, wait.start_us));
        let (mut rows, mut events) = (Vec::new(), Vec::new());
        let mut trials: Vec<Recorded> = recording
            .spans
            .chunk_by(|a, b| a.trace == b.trace)
            .map(|spans| {
                let waits = waits_of(&recording.waits, spans[0].trace);
                trial(spans, waits, &mut rows, &mut events)
            })
            .collect();
        trials.sort_by_key(|trial| trial.start_us);
        let kind = kind(recording, &trials);
        pace(&mut trials, recording, kind);
        let last = trials.iter().map(|trial| trial.end_us.max(trial.release_us)).max();
        let last = last.unwrap_or(0);
        let final_flush = recording.waits_between(Cause::Flush).map(|wait| wait.start_us).max();
        let flushed = trials.iter().filter(|trial| trial.has_flushed).count();
        Self {
            kind,
            tail_us: final_flush.unwrap_or(last).saturating_sub(last),
            flushes: flushed > 0 && flushed * 2 >= trials.len(),
            rootless: trials.iter().filter(|trial| !trial.has_root).count(),
            trials: trials.into_iter().map(|recorded| recorded.trial).collect(),
            events,
            rows,
        }
    }

    /// Events of a trial, in order.
    pub(super) fn events_of(&self, trial: usize) -> &[Event] {
        let (from, to) = self.trials[trial].events;
        &self.events[from..to]
    }
}

/// The waits within a trace; all are sorted by trace.
fn waits_of(waits: &[Wait], trace: u64) -> &[Wait] {
    let from = waits.partition_point(|wait| wait.trace < Some(trace));
    let to = waits.partition_point(|wait| wait.trace <= Some(trace));
    &waits[from..to]
}

/// Makes a trial of the spans of a trace, and adds their rows and events.
fn trial(spans: &[Span], waits: &[Wait], rows: &mut Vec<Row>, events: &mut Vec<Event>) -> Recorded {
    let root = spans.iter().find(|span| span.role == Role::Root);
    let first = spans.iter().map(|span| span.start_us).min().unwrap_or(0);
    let last = spans.iter().map(|span| span.end_us).max().unwrap_or(0);
    let (start_us, root_end_us) = root.map_or((first, last), |root| (root.start_us, root.end_us));
    let tasks = spans.iter().filter(|span| span.role == Role::Task);
    let work_end_us = tasks.map(|span| span.end_us).max().unwrap_or(root_end_us);
    let flushes = || waits.iter().filter(|wait| wait.cause == Cause::Flush);
    let flushed_us = flushes().map(|wait| wait.end_us).max();

    let pauses = Pauses::of(waits.iter().map(|wait| (wait.start_us, wait.end_us)));
    let offset = |moment: u64| pauses.between(start_us, moment);
    let work_us = offset(work_end_us);
    // Where it flushed; else, if it is to flush now, at its very end, as frameworks do.
    let flush_us = flushes().map(|wait| offset(wait.start_us)).max();
    let from = events.len();
    for span in spans.iter().filter(|span| span.bytes > 0) {
        let row = rows.len() as u32;
        rows.push(Row { bytes: span.bytes, records: span.records });
        let mut happens = |moment, part| {
            events.push(Event { offset_us: offset(moment), row, part });
        };
        if span.records > 1 {
            happens(span.start_us, Part::Start);
            happens(span.end_us, Part::End);
        } else {
            happens(span.end_us, Part::Whole);
        }
    }
    // Within a microsecond one span after another, as code does that runs on its own.
    events[from..].sort_unstable_by_key(|event| (event.offset_us, event.row, event.part));
    Recorded {
        start_us,
        release_us: flushed_us.unwrap_or(0).max(work_end_us),
        end_us: last.max(root_end_us),
        trial: Trial {
            pace: Pace::AfterPrevious(0),
            events: (from, events.len()),
            work_us,
            flush_us: flush_us.unwrap_or_else(|| offset(root_end_us).max(work_us)),
        },
        is_eval: root.is_some_and(|root| root.is_eval),
        has_waited: !waits.is_empty(),
        has_flushed: flushed_us.is_some(),
        has_root: root.is_some(),
    }
}

/// Whether trials wait for each other. Who waits for the recording inside of a trial, or runs
/// several at once, is taken for a loop over cases; a program that logs now and then is not.
fn kind(recording: &Recording, trials: &[Recorded]) -> Loop {
    let roots = trials.iter().filter(|trial| trial.has_root);
    let held = roots.clone().map(|trial| (trial.start_us, trial.release_us));
    // `Eval` holds the slot of a case already while that waits before its start.
    let gate = recording.waits_between(Cause::Gate).map(|wait| (wait.start_us, wait.end_us));
    let at_once = peak(held.chain(gate));
    let is_eval = roots.clone().any(|trial| trial.is_eval || trial.has_waited);
    match recording.max_concurrency {
        Some(slots) => Loop::Closed { slots },
        None if at_once > 1 || is_eval => Loop::Closed { slots: at_once.max(1) },
        None => Loop::Open,
    }
}

/// Says of each trial what it waited for.
///
/// One that began while as many as never before were under way began by itself. Any other took
/// over from the one whose slot had become free last. So many run at once as did in the
/// recording, whether slots were the limit there or something else: data that come slowly, a
/// limit that adapts, a processor. On top of that the slots limit how many wait for a flush.
fn pace(trials: &mut [Recorded], recording: &Recording, kind: Loop) {
    let mut between: Vec<_> = [Cause::Gate, Cause::Flush]
        .into_iter()
        .flat_map(|cause| recording.waits_between(cause))
        .map(|wait| (wait.start_us, wait.end_us))
        .collect();
    between.sort_unstable();
    let pauses = Pauses::of(between.into_iter());
    let mut running = BinaryHeap::new();
    let mut free = Vec::new();
    let mut previous_us = 0;
    for trial in trials {
        while let Some(Reverse(release)) = running.peek().copied()
            && release <= trial.start_us
        {
            running.pop();
            free.push(release);
        }
        let taken_over = free.pop().filter(|_| kind != Loop::Open);
        trial.trial.pace = match taken_over {
            Some(release) => Pace::AfterWork(pauses.between(release, trial.start_us)),
            None if kind == Loop::Open => Pace::AfterPrevious(trial.start_us - previous_us),
            None => Pace::AfterPrevious(pauses.between(previous_us, trial.start_us)),
        };
        previous_us = trial.start_us;
        running.push(Reverse(trial.release_us));
    }
}
