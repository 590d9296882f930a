//! The upload thread's side of a profile.

use std::time::Instant;

use super::{Finished, ProfileWriter, Recording};
use crate::clock;
use crate::driver::Shared;
use crate::pipeline::Core;
use crate::record::Record;
use crate::requests::Request;

#[derive(Debug, Default)]
pub(crate) struct Side {
    /// While there is one.
    recording: Option<Box<Recording>>,
    /// Of the last profile, if nobody waits for its end.
    let_go: Option<ProfileWriter>,
}

impl Side {
    /// Begins what somebody has asked for. Before records are taken, so that none is missed.
    pub(crate) fn begin(&mut self, shared: &Shared, core: &mut Core) {
        if let Some(recording) = shared.profile.lock().begin.take() {
            core.note_written(true);
            self.recording = Some(recording);
        }
    }

    pub(crate) fn records(&mut self, records: &[Record], now: Instant) {
        if let Some(recording) = &mut self.recording {
            recording.records(records, now);
        }
    }

    pub(crate) fn finished(&mut self, request: Option<Request>, requests: usize, shared: &Shared) {
        if let Some(recording) = &mut self.recording
            && let Some(request) = request
        {
            recording.finished(&request, shared.budget.used_bytes(), requests, clock::now());
        }
    }

    /// Notes what the turn has changed, and ends what somebody has asked to end.
    pub(crate) fn turn(&mut self, shared: &Shared, core: &mut Core, requests: usize) {
        let Some(recording) = &mut self.recording else { return };
        let (waits, pending) = (&shared.profile.waits, shared.budget.used_bytes());
        recording.turn(waits, core.take_written(), pending, requests, clock::now());
        let asked = shared.profile.lock().end.take();
        if let Some(done) = asked
            && let Some(finished) = self.end(shared, core)
            && let Err((writer, end)) = done.send(finished)
        {
            writer.let_go(end);
            self.let_go = Some(writer);
        }
    }

    /// When the thread has to look again for the sake of the recording.
    pub(crate) fn wake(&self) -> Option<Instant> {
        self.recording.as_ref()?.wake()
    }

    fn end(&mut self, shared: &Shared, core: &mut Core) -> Option<Finished> {
        let recording = self.recording.take()?;
        let (requests, pending) = (shared.requests.unfinished(), shared.budget.used_bytes());
        let (waits, lost) = (&shared.profile.waits, shared.inbox.stats().lost());
        let now = clock::now();
        let finished = recording.end(waits, core.take_written(), &requests, pending, lost, now);
        core.note_written(false);
        Some(finished)
    }

    /// The thread is about to end.
    pub(crate) fn close(mut self, shared: &Shared, core: &mut Core) {
        self.begin(shared, core);
        let finished = self.end(shared, core);
        let wishes = {
            let mut wishes = shared.profile.lock();
            wishes.closed = true;
            (wishes.begin.take(), wishes.end.take())
        };
        // What the disk has refused was said, and the ledger is not concerned.
        if let Some((writer, end)) = finished {
            writer.finish(end).ok();
        }
        if let Some(writer) = self.let_go {
            writer.wait().ok();
        }
        // After the end is written: whoever waits for it is told by this.
        drop(wishes);
    }
}
