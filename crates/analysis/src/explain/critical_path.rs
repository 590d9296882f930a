//! Where the wall went.

use serde::Serialize;

use super::Window;
use super::sweep::Moment;

/// What an instant of a run is spent on.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// The task of a case, whatever spans it has made inside.
    Task,
    /// A scorer of a case.
    Scorer,
    /// Inside a case, or a trace of any other kind, but in neither task nor scorer.
    Other,
    /// Waiting at the gate for room in the byte budget.
    Gate,
    /// Waiting for a flush before the last case has ended.
    Flush,
    /// After the last case has ended, until the last row is settled.
    Tail,
    /// None of these: no case is under way although some are still to come.
    Idle,
}

impl Category {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 7] =
        [Self::Task, Self::Scorer, Self::Other, Self::Gate, Self::Flush, Self::Tail, Self::Idle];

    /// As it is called in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Scorer => "scorer",
            Self::Other => "other",
            Self::Gate => "gate",
            Self::Flush => "flush",
            Self::Tail => "tail",
            Self::Idle => "idle",
        }
    }
}

/// The wall by what it was spent on: shares from 0 to 1 whose sum is 1, or all 0 if the wall has
/// no length.
///
/// Each instant is given away whole:
/// 1. After the last case has ended it is [`Tail`](Category::Tail). The last case has ended when
///    the end of the profile says so (`produced_us`) or with the last span, whichever is later.
/// 2. If no case is under way it is [`Idle`](Category::Idle). A case is under way while one of
///    the spans or waits of its trace is open; a wait that belongs to no trace counts as a case.
/// 3. Otherwise the cases under way share it evenly, and each gives its part to the first of
///    these that applies to it: it waits for a flush, it waits at the gate, a `task` span is
///    open, a `score` span is open, anything else.
///
/// The even shares are what makes parallel cases comparable with one: of four cases that run
/// all the time, one that always waits at the gate makes a quarter of the wall `gate`.
/// Requests are looked at by none of the rules: an upload beside a running task costs nobody
/// anything.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct CriticalPath {
    /// In tasks.
    pub task_ratio: f64,
    /// Part of `task_ratio` with an `llm` span open in the same trace.
    pub task_llm_ratio: f64,
    /// In scorers.
    pub scorer_ratio: f64,
    /// Part of `scorer_ratio` with an `llm` span open in the same trace.
    pub scorer_llm_ratio: f64,
    /// In cases, but in neither task nor scorer.
    pub other_ratio: f64,
    /// Part of `other_ratio` with an `llm` span open in the same trace.
    pub other_llm_ratio: f64,
    /// Waiting at the gate.
    pub gate_ratio: f64,
    /// Waiting for a flush before the last case has ended.
    pub flush_ratio: f64,
    /// After the last case.
    pub tail_ratio: f64,
    /// No case under way.
    pub idle_ratio: f64,
}

impl CriticalPath {
    /// The share of a category.
    #[must_use]
    pub fn ratio(&self, category: Category) -> f64 {
        match category {
            Category::Task => self.task_ratio,
            Category::Scorer => self.scorer_ratio,
            Category::Other => self.other_ratio,
            Category::Gate => self.gate_ratio,
            Category::Flush => self.flush_ratio,
            Category::Tail => self.tail_ratio,
            Category::Idle => self.idle_ratio,
        }
    }

    /// In cases that run: task, scorer and other work.
    #[must_use]
    pub fn work_ratio(&self) -> f64 {
        self.task_ratio + self.scorer_ratio + self.other_ratio
    }

    /// The part of [`work_ratio`](Self::work_ratio) that is inside of `llm` spans.
    #[must_use]
    pub fn llm_ratio(&self) -> f64 {
        self.task_llm_ratio + self.scorer_llm_ratio + self.other_llm_ratio
    }

    /// Waiting for uploads: gate, flush and tail.
    #[must_use]
    pub fn blocked_ratio(&self) -> f64 {
        self.gate_ratio + self.flush_ratio + self.tail_ratio
    }
}

/// Microseconds by category, and how much of each was inside of `llm` spans.
#[derive(Debug, Default)]
pub(super) struct Times {
    us: [f64; Category::ALL.len()],
    llm_us: [f64; Category::ALL.len()],
}

impl Times {
    pub(super) fn add(&mut self, moment: &Moment<'_>) {
        for (category, is_llm, part) in moment.producers.parts() {
            self.us[category as usize] += moment.us * part;
            if is_llm {
                self.llm_us[category as usize] += moment.us * part;
            }
        }
    }

    pub(super) fn shares(&self, window: Window) -> CriticalPath {
        let of = |category| window.ratio(self.us[category as usize]);
        let llm = |category| window.ratio(self.llm_us[category as usize]);
        CriticalPath {
            task_ratio: of(Category::Task),
            task_llm_ratio: llm(Category::Task),
            scorer_ratio: of(Category::Scorer),
            scorer_llm_ratio: llm(Category::Scorer),
            other_ratio: of(Category::Other),
            other_llm_ratio: llm(Category::Other),
            gate_ratio: of(Category::Gate),
            flush_ratio: of(Category::Flush),
            tail_ratio: of(Category::Tail),
            idle_ratio: of(Category::Idle),
        }
    }
}
