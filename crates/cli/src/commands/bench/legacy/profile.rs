//! The profile of an emulated logger: the same lines that this SDK writes of itself.

use std::cell::RefCell;
use std::collections::HashMap;
use std::thread::available_parallelism;
use std::time::{Instant, UNIX_EPOCH};

use tidegate_client::ProfileWriter;
use tidegate_client::process::CpuTime;
use tidegate_model::profile::{Cause, Cpu, End, Header, Line, Queue, Request, Source, Span, Wait};

use super::{BATCH_ROWS, micros};
use crate::args::bench::{Strategy, Upload};
use crate::clock;
use crate::commands::bench::upload;
use crate::exit::Failure;

/// Type and name of a span.
pub(super) type Kind = (&'static str, &'static str);

/// Notes what happens, if somebody wants to know.
pub(super) struct Noted(Option<RefCell<Profile>>);

struct Profile {
    /// Until it is finished.
    writer: Option<ProfileWriter>,
    zero: Instant,
    cpu_before: Option<CpuTime>,
    spans: HashMap<usize, Open>,
    /// Which lanes are taken; there are as many as requests at once.
    lanes: Vec<bool>,
    requests: u64,
    in_flight: u32,
    pending_bytes: u64,
}

/// A span whose row is not complete.
struct Open {
    trace: u64,
    kind: Kind,
    start_us: u64,
    end_us: u64,
    records: u32,
    bytes: u64,
}

/// A request under way.
pub(super) struct Begun(Option<Request>);

impl Noted {
    /// Begins the profile whose zero is given.
    pub(super) fn begin(upload: &Upload, zero: Instant) -> Result<Self, Failure> {
        let Some(path) = &upload.profile else { return Ok(Self(None)) };
        let serial = upload.strategy == Strategy::SerialChunks && !upload.parallel_chunks;
        let narrow = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let started = clock::wall().duration_since(UNIX_EPOCH).unwrap_or_default();
        let header = Header {
            name: "bench".into(),
            source: Source::Emulation,
            started_unix_us: u64::try_from(started.as_micros()).unwrap_or(u64::MAX),
            strategy: Some(strategy(upload).into()),
            max_concurrency: Some(narrow(upload.workload.max_concurrency)),
            lanes: serial.then_some(1),
            max_rows: Some(narrow(BATCH_ROWS)),
            cpus: available_parallelism().ok().map(|count| narrow(count.get())),
            ..Header::default()
        };
        let writer = ProfileWriter::create(path, &header).map_err(|error| {
            let text = format!("cannot write the profile {}", path.display());
            Failure::failed(anyhow::Error::new(error).context(text), "choose another --profile")
        })?;
        let noted = Self(Some(RefCell::new(Profile {
            writer: Some(writer),
            zero,
            cpu_before: CpuTime::of_this_process(),
            spans: HashMap::new(),
            lanes: Vec::new(),
            requests: 0,
            in_flight: 0,
            pending_bytes: 0,
        })));
        noted.tick();
        Ok(noted)
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    fn with<T>(&self, note: impl FnOnce(&mut Profile) -> T) -> Option<T> {
        // Nothing awaits or calls back while it is borrowed.
        self.0.as_ref().map(|profile| note(&mut profile.borrow_mut()))
    }

    pub(super) fn started(&self, row: usize, trace: u64, kind: Kind) {
        self.with(|profile| {
            let start_us = profile.now_us();
            let (end_us, records, bytes) = (start_us, 0, 0);
            profile.spans.insert(row, Open { trace, kind, start_us, end_us, records, bytes });
        });
    }

    /// An event of a row is in the queue.
    pub(super) fn queued(&self, row: usize, bytes: u64) {
        self.with(|profile| {
            profile.pending_bytes += bytes;
            let end_us = profile.now_us();
            if let Some(open) = profile.spans.get_mut(&row) {
                open.end_us = end_us;
                open.records += 1;
            }
        });
    }

    /// A part of a row, of so many bytes, is about to be sent.
    pub(super) fn written(&self, row: usize, is_last: bool, bytes: u64) {
        self.with(|profile| {
            let Some(open) = profile.spans.get_mut(&row) else { return };
            open.bytes += bytes;
            if is_last && let Some(open) = profile.spans.remove(&row) {
                profile.span(&open);
            }
        });
    }

    pub(super) fn request(&self, rows: usize, bytes: u64, queued_us: u64) -> Begun {
        Begun(self.with(|profile| {
            profile.in_flight += 1;
            profile.requests += 1;
            let lane = profile.lanes.iter().position(|taken| !taken);
            let lane = lane.unwrap_or(profile.lanes.len());
            if lane == profile.lanes.len() {
                profile.lanes.push(false);
            }
            profile.lanes[lane] = true;
            profile.queue();
            Request {
                number: profile.requests,
                lane: u32::try_from(lane).unwrap_or(u32::MAX),
                attempt: 0,
                rows: u32::try_from(rows).unwrap_or(u32::MAX),
                bytes,
                sent_bytes: bytes,
                queued_us,
                start_us: profile.now_us(),
                first_byte_us: None,
                end_us: 0,
                status: None,
            }
        }))
    }

    /// The head of the answer is there.
    pub(super) fn answered(&self, begun: &mut Begun, status: u16) {
        self.with(|profile| {
            if let Some(request) = &mut begun.0 {
                request.first_byte_us = Some(profile.now_us());
                request.status = Some(status);
            }
        });
    }

    /// The request has ended, and what was queued of it with so many bytes is no longer pending.
    pub(super) fn ended(&self, begun: &Begun, queued_bytes: u64) {
        self.with(|profile| {
            profile.pending_bytes = profile.pending_bytes.saturating_sub(queued_bytes);
            profile.in_flight -= 1;
            if let Some(request) = begun.0 {
                profile.lanes[request.lane as usize] = false;
                let end_us = profile.now_us();
                profile.write(&Line::Request(Request { end_us, ..request }));
            }
            profile.queue();
        });
    }

    pub(super) fn waited(&self, trace: Option<u64>, since: Instant) {
        self.with(|profile| {
            let start_us = micros(profile.zero, since);
            let (cause, end_us) = (Cause::Flush, profile.now_us());
            profile.write(&Line::Wait(Wait { cause, trace, start_us, end_us }));
        });
    }

    /// Notes what there is from time to time.
    pub(super) fn tick(&self) {
        self.with(|profile| {
            profile.queue();
            let used = profile.cpu_before.zip(CpuTime::of_this_process());
            if let Some((before, now)) = used {
                let CpuTime { user, system } = now.since(before);
                let us = |time: std::time::Duration| time.as_micros() as u64;
                let (at_us, user_us, system_us) = (profile.now_us(), us(user), us(system));
                profile.write(&Line::Cpu(Cpu { at_us, user_us, system_us }));
            }
        });
    }

    /// Everything is sent. `produced` is when the last case had ended.
    ///
    /// # Errors
    /// The disk has refused a line.
    pub(super) fn finish(&self, produced: Instant) -> std::io::Result<()> {
        self.tick();
        let finished = self.with(|profile| {
            let produced_us = Some(micros(profile.zero, produced));
            let end = End { at_us: profile.now_us(), produced_us, left_out: 0, lost: 0 };
            profile.writer.take().map_or(Ok(()), |writer| writer.finish(end))
        });
        finished.unwrap_or(Ok(()))
    }
}

impl Profile {
    fn write(&self, line: &Line<'_>) {
        if let Some(writer) = &self.writer {
            writer.write(line);
        }
    }

    fn now_us(&self) -> u64 {
        micros(self.zero, clock::now())
    }

    fn queue(&self) {
        let Self { pending_bytes, in_flight, .. } = *self;
        let at_us = self.now_us();
        self.write(&Line::Queue(Queue { at_us, pending_bytes, in_flight }));
    }

    fn span(&self, open: &Open) {
        let Open { trace, kind: (kind, name), start_us, end_us, records, bytes } = *open;
        self.write(&Line::Span(Span {
            trace,
            root: kind == "eval",
            kind: kind.into(),
            name: name.into(),
            start_us,
            end_us,
            records,
            bytes,
        }));
    }
}

/// The strategy with its variations. Flushes after tasks are no part of it: they are in the waits.
fn strategy(upload: &Upload) -> String {
    let mut name = upload::name(upload).replace(" --flush-every-task", "");
    if upload.drain_delay.is_some() {
        name += " --drain-delay";
    }
    name
}
