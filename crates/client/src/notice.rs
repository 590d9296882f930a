//! Errors are visible: one rate-limited line on stderr, or the program's own hook.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;
use crate::inbox::DropReason;

/// Something that the user of a logger must know, given to [`crate::Config::on_error`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// What happened to the records.
    pub kind: ProblemKind,
    /// How many records it concerns; attachments, if that is what it is about.
    pub records: u64,
    /// Why.
    pub reason: DropReason,
    /// What the server or the system said, if anything.
    pub detail: Option<String>,
}

/// What happened to records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// They are gone.
    Lost,
    /// They wait in the spool.
    Spooled,
    /// They are attachments, and are not uploaded. Their rows are not concerned.
    NotUploaded,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ProblemKind::Lost => "record(s) lost",
            ProblemKind::Spooled => {
                "record(s) kept in the spool (`tidegate spool drain` sends them)"
            }
            ProblemKind::NotUploaded => "attachment(s) not uploaded",
        };
        write!(f, "{} {what}: {}", self.records, self.reason.explain())?;
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

/// Called with every problem.
pub(crate) type Hook = dyn Fn(&Problem) + Send + Sync;

/// Says what happens at once when it first does, then at most once per period and kind.
pub(crate) struct Notices {
    period: Duration,
    hook: Option<Arc<Hook>>,
    lost: Mutex<Held>,
    spooled: Mutex<Held>,
    not_uploaded: Mutex<Held>,
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notices").field("hook", &self.hook.is_some()).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Held {
    last_said: Option<Instant>,
    /// By reason, so that a shutdown at the end does not speak for what went before it.
    unsaid: BTreeMap<DropReason, Problem>,
}

impl Notices {
    pub(crate) fn new(period: Duration, hook: Option<Arc<Hook>>) -> Self {
        Self {
            period,
            hook,
            lost: Mutex::default(),
            spooled: Mutex::default(),
            not_uploaded: Mutex::default(),
        }
    }

    /// Says that records were lost, with the server's words if there are any.
    pub(crate) fn lost(&self, records: u64, reason: DropReason, detail: Option<&str>) {
        self.tell(ProblemKind::Lost, records, reason, detail);
    }

    /// Says that records went to the spool.
    pub(crate) fn spooled(&self, records: u64, reason: DropReason, detail: Option<&str>) {
        self.tell(ProblemKind::Spooled, records, reason, detail);
    }

    /// Says that attachments are not uploaded.
    pub(crate) fn attachments_lost(&self, count: u64, reason: DropReason, detail: Option<&str>) {
        self.tell(ProblemKind::NotUploaded, count, reason, detail);
    }

    fn tell(&self, kind: ProblemKind, records: u64, reason: DropReason, detail: Option<&str>) {
        let problem = Problem { kind, records, reason, detail: detail.map(str::to_owned) };
        if let Some(hook) = &self.hook {
            // A hook that panics is the program's bug, and no reason to lose what comes next.
            drop(catch_unwind(AssertUnwindSafe(|| hook(&problem))));
            return;
        }
        let mut held = self.held(kind).lock().unwrap_or_else(PoisonError::into_inner);
        held.add(problem);
        let now = clock::now();
        let due = |last| now.saturating_duration_since(last) >= self.period;
        if held.last_said.is_none_or(due) {
            held.last_said = Some(now);
            held.say();
        }
    }

    fn held(&self, kind: ProblemKind) -> &Mutex<Held> {
        match kind {
            ProblemKind::Lost => &self.lost,
            ProblemKind::Spooled => &self.spooled,
            ProblemKind::NotUploaded => &self.not_uploaded,
        }
    }

    /// Says what the period has held back so far; nothing may stay unsaid at the end.
    pub(crate) fn finish(&self) {
        for kind in [ProblemKind::Lost, ProblemKind::Spooled, ProblemKind::NotUploaded] {
            self.held(kind).lock().unwrap_or_else(PoisonError::into_inner).say();
        }
    }

    /// Says something that is not a loss, such as a deprecated setting.
    pub(crate) fn warn(text: &str) {
        say(&format!("tidegate: warning: {text}"));
    }
}

impl Held {
    /// Joins what was held back: the counts add up, the last words stay.
    fn add(&mut self, problem: Problem) {
        match self.unsaid.entry(problem.reason) {
            Entry::Vacant(vacant) => {
                vacant.insert(problem);
            }
            Entry::Occupied(mut occupied) => {
                let known = occupied.get_mut();
                known.records += problem.records;
                known.detail = problem.detail.or(known.detail.take());
            }
        }
    }

    fn say(&mut self) {
        for problem in std::mem::take(&mut self.unsaid).into_values() {
            say(&format!("tidegate: {problem}"));
        }
    }
}

/// A closed stderr leaves nobody to tell, and must not take the host program down.
fn say(line: &str) {
    drop(writeln!(std::io::stderr().lock(), "{line}"));
}
