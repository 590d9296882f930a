//! The profile of a run: a file that says what happened when, on one monotonic clock.
//!
//! ```text
//! records, rows, requests, queue -> [recording, on the upload thread] -> lines -> [writer, a thread]
//! waits of producers ---------------^
//! ```
//!
//! The format is [`tidegate_model::profile`], described in `docs/profiles.md`. Whoever logs does
//! no more for it than read a clock that it reads anyway; all else happens on the upload thread,
//! which knows what became of a record, and the disk has a thread of its own.

mod recording;
mod side;
mod waits;
mod writer;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tidegate_model::profile::{End, Header};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use crate::clock;
use crate::driver::Shared;

use recording::{Recording, Zero};
pub(crate) use side::Side;
pub(crate) use waits::{Waiting, Waits};
pub use writer::{ProfileFile, ProfileWriter};

/// Most time for the upload thread to hand a profile over; it looks up every few milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where who wants a profile and the upload thread meet.
#[derive(Debug, Default)]
pub(crate) struct Control {
    pub(crate) waits: Arc<Waits>,
    wishes: Mutex<Wishes>,
}

#[derive(Debug, Default)]
struct Wishes {
    /// The upload thread has ended.
    closed: bool,
    begin: Option<Box<Recording>>,
    end: Option<oneshot::Sender<Finished>>,
}

/// What remains to be written.
type Finished = (ProfileWriter, End);

impl Control {
    fn lock(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, done: oneshot::Sender<Finished>) {
        let mut wishes = self.lock();
        // Else the sender is dropped, which tells who waits that nothing comes.
        if !wishes.closed {
            wishes.end = Some(done);
        }
    }
}

/// Begins a profile. Its zero is now, or when the client was made.
///
/// # Errors
/// See [`crate::Client::record_profile`].
pub(crate) fn begin(
    file: ProfileFile,
    header: Header<'_>,
    shared: &Shared,
    from_the_start: bool,
) -> io::Result<()> {
    let control = &shared.profile;
    if !control.waits.begin_profile() {
        let text = "the client is recording another profile already";
        return Err(io::Error::new(io::ErrorKind::ResourceBusy, text));
    }
    let (requests, wall) = (shared.requests.zero(), clock::wall());
    let at = if from_the_start { requests } else { clock::now() };
    let header = Header { started_unix_us: wall.unix_micros(), ..header };
    let lost = shared.inbox.stats().lost();
    let begun = file.begin(&header).and_then(|writer| {
        let recording = Recording::new(writer, Zero { at, wall, requests, lost });
        let mut wishes = control.lock();
        if wishes.closed {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the client was shut down"));
        }
        wishes.begin = Some(Box::new(recording));
        Ok(())
    });
    if begun.is_err() {
        control.waits.end_profile();
    }
    begun
}

/// A profile that a client is recording; see [`Client::record_profile`](crate::Client).
#[derive(Debug)]
#[must_use = "dropping it ends the profile"]
pub struct Profiling {
    shared: Arc<Shared>,
    runtime: Handle,
    is_over: bool,
}

impl Profiling {
    pub(crate) fn new(shared: Arc<Shared>, runtime: Handle) -> Self {
        Self { shared, runtime, is_over: false }
    }

    /// Says that the last case has ended: who flushes from now on holds no case up.
    pub fn produced(&self) {
        self.shared.profile.waits.produced();
    }

    /// Ends the profile with what has happened until now, and waits for the disk, at most 10 s.
    /// Flush before, so that all rows are in it.
    ///
    /// # Errors
    /// The disk refused, now or before; the file is a profile up to some line then.
    ///
    /// # Cancel safety
    /// Dropping the future ends the profile all the same.
    pub async fn finish(mut self) -> io::Result<()> {
        let (done, handed_over) = oneshot::channel();
        self.end(done);
        let written = self.runtime.spawn(async move {
            match tokio::time::timeout(PATIENCE, handed_over).await {
                Ok(Ok((writer, end))) => spawn_blocking(move || writer.finish(end)).await?,
                // The client was shut down, which has written the end.
                Ok(Err(_)) => Ok(()),
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            }
        });
        // The runtime is gone with the client.
        written.await.unwrap_or(Ok(()))
    }

    fn end(&mut self, done: oneshot::Sender<Finished>) {
        self.is_over = true;
        self.shared.profile.end(done);
        self.shared.inbox.bell.call();
    }
}

impl Drop for Profiling {
    fn drop(&mut self) {
        if !self.is_over {
            let (done, handed_over) = oneshot::channel();
            // Nobody waits, and the upload thread has to know it: it lets the writer go then.
            drop(handed_over);
            self.end(done);
        }
    }
}
