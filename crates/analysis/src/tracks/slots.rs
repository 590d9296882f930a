//! Which case runs on which slot.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Group, Item, Placed};
use crate::profile::{Profile, Span};

/// From when to when something lasts, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Bounds {
    from: u64,
    to: u64,
}

impl Bounds {
    const NOTHING: Self = Self { from: u64::MAX, to: 0 };

    fn include(&mut self, start_us: u64, end_us: u64) {
        self.from = self.from.min(start_us);
        self.to = self.to.max(end_us);
    }

    fn clip(self, at_us: u64) -> u64 {
        at_us.clamp(self.from, self.to.max(self.from))
    }
}

#[derive(Debug, Clone, Copy)]
struct Trace {
    number: u64,
    has_root: bool,
    slot: u32,
    /// Of its root; of all of its spans if the root is missing, as in a run that was killed.
    spans: Bounds,
    /// Of its waits as well: a case may wait for a flush after its root has ended.
    all: Bounds,
}

/// Places spans and waits.
pub(super) fn place(profile: &Profile, placed: &mut Vec<Placed>) {
    let mut traces = traces(profile);
    assign(&mut traces);
    for (position, span) in (0..).zip(&profile.spans) {
        let Some(trace) = find(&traces, span.trace) else { continue };
        // Whatever outlives its root, or starts before it, is clipped to it.
        let (start, end) = (trace.spans.clip(span.start_us), trace.spans.clip(span.end_us));
        let rank = rank(profile, span);
        placed.push(Placed::new(Group::Slots, trace.slot, Item::Span(position), start, end, rank));
    }
    for (position, wait) in (0..).zip(&profile.waits) {
        let slot = wait.trace.and_then(|trace| find(&traces, trace)).map(|trace| trace.slot);
        let (group, number) = slot.map_or((Group::Waits, 0), |slot| (Group::Slots, slot));
        let item = Item::Wait(position);
        placed.push(Placed::new(group, number, item, wait.start_us, wait.end_us, u8::MAX));
    }
}

fn rank(profile: &Profile, span: &Span) -> u8 {
    match profile.name_of(span.kind) {
        _ if span.root => 0,
        "task" | "score" => 1,
        _ => 2,
    }
}

fn find(traces: &[Trace], number: u64) -> Option<&Trace> {
    let position = traces.binary_search_by_key(&number, |trace| trace.number).ok()?;
    traces.get(position)
}

/// All traces, by number.
fn traces(profile: &Profile) -> Vec<Trace> {
    let mut numbers: Vec<u64> = profile.spans.iter().map(|span| span.trace).collect();
    numbers.extend(profile.waits.iter().filter_map(|wait| wait.trace));
    numbers.sort_unstable();
    numbers.dedup();
    let (spans, all) = (Bounds::NOTHING, Bounds::NOTHING);
    let new = |number| Trace { number, has_root: false, slot: 0, spans, all };
    let mut traces: Vec<Trace> = numbers.into_iter().map(new).collect();
    let find = |traces: &[Trace], number| {
        traces.binary_search_by_key(&number, |trace: &Trace| trace.number).ok()
    };
    for span in &profile.spans {
        let Some(at) = find(&traces, span.trace) else { continue };
        let trace = &mut traces[at];
        if span.root && !trace.has_root {
            (trace.has_root, trace.spans) = (true, Bounds::NOTHING);
        }
        if span.root == trace.has_root {
            trace.spans.include(span.start_us, span.end_us);
        }
    }
    for trace in &mut traces {
        trace.all = trace.spans;
    }
    for wait in &profile.waits {
        let Some(at) = wait.trace.and_then(|number| find(&traces, number)) else { continue };
        traces[at].all.include(wait.start_us, wait.end_us);
    }
    traces
}

/// In the order of their starts, each trace takes the lowest slot that is free.
fn assign(traces: &mut [Trace]) {
    let mut order: Vec<usize> = (0..traces.len()).collect();
    order.sort_unstable_by_key(|&position| (traces[position].all, traces[position].number));
    let mut free = BinaryHeap::new();
    let mut taken = BinaryHeap::new();
    let mut slots = 0;
    for position in order {
        let trace = &mut traces[position];
        let (start, end) = (trace.all.from, trace.all.to);
        while let Some(&Reverse((until, slot))) = taken.peek()
            && until <= start
        {
            taken.pop();
            free.push(Reverse(slot));
        }
        trace.slot = free.pop().map_or(slots, |Reverse(slot)| slot);
        slots = slots.max(trace.slot + 1);
        taken.push(Reverse((end, trace.slot)));
    }
}
