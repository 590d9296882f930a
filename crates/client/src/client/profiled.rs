//! Profiles of what a client does.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;

use tidegate_model::profile::{Cause, Header, Source};

use super::Client;
use crate::driver::Shared;
use crate::pipeline::Options;
use crate::profile::{self, ProfileFile, Profiling, Waiting};
use crate::span::Span;

impl Client {
    /// Records a profile of what the client does from now on, until [`Profiling::finish`]: spans
    /// that start, requests, waits, what is pending, processor time. What of the header is not
    /// set is filled in from the client's own settings; its zero is now.
    ///
    /// Others that use the client meanwhile are in it too. One at a time.
    ///
    /// ```no_run
    /// use tidegate_client::{Client, Config, ProfileFile};
    /// use tidegate_model::profile::Header;
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::new(Config::from_env()?)?;
    /// let header = Header { name: "import".into(), ..Header::default() };
    /// let profiling = client.record_profile(ProfileFile::open("import.jsonl")?, header)?;
    /// // … spans …
    /// client.flush(std::time::Duration::from_secs(30)).await?;
    /// profiling.finish().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The file cannot be written, the client records another profile already, it was shut down,
    /// or this is a process forked from the one that made it.
    pub fn record_profile(&self, file: ProfileFile, header: Header<'_>) -> io::Result<Profiling> {
        if !self.is_mine() {
            let text = "this process was forked from the one that made the client";
            return Err(io::Error::other(text));
        }
        let own = &self.inner.about;
        let header = Header {
            source: own.source,
            strategy: header.strategy.or_else(|| own.strategy.clone()),
            lanes: header.lanes.or(own.lanes),
            budget_bytes: header.budget_bytes.or(own.budget_bytes),
            max_rows: header.max_rows.or(own.max_rows),
            max_request_bytes: header.max_request_bytes.or(own.max_request_bytes),
            cpus: header.cpus.or(own.cpus),
            ..header
        };
        let shared = &self.inner.shared;
        profile::begin(file, header, shared, false)?;
        shared.inbox.bell.call();
        Ok(Profiling::new(Arc::clone(shared), self.inner.driver.runtime.clone()))
    }

    /// Notes that the caller waits for a flush, for as long as the guard lives.
    pub(super) fn waits_for_flush(&self) -> Option<Waiting<'_>> {
        let waits = &self.inner.shared.profile.waits;
        waits.begin(Cause::Flush, || Span::current()?.trace_id())
    }
}

/// What a header says of a client.
pub(super) fn about(options: &Options) -> Header<'static> {
    let narrow = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Header {
        source: Source::Sdk,
        strategy: Some("adaptive".into()),
        lanes: Some(narrow(options.lanes)),
        budget_bytes: Some(options.budget_bytes),
        max_rows: Some(narrow(options.max_rows)),
        max_request_bytes: Some(options.max_request_bytes),
        cpus: available_parallelism().ok().map(|count| narrow(count.get())),
        ..Header::default()
    }
}

/// Begins the profile of a client that is being made, named after its file.
pub(super) fn from_the_start(
    path: &Path,
    about: &Header<'static>,
    shared: &Shared,
) -> io::Result<()> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let header = Header { name, ..about.clone() };
    let begun = ProfileFile::open(path).and_then(|file| profile::begin(file, header, shared, true));
    begun.map_err(|error| {
        let text = format!("cannot write the profile {}: {error}", path.display());
        io::Error::new(error.kind(), text)
    })
}
