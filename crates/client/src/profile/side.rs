//! The upload thread's side of a profile.

use std::time::Instant;

use super::Recording;
use crate::clock;
use crate::driver::Shared;
use crate::pipeline::Core;
use crate::record::Record;
use crate::requests::Request;

/// The recording, while there is one.
#[derive(Debug, Default)]
pub(crate) struct Side(Option<Box<Recording>>);

impl Side {
    /// Begins what somebody has asked for. Before records are taken, so that none is missed.
    pub(crate) fn begin(&mut self, shared: &Shared, core: &mut Core) {
        if let Some(recording) = shared.profile.lock().begin.take() {
            core.note_written(true);
            self.0 = Some(recording);
        }
    }

    pub(crate) fn records(&mut self, records: &[Record], now: Instant) {
        if let Some(recording) = &mut self.0 {
            recording.records(records, now);
        }
    }

    pub(crate) fn finished(&mut self, request: Option<Request>, requests: usize, shared: &Shared) {
        if let Some(recording) = &mut self.0
            && let Some(request) = request
        {
            recording.finished(&request, shared.budget.used_bytes(), requests, clock::now());
        }
    }

    /// Notes what the turn has changed, and ends what somebody has asked to end.
    pub(crate) fn turn(&mut self, shared: &Shared, core: &mut Core, requests: usize) {
        let Some(recording) = &mut self.0 else { return };
        recording.written(core.take_written());
        let pending = shared.budget.used_bytes();
        recording.turn(&shared.profile.waits, pending, requests, clock::now());
        let asked = shared.profile.lock().end.take();
        if let Some(done) = asked
            && let Some(finished) = self.end(shared, core)
            && let Err((writer, end)) = done.send(finished)
        {
            writer.let_go(end);
        }
    }

    /// When the thread has to look again for the sake of the recording.
    pub(crate) fn wake(&self) -> Option<Instant> {
        self.0.as_ref()?.wake()
    }

    fn end(&mut self, shared: &Shared, core: &mut Core) -> Option<super::Finished> {
        let mut recording = self.0.take()?;
        recording.written(core.take_written());
        core.note_written(false);
        let (requests, pending) = (shared.requests.unfinished(), shared.budget.used_bytes());
        let lost = shared.inbox.stats().lost();
        Some(recording.end(&shared.profile.waits, &requests, pending, lost, clock::now()))
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
        if let Some((writer, end)) = finished {
            // What the disk has refused was said, and the ledger is not concerned.
            writer.finish(end).ok();
        }
        // After the end is written: whoever waits for it is told by this.
        drop(wishes);
    }
}
