//! What the upload thread writes down while a profile is being recorded.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_model::TraceId;
use tidegate_model::profile::{Cpu, End, Line, Queue, Request as RequestLine, Span, Wait};

use super::ProfileWriter;
use super::waits::{Waited, Waits};
use crate::clock::WallTime;
use crate::event::Name;
use crate::ids::Wire;
use crate::pipeline::Written;
use crate::process::CpuTime;
use crate::record::{Head, Record, SpanIds, SpanStart, Start};
use crate::requests::Request;

/// How often the processor time is read, which takes some 20 µs.
const CPU_EVERY: Duration = Duration::from_millis(100);
/// What is pending is noted at most this often, but for the begin and the end of requests.
const QUEUE_EVERY: Duration = Duration::from_millis(5);
/// Spans that have not ended or are not yet in a request, and traces of such. Further ones are
/// left out: a program that never ends its spans must not fill the memory.
const MOST_OPEN: usize = 65_536;

/// A profile in the making.
#[derive(Debug)]
pub(crate) struct Recording {
    writer: ProfileWriter,
    /// The zero, on either clock.
    zero: Instant,
    zero_wall: WallTime,
    /// When the client began to count the times of its requests.
    requests_zero: Instant,
    cpu_before: Option<CpuTime>,
    cpu_due: Instant,
    lost_before: u64,
    /// By the address of their head, which the span itself keeps from being used again.
    spans: HashMap<usize, Open>,
    /// Number of each trace that has a span among them, and how many.
    traces: HashMap<Wire<TraceId>, (u64, usize)>,
    last_trace: u64,
    queue: Option<(Instant, u64, u32)>,
    waits: Vec<Waited>,
    produced: Option<Instant>,
    left_out: u64,
}

/// A span whose row is not complete.
#[derive(Debug)]
struct Open {
    head: Arc<Head>,
    trace: u64,
    kind: Name,
    name: Name,
    start_us: u64,
    /// A moment on both clocks, from which its end is counted.
    from: (u64, WallTime),
    end_us: Option<u64>,
    records: u32,
    bytes: u64,
}

/// When a recording begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Zero {
    pub(crate) at: Instant,
    pub(crate) wall: WallTime,
    /// The zero of the ring of requests.
    pub(crate) requests: Instant,
    /// Records that the client had lost before.
    pub(crate) lost: u64,
}

impl Recording {
    pub(crate) fn new(writer: ProfileWriter, zero: Zero) -> Self {
        let mut this = Self {
            writer,
            zero: zero.at,
            zero_wall: zero.wall,
            requests_zero: zero.requests,
            cpu_before: CpuTime::of_this_process(),
            cpu_due: zero.at,
            lost_before: zero.lost,
            spans: HashMap::new(),
            traces: HashMap::new(),
            last_trace: 0,
            queue: None,
            waits: Vec::new(),
            produced: None,
            left_out: 0,
        };
        this.cpu(zero.at);
        this
    }

    fn us(&self, moment: Instant) -> u64 {
        micros(moment.saturating_duration_since(self.zero))
    }

    /// Looks at records before the pipeline takes them.
    pub(crate) fn records(&mut self, records: &[Record], now: Instant) {
        let now_us = self.us(now);
        for record in records {
            // Rows of datasets and comments are no spans.
            if let Some(start) = &record.start
                && let (Some(span), Some(ids)) = (&start.span, &record.head.span)
            {
                self.open(&record.head, ids, start, span, now_us);
            }
            if let Some(end) = record.end
                && let Some(open) = self.spans.get_mut(&address(&record.head))
            {
                let (from_us, from) = open.from;
                let end_us = from_us.saturating_add(micros(end.since(from)));
                open.end_us = Some(end_us.min(now_us));
            }
        }
    }

    fn open(
        &mut self,
        head: &Arc<Head>,
        ids: &SpanIds,
        start: &Start,
        span: &SpanStart,
        now_us: u64,
    ) {
        if self.spans.len() >= MOST_OPEN {
            self.left_out += 1;
            return;
        }
        let trace = self.enter(&ids.trace_id);
        let (start_us, from) = match start.monotonic {
            // The end is read on the clock of the span, which steps with the monotonic one.
            Some(moment) => (self.us(moment), (self.us(moment), start.at)),
            // A time that was given, such as one that an earlier run has measured: that was at
            // the zero, for all that this clock knows.
            None => (micros(start.at.since(self.zero_wall)), (0, self.zero_wall)),
        };
        let open = Open {
            head: Arc::clone(head),
            trace,
            kind: span.span_type.clone().unwrap_or_default(),
            name: span.name.clone(),
            start_us: start_us.min(now_us),
            from,
            end_us: None,
            records: 0,
            bytes: 0,
        };
        if let Some(replaced) = self.spans.insert(address(head), open) {
            self.leave(&replaced.head);
        }
    }

    /// The number of the trace of one more span.
    fn enter(&mut self, trace: &Wire<TraceId>) -> u64 {
        let (number, open) = self.traces.entry(trace.clone()).or_insert_with(|| {
            self.last_trace += 1;
            (self.last_trace, 0)
        });
        *open += 1;
        *number
    }

    /// One span of a trace is done with.
    fn leave(&mut self, head: &Head) {
        let Some(SpanIds { trace_id, .. }) = &head.span else { return };
        if let Some((_, open)) = self.traces.get_mut(trace_id) {
            *open -= 1;
            if *open == 0 {
                self.traces.remove(trace_id);
            }
        }
    }

    /// Takes in what has become of rows.
    fn written(&mut self, rows: impl Iterator<Item = Written>) {
        for row in rows {
            let Some(open) = self.spans.get_mut(&address(&row.head)) else { continue };
            open.records = open.records.saturating_add(row.records);
            open.bytes += row.bytes;
            if row.has_ended
                && let Some(open) = self.spans.remove(&address(&row.head))
            {
                self.span(open);
            }
        }
    }

    fn span(&mut self, open: Open) {
        let Open { head, trace, kind, name, start_us, end_us, records, bytes, .. } = open;
        if let Some(end_us) = end_us {
            self.writer.write(&Line::Span(Span {
                trace,
                root: head.span.as_ref().is_none_or(|ids| ids.parent.is_none()),
                kind,
                name,
                start_us,
                end_us: end_us.max(start_us),
                records,
                bytes,
            }));
        }
        self.leave(&head);
    }

    /// A request has ended.
    pub(crate) fn finished(
        &mut self,
        request: &Request,
        pending_bytes: u64,
        in_flight: usize,
        now: Instant,
    ) {
        self.request(request, now);
        self.queue(pending_bytes, in_flight, now, false);
    }

    fn request(&mut self, request: &Request, now: Instant) {
        let us = |since: Duration| self.us(self.requests_zero + since);
        self.writer.write(&Line::Request(RequestLine {
            number: request.number,
            lane: u32::try_from(request.lane).unwrap_or(u32::MAX),
            attempt: request.attempt,
            rows: u32::try_from(request.rows).unwrap_or(u32::MAX),
            bytes: request.bytes,
            sent_bytes: request.sent_bytes,
            queued_us: us(request.queued),
            start_us: us(request.started),
            first_byte_us: request.first_byte.map(us),
            end_us: request.finished.map_or_else(|| self.us(now), us),
            status: request.status,
        }));
    }

    /// Notes what has changed by now.
    pub(crate) fn turn(
        &mut self,
        waits: &Waits,
        written: impl Iterator<Item = Written>,
        pending: u64,
        in_flight: usize,
        now: Instant,
    ) {
        // Before the rows: a trace whose spans are all written is forgotten.
        self.waited(waits);
        self.written(written);
        self.queue(pending, in_flight, now, false);
        if now >= self.cpu_due {
            self.cpu(now);
        }
    }

    /// When to look again, even if nothing happens.
    pub(crate) fn wake(&self) -> Option<Instant> {
        self.cpu_before.map(|_| self.cpu_due)
    }

    /// Notes waits that are over, unless their trace is not known: who waited to begin one records
    /// it right after, and the next turn knows it.
    fn waited(&mut self, waits: &Waits) {
        let late = std::mem::take(&mut self.waits);
        late.into_iter().for_each(|wait| self.wait(wait));
        let taken = waits.take();
        self.left_out += taken.left_out;
        self.produced = taken.produced;
        for wait in taken.ended {
            match wait.trace.is_none_or(|id| self.traces.contains_key(&Wire::Ours(id))) {
                true => self.wait(wait),
                false => self.waits.push(wait),
            }
        }
    }

    fn wait(&self, wait: Waited) {
        let Waited { cause, trace, start, end } = wait;
        let trace = trace.and_then(|id| self.traces.get(&Wire::Ours(id)));
        let trace = trace.map(|(number, _)| *number);
        let (start_us, end_us) = (self.us(start), self.us(end));
        self.writer.write(&Line::Wait(Wait { cause, trace, start_us, end_us }));
    }

    fn queue(&mut self, pending_bytes: u64, in_flight: usize, now: Instant, is_last: bool) {
        let in_flight = u32::try_from(in_flight).unwrap_or(u32::MAX);
        let is_due = self.queue.is_none_or(|(at, bytes, requests)| {
            let may = is_last || now.saturating_duration_since(at) >= QUEUE_EVERY;
            requests != in_flight || (may && bytes != pending_bytes)
        });
        if is_due {
            self.queue = Some((now, pending_bytes, in_flight));
            let at_us = self.us(now);
            self.writer.write(&Line::Queue(Queue { at_us, pending_bytes, in_flight }));
        }
    }

    fn cpu(&mut self, now: Instant) {
        let Some(before) = self.cpu_before else { return };
        self.cpu_due = now + CPU_EVERY;
        if let Some(used) = CpuTime::of_this_process().map(|used| used.since(before)) {
            let at_us = self.us(now);
            let (user_us, system_us) = (micros(used.user), micros(used.system));
            self.writer.write(&Line::Cpu(Cpu { at_us, user_us, system_us }));
        }
    }

    /// Notes what is left. `requests` are those that are under way, `lost` the records that the
    /// client has lost by now.
    pub(crate) fn end(
        mut self,
        waits: &Waits,
        written: impl Iterator<Item = Written>,
        requests: &[Request],
        pending_bytes: u64,
        lost: u64,
        now: Instant,
    ) -> (ProfileWriter, End) {
        // Twice, for those that the next turn would write.
        self.waited(waits);
        self.waited(waits);
        waits.end_profile();
        self.written(written);
        // Ended, but in no request yet.
        let mut left: Vec<Open> = self.spans.drain().map(|(_, open)| open).collect();
        left.sort_by_key(|open| open.start_us);
        left.into_iter().for_each(|open| self.span(open));
        requests.iter().for_each(|request| self.request(request, now));
        self.queue(pending_bytes, requests.len(), now, true);
        self.cpu(now);
        let end = End {
            at_us: self.us(now),
            produced_us: self.produced.map(|moment| self.us(moment)),
            left_out: self.left_out,
            lost: lost.saturating_sub(self.lost_before),
        };
        (self.writer, end)
    }
}

fn address(head: &Arc<Head>) -> usize {
    Arc::as_ptr(head).addr()
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
