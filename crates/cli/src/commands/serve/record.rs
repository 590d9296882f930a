//! `--record-requests FILE`: the uploads that reach the collector, as a profile.

use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context as _;
use tidegate_client::ProfileWriter;
use tidegate_model::profile::{End, Header, Line, Source};
use tidegate_server::{Recorder, Recording, recorder};

use crate::clock;
use crate::exit::Failure;
use crate::printer::Printer;

/// What the profile calls its run.
const NAME: &str = "tidegate serve";

/// The thread that takes requests from the collector to the file.
#[derive(Debug)]
pub(super) struct Record {
    thread: thread::JoinHandle<io::Result<()>>,
}

impl Record {
    /// Makes the file, or empties it, and writes its header.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn start(path: &Path) -> Result<(Self, Recorder), Failure> {
        let (recorder, recording) = recorder();
        let now = clock::wall().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let header = Header {
            name: NAME.into(),
            source: Source::Server,
            started_unix_us: u64::try_from(now.as_micros()).unwrap_or(u64::MAX),
            ..Header::default()
        };
        let writer = ProfileWriter::create(path, &header)
            .with_context(|| format!("cannot write requests to {}", path.display()))
            .map_err(|error| {
                Failure::failed(error, "give --record-requests a file that can be written")
            })?;
        let thread = thread::Builder::new()
            .name("tidegate-record".into())
            .spawn(move || write(writer, recording))?;
        Ok((Self { thread }, recorder))
    }

    /// Waits until all is in the file; the collector has stopped. Blocks.
    pub(super) fn finish(self, printer: &Printer) {
        // That a disk refuses was said when it did, and fails no request: it is none of the
        // collector's work.
        if self.thread.join().is_err() {
            printer.say("warning: the recording of requests is not complete");
        }
    }
}

fn write(writer: ProfileWriter, mut recording: Recording) -> io::Result<()> {
    let mut at_us = 0;
    for request in &mut recording {
        at_us = at_us.max(request.end_us);
        writer.write(&Line::Request(request));
    }
    // When the last request had ended: that the collector went on serving is no part of a run.
    writer.finish(End { at_us, produced_us: None, left_out: recording.left_out(), lost: 0 })
}
