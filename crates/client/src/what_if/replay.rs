//! The recorded trials, run again on a simulated clock against a logger.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::latency::Latency;
use super::logger::Logger;
use super::workload::{Loop, Pace, Workload};

/// Turns of the logger and steps of trials: some 10 s of work. A step is next to nothing, so that
/// a run beyond this is one that comes to no end.
const MOST_STEPS: u64 = 100_000_000;
/// What a runner may need between two cases. A longer gap was a wait for data, which goes on while
/// a case waits for its slot.
const BETWEEN_CASES_US: u64 = 1_000;
/// Of simulated time, ten years.
const MOST_US: u64 = 10 * 365 * 24 * 3_600 * 1_000_000;

/// The replay takes too many steps, or comes to no end.
#[derive(Debug)]
pub(super) struct TooLong;

/// What came of a replay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Replayed {
    /// When the last row was settled.
    pub(super) wall_us: u64,
    /// When the last trial had ended.
    pub(super) produced_us: u64,
    pub(super) requests: usize,
    pub(super) rows: u64,
    /// Most rows of a request.
    pub(super) largest: usize,
    pub(super) overlapping_pairs: u64,
    pub(super) peak_in_flight: usize,
    pub(super) peak_pending_bytes: u64,
    /// Of all producers together.
    pub(super) gate_wait_us: u64,
    pub(super) flush_wait_us: u64,
}

/// What happens at a moment; of one moment, in the order in which it was planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    /// A trial is due.
    Start(u32),
    /// A trial has got its slot.
    Admit(u32),
    /// A trial goes on.
    Step(u32),
    Reply(u64),
    FinalFlush,
}

/// How far a trial is.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    /// When it was due.
    due_us: Option<u64>,
    /// Its start, moved by all that it has waited.
    base_us: u64,
    /// Events that are done.
    done: u32,
    worked: bool,
    flushed: bool,
    freed: bool,
}

#[derive(Debug, Clone, Copy)]
enum Waiting {
    /// Before its start.
    Admission(u32),
    /// In the middle.
    Room(u32),
}

pub(super) struct Replay<'a, L> {
    workload: &'a Workload,
    latency: &'a Latency,
    logger: L,
    flush_every_task: bool,
    now: u64,
    agenda: BinaryHeap<Reverse<(u64, u64, Happens)>>,
    planned: u64,
    runs: Vec<Run>,
    /// The next trial that nothing is planned for.
    next: usize,
    /// When those were done whose place nobody has taken.
    idle: VecDeque<u64>,
    free_slots: usize,
    /// Trials that wait for a slot.
    queue: VecDeque<u32>,
    gate: VecDeque<(Waiting, u64)>,
    /// Bytes that were pending when the first of them found no room.
    gate_bytes: u64,
    /// With the ticket of the flush; `None` is the end of the run.
    flushes: VecDeque<(u64, Option<u32>, u64)>,
    ended: usize,
    in_flight: usize,
    result: Replayed,
}

impl<'a, L: Logger> Replay<'a, L> {
    pub(super) fn new(
        workload: &'a Workload,
        latency: &'a Latency,
        logger: L,
        flush_every_task: bool,
    ) -> Self {
        Self {
            workload,
            latency,
            logger,
            flush_every_task,
            now: 0,
            agenda: BinaryHeap::new(),
            planned: 0,
            runs: vec![Run::default(); workload.trials.len()],
            next: 0,
            idle: VecDeque::new(),
            free_slots: match workload.kind {
                Loop::Closed { slots } => slots,
                Loop::Open => usize::MAX,
            },
            queue: VecDeque::new(),
            gate: VecDeque::new(),
            gate_bytes: 0,
            flushes: VecDeque::new(),
            ended: 0,
            in_flight: 0,
            result: Replayed::default(),
        }
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// It takes more steps or simulated time than any recording should.
    pub(super) fn run(mut self) -> Result<Replayed, TooLong> {
        self.plan_trials();
        let mut sends = Vec::new();
        for _ in 0..MOST_STEPS {
            let planned = self.agenda.peek().map(|Reverse((at, ..))| *at);
            let wake = self.logger.wake();
            let Some(now) = planned.into_iter().chain(wake).min() else { return Err(TooLong) };
            self.now = self.now.max(now);
            if self.now > MOST_US {
                return Err(TooLong);
            }
            // Before the logger looks: it sees all that has happened by now.
            if planned.is_some_and(|at| at <= self.now) {
                if let Some(Reverse((_, _, happens))) = self.agenda.pop() {
                    self.happen(happens);
                }
            } else {
                self.logger.turn(self.now, &mut sends);
                for sent in sends.drain(..) {
                    self.send(sent.number, sent.rows, sent.bytes);
                }
            }
            if self.wake_producers() {
                self.result.wall_us = self.now;
                return Ok(self.result);
            }
        }
        Err(TooLong)
    }

    fn plan(&mut self, at: u64, happens: Happens) {
        self.planned += 1;
        self.agenda.push(Reverse((at, self.planned, happens)));
    }

    fn happen(&mut self, happens: Happens) {
        match happens {
            Happens::Start(trial) => {
                self.runs[trial as usize].due_us = Some(self.now);
                if self.free_slots > 0 {
                    self.free_slots -= 1;
                    self.admit(trial);
                } else {
                    self.queue.push_back(trial);
                }
                self.plan_trials();
            }
            Happens::Admit(trial) => self.admit(trial),
            Happens::Step(trial) => self.step(trial),
            Happens::Reply(number) => {
                self.in_flight -= 1;
                self.logger.replied(number, self.now);
            }
            Happens::FinalFlush => {
                let ticket = self.logger.flush(self.now);
                self.flushes.push_back((ticket, None, self.now));
            }
        }
    }

    fn send(&mut self, number: u64, rows: usize, bytes: u64) {
        self.plan(self.now + self.latency.of(rows, bytes), Happens::Reply(number));
        let result = &mut self.result;
        result.requests += 1;
        result.rows += rows as u64;
        result.largest = result.largest.max(rows);
        // A newcomer overlaps everything that is under way.
        result.overlapping_pairs += self.in_flight as u64;
        self.in_flight += 1;
        result.peak_in_flight = result.peak_in_flight.max(self.in_flight);
    }

    /// Plans the trials of which it is known when they are due.
    fn plan_trials(&mut self) {
        while let Some(trial) = self.workload.trials.get(self.next) {
            let due = match trial.pace {
                Pace::AfterPrevious(after) => match self.next.checked_sub(1) {
                    None => after,
                    Some(previous) => match self.runs[previous].due_us {
                        Some(due) => due + after,
                        None => return,
                    },
                },
                Pace::AfterWork(after) => match self.idle.pop_front() {
                    Some(idle) => idle + after,
                    None => return,
                },
            };
            self.plan(due.max(self.now), Happens::Start(self.next as u32));
            self.next += 1;
        }
        if self.ended == self.runs.len() && self.ended == self.next {
            self.result.produced_us = self.now;
            self.plan(self.now + self.workload.tail_us, Happens::FinalFlush);
            self.next += 1;
        }
    }

    /// The gate at the door of a case, which has its slot by then.
    fn admit(&mut self, trial: u32) {
        if self.logger.is_open() {
            self.runs[trial as usize].base_us = self.now;
            self.step(trial);
        } else {
            self.wait_at_gate(Waiting::Admission(trial));
        }
    }

    fn wait_at_gate(&mut self, waiting: Waiting) {
        if self.gate.is_empty() {
            self.gate_bytes = self.logger.pending_bytes();
        }
        self.gate.push_back((waiting, self.now));
        self.logger.waiting(self.gate.len(), self.now);
    }

    /// Goes on with a trial until it has to wait for something.
    fn step(&mut self, number: u32) {
        let workload = self.workload;
        let trial = &workload.trials[number as usize];
        let events = workload.events_of(number as usize);
        loop {
            let run = self.runs[number as usize];
            let event = events.get(run.done as usize);
            let wants_flush = self.flush_every_task && !run.flushed;
            // At one moment: what is recorded, the end of the work, the flush.
            let next = [
                event.map(|event| event.offset_us),
                (!run.worked).then_some(trial.work_us),
                wants_flush.then_some(trial.flush_us),
            ];
            let Some(offset) = next.into_iter().flatten().min() else { break };
            if run.base_us + offset > self.now {
                return self.plan(run.base_us + offset, Happens::Step(number));
            }
            if let Some(event) = event.filter(|event| event.offset_us == offset) {
                let row = workload.rows[event.row as usize];
                if !self.logger.record(event.row, row, event.part, self.now) {
                    return self.wait_at_gate(Waiting::Room(number));
                }
                self.runs[number as usize].done += 1;
                let pending = self.logger.pending_bytes();
                self.result.peak_pending_bytes = self.result.peak_pending_bytes.max(pending);
            } else if next[1] == Some(offset) {
                self.runs[number as usize].worked = true;
                self.idle.push_back(self.now);
                self.plan_trials();
                self.free_slot(number);
            } else {
                let ticket = self.logger.flush(self.now);
                self.flushes.push_back((ticket, Some(number), self.now));
                return;
            }
        }
        self.ended += 1;
        self.plan_trials();
    }

    /// The slot of a trial goes to the next one when its work is done, and its flush if it has one.
    fn free_slot(&mut self, number: u32) {
        let run = &mut self.runs[number as usize];
        if run.freed || !run.worked || (self.flush_every_task && !run.flushed) {
            return;
        }
        run.freed = true;
        match self.queue.pop_front() {
            // On the agenda, since it may be done at once and free the next one: no recursion.
            Some(next) => {
                let gap = match self.workload.trials[next as usize].pace {
                    Pace::AfterWork(gap) => gap.min(BETWEEN_CASES_US),
                    Pace::AfterPrevious(_) => 0,
                };
                self.plan(self.now + gap, Happens::Admit(next));
            }
            None => self.free_slots = self.free_slots.saturating_add(1),
        }
    }

    /// Lets those go on whose flush has ended or for whom there is room. Returns whether the run
    /// has ended.
    fn wake_producers(&mut self) -> bool {
        while let Some(&(ticket, who, since)) = self.flushes.front() {
            if !self.logger.is_flushed(ticket) {
                break;
            }
            self.flushes.pop_front();
            let Some(number) = who else { return true };
            let waited = self.now - since;
            self.result.flush_wait_us = self.result.flush_wait_us.saturating_add(waited);
            let run = &mut self.runs[number as usize];
            run.flushed = true;
            run.base_us += waited;
            self.free_slot(number);
            self.plan(self.now, Happens::Step(number));
        }
        while let Some(&(waiting, since)) = self.gate.front()
            && self.logger.pending_bytes() < self.gate_bytes
        {
            self.gate_bytes = self.logger.pending_bytes();
            let (Waiting::Admission(number) | Waiting::Room(number)) = waiting;
            let run = &mut self.runs[number as usize];
            let waited = self.now - since;
            match waiting {
                Waiting::Admission(_) if !self.logger.is_open() => break,
                Waiting::Admission(_) => run.base_us = self.now,
                Waiting::Room(_) => run.base_us += waited,
            }
            self.result.gate_wait_us = self.result.gate_wait_us.saturating_add(waited);
            self.gate.pop_front();
            let done = run.done;
            let others = self.gate.len();
            self.step(number);
            if self.gate.len() > others && self.runs[number as usize].done == done {
                // Still no room: it keeps its place.
                self.gate.rotate_right(1);
                break;
            }
            // There may be room for the next one as well.
            self.gate_bytes = u64::MAX;
            self.logger.waiting(self.gate.len(), self.now);
        }
        false
    }
}
