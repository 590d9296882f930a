//! The trace event format of Chrome, which [Perfetto](https://ui.perfetto.dev) and
//! `chrome://tracing` open: cases and uploads as processes, slots and lanes as their threads,
//! and counters of pending bytes, requests in flight and processors used.
//!
//! ```
//! use tidegate_analysis::export::perfetto;
//! use tidegate_analysis::profile::Profile;
//! let file = r#"{"header":{"format":"tidegate-profile","version":1,"name":"demo","source":"sdk","started_unix_us":0}}
//! {"request":{"number":1,"lane":0,"rows":2,"bytes":512,"sent_bytes":512,"queued_us":0,"start_us":10,"end_us":90,"status":200}}
//! "#;
//! let mut out = Vec::new();
//! perfetto::write(&Profile::read(file.as_bytes())?, &mut out)?;
//! let written: serde_json::Value = serde_json::from_slice(&out)?;
//! let events = written["traceEvents"].as_array().ok_or("no events")?;
//! let request = events.iter().find(|event| event["ph"] == "X").ok_or("no request")?;
//! assert_eq!((request["ts"].as_u64(), request["dur"].as_u64()), (Some(10), Some(80)));
//! assert_eq!(request["args"]["rows"], 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::io::{self, Write};

use serde::Serialize;
use tidegate_model::profile::Request;

use super::{Json, RequestName, SpanName, WAITS, wait_number};
use crate::profile::Profile;
use crate::tracks::{Group, Item, Placed, Tracks};

/// Number of the process that stands for the cases.
const CASES: u32 = 1;
/// Number of the process that stands for the uploads.
const UPLOADS: u32 = 2;
/// Number of the process that stands for the program.
const PROGRAM: u32 = 3;

/// Writes a profile to `out`, in pieces of 64 KiB.
///
/// # Errors
/// Whatever `out` reports.
pub fn write(profile: &Profile, out: impl Write) -> io::Result<()> {
    let mut trace = Trace { json: Json::new(out), is_first: true };
    trace.json.raw("{\"displayTimeUnit\":\"ms\",\"otherData\":{\"name\":")?;
    trace.json.text(&profile.header.name)?;
    trace.json.raw("},\"traceEvents\":[")?;
    for (number, name) in [(CASES, "cases"), (UPLOADS, "uploads"), (PROGRAM, "program")] {
        trace.meta("process_name", number, 0, |json| {
            json.raw("\"name\":")?;
            json.text(name)
        })?;
        trace.order("process_sort_index", number, 0, number)?;
    }
    let tracks = Tracks::of(profile);
    for (thread, track) in (1..).zip(tracks.iter()) {
        let process = if track.group == Group::Lanes { UPLOADS } else { CASES };
        trace.meta("thread_name", process, thread, |json| {
            json.raw("\"name\":")?;
            json.text(track.name())
        })?;
        trace.order("thread_sort_index", process, thread, thread)?;
        for item in track.items {
            trace.complete(profile, process, thread, item)?;
        }
    }
    trace.counters(profile)?;
    trace.json.raw("\n]}\n")?;
    trace.json.finish()
}

struct Trace<W: Write> {
    json: Json<W>,
    is_first: bool,
}

/// A change of how many requests are under way.
type Change = (u64, i32);

impl<W: Write> Trace<W> {
    /// Begins an event; whoever calls it goes on after `"name":`.
    fn event(&mut self, phase: &str, process: u32, thread: u32) -> io::Result<()> {
        self.json.raw(if self.is_first { "\n{\"ph\":\"" } else { ",\n{\"ph\":\"" })?;
        self.is_first = false;
        self.json.raw(phase)?;
        self.member("\",\"pid\":", process)?;
        self.member(",\"tid\":", thread)?;
        self.json.raw(",\"name\":")
    }

    fn member(&mut self, name: &str, value: impl Serialize) -> io::Result<()> {
        self.json.raw(name)?;
        self.json.value(value)
    }

    fn meta(
        &mut self,
        name: &str,
        process: u32,
        thread: u32,
        arguments: impl FnOnce(&mut Json<W>) -> io::Result<()>,
    ) -> io::Result<()> {
        self.event("M", process, thread)?;
        self.json.text(name)?;
        self.json.raw(",\"args\":{")?;
        arguments(&mut self.json)?;
        self.json.raw("}}")
    }

    fn order(&mut self, name: &str, process: u32, thread: u32, index: u32) -> io::Result<()> {
        self.meta(name, process, thread, |json| {
            json.raw("\"sort_index\":")?;
            json.value(index)
        })
    }

    fn complete(
        &mut self,
        profile: &Profile,
        process: u32,
        thread: u32,
        placed: &Placed,
    ) -> io::Result<()> {
        self.event("X", process, thread)?;
        let category = match placed.item {
            Item::Span(position) => {
                let span = &profile.spans[position as usize];
                self.json.text(SpanName::of(profile, span))?;
                self.member(",\"args\":{\"trace\":", span.trace)?;
                self.member(",\"records\":", span.records)?;
                self.member(",\"bytes\":", span.bytes)?;
                profile.name_of(span.kind)
            }
            Item::Wait(position) => {
                let wait = &profile.waits[position as usize];
                self.json.text(WAITS[wait_number(wait)])?;
                self.json.raw(",\"args\":{")?;
                if let Some(trace) = wait.trace {
                    self.member("\"trace\":", trace)?;
                }
                "wait"
            }
            Item::Request(position) => {
                let request = &profile.requests[position as usize];
                self.json.text(RequestName(request))?;
                self.request(request)?;
                "upload"
            }
        };
        self.member("},\"cat\":", category)?;
        self.member(",\"ts\":", placed.start_us)?;
        self.member(",\"dur\":", placed.end_us - placed.start_us)?;
        self.json.raw("}")
    }

    fn request(&mut self, request: &Request) -> io::Result<()> {
        self.member(",\"args\":{\"number\":", request.number)?;
        self.member(",\"attempt\":", request.attempt)?;
        self.member(",\"rows\":", request.rows)?;
        self.member(",\"bytes\":", request.bytes)?;
        self.member(",\"sent_bytes\":", request.sent_bytes)?;
        self.member(",\"queued_us\":", request.queued_us)?;
        // Absent rather than null, which not every reader of the format takes as a value.
        if let Some(first_byte_us) = request.first_byte_us {
            self.member(",\"first_byte_us\":", first_byte_us)?;
        }
        request.status.map_or(Ok(()), |status| self.member(",\"status\":", status))
    }

    fn counter(
        &mut self,
        (process, name, of): (u32, &str, &str),
        at_us: u64,
        value: impl Serialize,
    ) -> io::Result<()> {
        self.event("C", process, 0)?;
        self.json.text(name)?;
        self.member(",\"ts\":", at_us)?;
        self.json.raw(",\"args\":{")?;
        self.json.value(of)?;
        self.member(":", value)?;
        self.json.raw("}}")
    }

    fn counters(&mut self, profile: &Profile) -> io::Result<()> {
        const IN_FLIGHT: (u32, &str, &str) = (UPLOADS, "in flight", "requests");
        for queue in &profile.queue {
            self.counter((UPLOADS, "pending bytes", "bytes"), queue.at_us, queue.pending_bytes)?;
            self.counter(IN_FLIGHT, queue.at_us, queue.in_flight)?;
        }
        if profile.queue.is_empty() {
            // Of a server, which has no queue.
            let mut in_flight = 0_i32;
            for (at_us, change) in changes(&profile.requests) {
                in_flight += change;
                self.counter(IN_FLIGHT, at_us, in_flight)?;
            }
        }
        let mut order: Vec<_> = profile.cpu.iter().collect();
        order.sort_unstable_by_key(|cpu| cpu.at_us);
        let (mut before_us, mut before_used) = (0, 0.0);
        for cpu in order {
            let used = cpu.user_us as f64 + cpu.system_us as f64;
            if cpu.at_us > before_us {
                // Holds from the measurement before on.
                let cores = (used - before_used).max(0.0) / (cpu.at_us - before_us) as f64;
                let cores = (cores * 1e3).round() / 1e3;
                self.counter((PROGRAM, "cores used", "cores"), before_us, cores)?;
            }
            (before_us, before_used) = (cpu.at_us, used);
        }
        Ok(())
    }
}

/// How many requests more or less are under way, at each moment at which that changes.
fn changes(requests: &[Request]) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::with_capacity(requests.len() * 2);
    for request in requests.iter().filter(|request| request.end_us > request.start_us) {
        changes.push((request.start_us, 1));
        changes.push((request.end_us, -1));
    }
    changes.sort_unstable();
    changes.dedup_by(|next, kept| {
        let is_same = next.0 == kept.0;
        kept.1 += if is_same { next.1 } else { 0 };
        is_same
    });
    changes
}
