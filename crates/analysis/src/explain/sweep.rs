//! One pass over time: what producers and uploads do between any two moments at which something
//! changes.

use tidegate_model::profile::{Cause, Request, Source};

use super::shape::succeeded;
use super::{Category, Window};
use crate::profile::Profile;

/// A stretch of time in which nothing changes.
#[derive(Debug)]
pub(super) struct Moment<'a> {
    /// Its length in microseconds; never 0.
    pub(super) us: f64,
    pub(super) producers: &'a Producers,
    pub(super) uploads: &'a State,
}

/// What the cases under way are doing.
#[derive(Debug, Default)]
pub(super) struct Producers {
    /// Cases by what they do.
    counts: [u32; Doing::COUNT],
    /// Whether the last case has ended.
    pub(super) is_tail: bool,
    /// Whether the profile knows of producers at all.
    is_known: bool,
}

/// What a case does: the first of these that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Flush,
    Gate,
    TaskLlm,
    Task,
    ScorerLlm,
    Scorer,
    OtherLlm,
    Other,
}

impl Doing {
    const COUNT: usize = 8;
    const ALL: [(Self, Category, bool); Self::COUNT] = [
        (Self::Flush, Category::Flush, false),
        (Self::Gate, Category::Gate, false),
        (Self::TaskLlm, Category::Task, true),
        (Self::Task, Category::Task, false),
        (Self::ScorerLlm, Category::Scorer, true),
        (Self::Scorer, Category::Scorer, false),
        (Self::OtherLlm, Category::Other, true),
        (Self::Other, Category::Other, false),
    ];
}

impl Producers {
    /// Each category's part of the moment, and whether that part is spent in `llm` spans.
    pub(super) fn parts(&self) -> impl Iterator<Item = (Category, bool, f64)> {
        let cases: u32 = self.counts.iter().sum();
        let whole = if self.is_tail {
            Some(Category::Tail)
        } else {
            (cases == 0).then_some(Category::Idle)
        };
        let divided = Doing::ALL.into_iter().filter(move |_| whole.is_none());
        let divided = divided.map(move |(doing, category, is_llm)| {
            let count = self.counts[doing as usize];
            (category, is_llm, f64::from(count) / f64::from(cases))
        });
        whole.map(|category| (category, false, 1.0)).into_iter().chain(divided)
    }

    /// The part of the moment, 0 to 1, that is spent waiting for uploads: all of the tail, and
    /// the cases that wait for a flush or at the gate. Whoever sees requests only cannot tell
    /// and takes everything.
    pub(super) fn blocked(&self) -> Blocked {
        if !self.is_known {
            return Blocked { all: 1.0, without_flush: 1.0 };
        }
        let mut blocked = Blocked::default();
        for (category, _, part) in self.parts() {
            match category {
                Category::Tail | Category::Gate => {
                    blocked.all += part;
                    blocked.without_flush += part;
                }
                Category::Flush => blocked.all += part,
                _ => {}
            }
        }
        blocked
    }
}

/// Parts of a moment, 0 to 1.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Blocked {
    pub(super) all: f64,
    /// Without waits for a flush.
    pub(super) without_flush: f64,
}

/// What the uploads are doing.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Requests under way.
    pub(super) in_flight: u32,
    /// Of those, how many will succeed and repeat nothing.
    pub(super) sound: u32,
    /// Requests to come whose oldest row waits already.
    pub(super) waiting: u32,
    /// Over the sound requests under way, the sum of 1 / duration, per microsecond.
    pub(super) requests_per_us: f64,
    /// Over the sound requests under way, the sum of bytes / duration, per microsecond.
    pub(super) bytes_per_us: f64,
    /// Whether nothing is under way since a request has failed.
    is_after_failure: bool,
    /// Requests that have failed and were not repeated yet.
    failures: u32,
    /// Repeats to come.
    repeats_waiting: u32,
}

impl State {
    /// Whether nothing is under way because of a failure: it was the last that happened, or its
    /// repeat is still to come.
    pub(super) fn is_back_off(&self) -> bool {
        let repeats = self.failures > 0 && self.repeats_waiting > 0;
        self.in_flight == 0 && (self.is_after_failure || repeats)
    }
}

/// Something that changes at a moment.
#[derive(Debug, Clone, Copy)]
struct Edge {
    at_us: u64,
    /// Position of the request, or of the trace.
    of: u32,
    what: What,
    begins: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Flush,
    Gate,
    Task,
    Scorer,
    Llm,
    Span,
    Waiting,
    Request,
}

/// What of a trace is open.
#[derive(Debug, Clone, Copy, Default)]
struct Open {
    flushes: u32,
    gates: u32,
    tasks: u32,
    scorers: u32,
    llms: u32,
    spans: u32,
}

impl Open {
    fn count(&mut self, what: What) -> &mut u32 {
        match what {
            What::Flush => &mut self.flushes,
            What::Gate => &mut self.gates,
            What::Task => &mut self.tasks,
            What::Scorer => &mut self.scorers,
            What::Llm => &mut self.llms,
            What::Span | What::Waiting | What::Request => &mut self.spans,
        }
    }

    fn doing(&self) -> Option<Doing> {
        let llm = |with, without| if self.llms > 0 { with } else { without };
        Some(match self {
            Self { flushes: 1.., .. } => Doing::Flush,
            Self { gates: 1.., .. } => Doing::Gate,
            Self { tasks: 1.., .. } => llm(Doing::TaskLlm, Doing::Task),
            Self { scorers: 1.., .. } => llm(Doing::ScorerLlm, Doing::Scorer),
            Self { llms: 1.., .. } | Self { spans: 1.., .. } => llm(Doing::OtherLlm, Doing::Other),
            _ => return None,
        })
    }
}

/// Whether a profile says what producers did.
pub(super) fn knows_producers(profile: &Profile) -> bool {
    let produced = profile.end.and_then(|end| end.produced_us);
    !profile.spans.is_empty() || !profile.waits.is_empty() || produced.is_some()
}

/// When the last case had ended: what the end of the profile says, or the end of the last span,
/// whichever is later.
pub(super) fn produced_us(profile: &Profile) -> Option<u64> {
    let last = profile.spans.iter().map(|span| span.end_us).max();
    last.max(profile.end.and_then(|end| end.produced_us))
}

/// Visits every stretch of the window in which nothing changes, in order.
pub(super) fn sweep(profile: &Profile, window: Window, mut visit: impl FnMut(&Moment<'_>)) {
    let (mut edges, traces) = edges(profile);
    edges.sort_unstable_by_key(|edge| edge.at_us);
    let mut open = vec![Open::default(); traces];
    let mut producers = Producers { is_known: knows_producers(profile), ..Producers::default() };
    let mut uploads = State::default();
    let produced = produced_us(profile).unwrap_or(u64::MAX).clamp(window.start_us, window.end_us);
    let produced = if produced_us(profile).is_some() { produced } else { u64::MAX };
    let mut now = window.start_us;
    let mut at = 0;
    loop {
        producers.is_tail = now >= produced;
        while let Some(edge) = edges.get(at).filter(|edge| edge.at_us <= now) {
            match edge.what {
                What::Waiting | What::Request => {
                    uploads.change(edge, &profile.requests[edge.of as usize]);
                }
                _ => producers.change(edge, &mut open[edge.of as usize]),
            }
            at += 1;
        }
        let next = edges.get(at).map_or(window.end_us, |edge| edge.at_us);
        let next = if now < produced { next.min(produced) } else { next }.min(window.end_us);
        if next <= now {
            return;
        }
        let us = (next - now) as f64;
        visit(&Moment { us, producers: &producers, uploads: &uploads });
        now = next;
    }
}

impl Producers {
    fn change(&mut self, edge: &Edge, open: &mut Open) {
        if let Some(before) = open.doing() {
            self.counts[before as usize] -= 1;
        }
        let count = open.count(edge.what);
        *count = if edge.begins { *count + 1 } else { count.saturating_sub(1) };
        if let Some(after) = open.doing() {
            self.counts[after as usize] += 1;
        }
    }
}

impl State {
    fn change(&mut self, edge: &Edge, request: &Request) {
        let (count, sign) = if edge.begins { (1, 1.0) } else { (-1, -1.0) };
        let is_repeat = request.attempt > 0;
        if edge.what == What::Waiting {
            self.waiting = self.waiting.saturating_add_signed(count);
            let repeats = if is_repeat { count } else { 0 };
            self.repeats_waiting = self.repeats_waiting.saturating_add_signed(repeats);
            return;
        }
        self.in_flight = self.in_flight.saturating_add_signed(count);
        if succeeded(request) && !is_repeat {
            let duration = request.end_us.saturating_sub(request.start_us).max(1) as f64;
            self.sound = self.sound.saturating_add_signed(count);
            self.requests_per_us += sign / duration;
            self.bytes_per_us += sign * request.bytes as f64 / duration;
        }
        self.is_after_failure = !edge.begins && !succeeded(request);
        self.failures += u32::from(self.is_after_failure);
        if edge.begins && is_repeat {
            self.failures = self.failures.saturating_sub(1);
        }
        if self.sound == 0 {
            // What rounding has left.
            (self.requests_per_us, self.bytes_per_us) = (0.0, 0.0);
        }
    }
}

/// All that changes, unsorted, and how many traces there are. A wait that is in no trace counts
/// as one of its own.
fn edges(profile: &Profile) -> (Vec<Edge>, usize) {
    let mut traces: Vec<u64> = profile.spans.iter().map(|span| span.trace).collect();
    traces.extend(profile.waits.iter().filter_map(|wait| wait.trace));
    traces.sort_unstable();
    traces.dedup();
    let number = |trace: &u64| traces.binary_search(trace).unwrap_or_default();
    let mut edges = Edges(Vec::with_capacity(profile.spans.len() * 2));
    for span in &profile.spans {
        let what = match profile.name_of(span.kind) {
            "task" => What::Task,
            "score" => What::Scorer,
            "llm" => What::Llm,
            _ => What::Span,
        };
        edges.push(span.start_us, span.end_us, number(&span.trace), what);
    }
    let mut count = traces.len();
    for wait in &profile.waits {
        let what = match wait.cause {
            Cause::Gate => What::Gate,
            Cause::Flush => What::Flush,
        };
        let of = wait.trace.as_ref().map_or(count, number);
        count += usize::from(wait.trace.is_none());
        edges.push(wait.start_us, wait.end_us, of, what);
    }
    let waits_since = waits_since(profile);
    for (position, request) in profile.requests.iter().enumerate() {
        let since = waits_since.as_ref().map_or(request.queued_us, |since| since[position]);
        edges.push(since, request.start_us, position, What::Waiting);
        edges.push(request.start_us, request.end_us, position, What::Request);
    }
    (edges.0, count)
}

struct Edges(Vec<Edge>);

impl Edges {
    fn push(&mut self, start_us: u64, end_us: u64, of: usize, what: What) {
        // What has no duration takes no part; more than 2^32 of anything does not fit in memory.
        if let (true, Ok(of)) = (end_us > start_us, u32::try_from(of)) {
            self.0.push(Edge { at_us: start_us, of, what, begins: true });
            self.0.push(Edge { at_us: end_us, of, what, begins: false });
        }
    }
}

/// Share of a request's duration within which the next one must start to count as its
/// successor. A client that does not wait for answers starts the next request at any time, and
/// seldom so soon after one; a client that does needs a moment to go on.
const SUCCESSION: f64 = 0.5;

/// Since when the rows of each request have waited, where only a server has seen them. It
/// cannot know, but a request that follows straight upon the end of the only other one was
/// waiting for its answer; its rows count as waiting since the start of that one.
fn waits_since(profile: &Profile) -> Option<Vec<u64>> {
    if profile.header.source != Source::Server {
        return None;
    }
    let requests = &profile.requests;
    let mut order: Vec<usize> = (0..requests.len()).collect();
    order.sort_unstable_by_key(|&position| requests[position].start_us);
    let mut since: Vec<u64> = requests.iter().map(|request| request.start_us).collect();
    let mut last: Option<&Request> = None;
    for position in order {
        let request = &requests[position];
        if let Some(last) = last
            && last.end_us <= request.start_us
        {
            let gap = request.start_us - last.end_us;
            let took = last.end_us.saturating_sub(last.start_us);
            if gap as f64 <= took as f64 * SUCCESSION {
                since[position] = last.start_us;
            }
        }
        if last.is_none_or(|last| last.end_us < request.end_us) {
            last = Some(request);
        }
    }
    Some(since)
}
