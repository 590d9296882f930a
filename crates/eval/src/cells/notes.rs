//! What is noted down of a trial while it runs, for its record.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::value::RawValue;
use tidegate_client::{Span, SpanOptions};

use super::hash::Key;
use super::record::{Graded, Record, SpanTimes, Trace, grade_name};
use super::session::{Cell, Session};
use crate::clock;
use crate::trial::Grade;

pub(crate) const ROOT: &str = "eval";
pub(crate) const TASK: &str = "task";

/// The key of a score that was made just now, until the real one is set.
pub(super) const UNSET: Key = Key(0);

/// What is noted down of a trial while it runs; nothing, at no cost, without cells.
#[derive(Debug, Default)]
pub(crate) struct Notes(Option<Box<Inner>>);

#[derive(Debug)]
struct Inner {
    session: Arc<Session>,
    cell: Cell,
    noted: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    trace: Option<String>,
    spans: BTreeMap<String, SpanTimes>,
    output: Option<Box<RawValue>>,
    grades: Vec<(String, Graded)>,
    saw_expected: bool,
}

impl Notes {
    pub(super) fn of(session: &Arc<Session>, cell: &Cell) -> Self {
        let (session, noted) = (Arc::clone(session), Mutex::default());
        Self(Some(Box::new(Inner { session, cell: *cell, noted })))
    }

    pub(crate) fn are_taken(&self) -> bool {
        self.0.is_some()
    }

    fn with(&self, note: impl FnOnce(&mut Noted)) {
        if let Some(inner) = &self.0 {
            note(&mut inner.noted.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Gives the span of this name the row id that it has in every process.
    pub(crate) fn options(&self, name: &str, options: SpanOptions) -> SpanOptions {
        match &self.0 {
            Some(inner) => options.row_id(inner.session.row_id(&inner.cell, name)),
            None => options,
        }
    }

    /// The same for the span of a scorer or a classifier.
    pub(crate) fn grade_options<T: Grade>(&self, name: &str, options: SpanOptions) -> SpanOptions {
        match self.are_taken() {
            true => self.options(&grade_name::<T>(name), options),
            false => options,
        }
    }

    pub(crate) fn started(&self, name: &str, span: &Span) {
        self.with(|noted| {
            if name == ROOT {
                noted.trace = span.trace_id().map(|id| id.to_string());
            }
            let id = span.span_id().map(|id| id.to_string()).unwrap_or_default();
            let start_us = now_us();
            noted.spans.insert(name.to_owned(), SpanTimes { id, start_us, end_us: start_us });
        });
    }

    pub(crate) fn grade_started<T: Grade>(&self, name: &str, span: &Span) {
        if self.are_taken() {
            self.started(&grade_name::<T>(name), span);
        }
    }

    pub(crate) fn ended(&self, name: &str) {
        self.with(|noted| {
            if let Some(span) = noted.spans.get_mut(name) {
                span.end_us = now_us().max(span.start_us);
            }
        });
    }

    /// What a scorer or a classifier made of the output; its span has ended.
    pub(crate) fn graded<T: Grade>(&self, name: &str, done: &Result<T, String>) {
        if self.are_taken() {
            let name = grade_name::<T>(name);
            self.ended(&name);
            let graded = Graded::of(UNSET, done);
            self.with(|noted| noted.grades.push((name, graded)));
        }
    }

    pub(crate) fn saw_expected(&self) {
        self.with(|noted| noted.saw_expected = true);
    }

    pub(crate) fn output(&mut self, output: Option<Box<RawValue>>) {
        self.with(|noted| noted.output = output);
    }

    /// Takes over what was noted. Spans that were made again keep the times they had.
    pub(super) fn into_record(self, record: &mut Record) {
        let Some(inner) = self.0 else { return };
        let noted = inner.noted.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Noted { trace, mut spans, output, grades, saw_expected } = noted;
        record.saw_expected |= saw_expected;
        for (name, mut graded) in grades {
            graded.span = spans.remove(&name);
            record.grades.insert(name, graded);
        }
        record.output = output.or(record.output.take());
        let Some(id) = trace else { return };
        for (name, graded) in &mut record.grades {
            if let Some(span) = spans.remove(name) {
                merge(&mut graded.span, span);
            }
        }
        if let (Some(root), Some(task)) = (spans.remove(ROOT), spans.remove(TASK)) {
            let before = record.trace.take();
            let (mut old_root, mut old_task) = before.map(|old| (old.root, old.task)).unzip();
            merge(&mut old_root, root);
            merge(&mut old_task, task);
            let (root, task) = (old_root.unwrap_or_default(), old_task.unwrap_or_default());
            record.trace = Some(Trace { id, root, task });
        }
    }
}

fn merge(old: &mut Option<SpanTimes>, new: SpanTimes) {
    match old {
        Some(old) => old.id = new.id,
        None => *old = Some(new),
    }
}

fn now_us() -> u64 {
    u64::try_from(clock::wall().as_microsecond()).unwrap_or(0)
}
