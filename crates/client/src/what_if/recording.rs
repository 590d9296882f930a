//! The lines of a profile, as far as a replay needs them.

use tidegate_model::profile::{Cause, End, Header, Line, Request, Source, Wait};

use super::settings::{MOST_BUDGET_BYTES, Settings, Strategy};

/// More spans than this are not replayed: about 100 bytes of memory each.
pub(super) const MOST_SPANS: usize = 4_000_000;
/// Moments beyond ten years are no moments, and sums of them must not overflow.
const MOST_US: u64 = 10 * 365 * 24 * 3_600 * 1_000_000;
/// A row is held in memory as it waits.
const MOST_ROW_BYTES: u64 = 64 << 20;

/// What a span is to its trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Root,
    /// Whose end frees the slot of a case, as `Eval` does: scorers run without one.
    Task,
    Other,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) trace: u64,
    pub(super) start_us: u64,
    pub(super) end_us: u64,
    /// 0 if it was not recorded.
    pub(super) bytes: u32,
    pub(super) records: u16,
    pub(super) role: Role,
    /// Of an evaluation.
    pub(super) is_eval: bool,
}

/// What was read so far.
#[derive(Debug)]
pub(super) struct Recording {
    /// What the run was recorded under; `None` if that cannot be replayed.
    pub(super) strategy: Option<Strategy>,
    pub(super) defaults: Settings,
    pub(super) max_concurrency: Option<usize>,
    pub(super) is_server: bool,
    pub(super) spans: Vec<Span>,
    pub(super) waits: Vec<Wait>,
    pub(super) requests: Vec<Request>,
    pub(super) end: Option<End>,
    /// There were more than [`MOST_SPANS`].
    pub(super) is_too_large: bool,
    /// The latest moment of all lines.
    pub(super) last_us: u64,
}

impl Recording {
    pub(super) fn of<'a>(header: &Header<'_>, lines: impl IntoIterator<Item = Line<'a>>) -> Self {
        let strategy = strategy(header);
        let mut defaults = Settings::of(strategy.unwrap_or(Strategy::Adaptive));
        if strategy.is_some() {
            let lanes = header.lanes.map(|lanes| lanes as usize);
            let rows = header.max_rows.map(|rows| rows as usize);
            defaults.lanes = lanes.unwrap_or(defaults.lanes).clamp(1, 1_024);
            defaults.max_rows = rows.unwrap_or(defaults.max_rows).max(1);
            let clamped = |bytes: u64| bytes.clamp(1, MOST_BUDGET_BYTES);
            defaults.budget_bytes = header.budget_bytes.map_or(defaults.budget_bytes, clamped);
            defaults.max_request_bytes =
                header.max_request_bytes.map_or(defaults.max_request_bytes, clamped);
        }
        let concurrency = header.max_concurrency.map(|most| (most as usize).max(1));
        let mut recording = Self {
            strategy,
            defaults,
            max_concurrency: concurrency,
            is_server: header.source == Source::Server,
            spans: Vec::new(),
            waits: Vec::new(),
            requests: Vec::new(),
            end: None,
            is_too_large: false,
            last_us: 0,
        };
        lines.into_iter().for_each(|line| recording.add(&line));
        recording
    }

    fn add(&mut self, line: &Line<'_>) {
        match line {
            Line::Span(span) => {
                if self.spans.len() >= MOST_SPANS {
                    self.is_too_large = true;
                    return;
                }
                let (start_us, end_us) = moments(span.start_us, span.end_us);
                self.spans.push(Span {
                    trace: span.trace,
                    start_us,
                    end_us,
                    bytes: span.bytes.min(MOST_ROW_BYTES) as u32,
                    records: span.records.clamp(1, u16::MAX.into()) as u16,
                    role: match &*span.kind {
                        _ if span.root => Role::Root,
                        "task" => Role::Task,
                        _ => Role::Other,
                    },
                    is_eval: span.root && span.kind == "eval",
                });
                self.last_us = self.last_us.max(end_us);
            }
            Line::Wait(wait) => {
                let (start_us, end_us) = moments(wait.start_us, wait.end_us);
                self.waits.push(Wait { start_us, end_us, ..*wait });
                self.last_us = self.last_us.max(end_us);
            }
            Line::Request(request) => {
                let (start_us, end_us) = moments(request.start_us, request.end_us);
                self.requests.push(Request { start_us, end_us, ..*request });
                self.last_us = self.last_us.max(end_us);
            }
            Line::End(end) => {
                self.end = Some(*end);
                self.last_us = self.last_us.max(end.at_us.min(MOST_US));
            }
            _ => {}
        }
    }

    /// Most requests at one moment.
    pub(super) fn peak_in_flight(&self) -> usize {
        peak(self.requests.iter().map(|request| (request.start_us, request.end_us)))
    }

    /// Waits of no trace, for a given cause.
    pub(super) fn waits_between(&self, cause: Cause) -> impl Iterator<Item = &Wait> {
        self.waits.iter().filter(move |wait| wait.trace.is_none() && wait.cause == cause)
    }
}

fn moments(start: u64, end: u64) -> (u64, u64) {
    let start = start.min(MOST_US);
    (start, end.clamp(start, MOST_US))
}

/// How the recorded run was sent, if a replay can do the same. What follows the name are
/// variations of an emulation, which it cannot.
fn strategy(header: &Header<'_>) -> Option<Strategy> {
    match (&header.strategy, header.source) {
        (Some(name), _) => Strategy::named(name),
        (None, Source::Sdk) => Some(Strategy::Adaptive),
        (None, _) => None,
    }
}

/// Most of the intervals that are open at one moment; one that ends as another begins does not
/// count with it.
pub(super) fn peak(intervals: impl Iterator<Item = (u64, u64)>) -> usize {
    // Ends sort before starts of the same moment.
    let mut edges: Vec<(u64, bool)> =
        intervals.flat_map(|(start, end)| [(start, true), (end, false)]).collect();
    edges.sort_unstable();
    let (mut open, mut peak) = (0_usize, 0);
    for (_, starts) in edges {
        // An interval without length ends before it starts.
        open = if starts { open + 1 } else { open.saturating_sub(1) };
        peak = peak.max(open);
    }
    peak
}
