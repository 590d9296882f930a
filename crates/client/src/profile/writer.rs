//! The file of a profile, written by a thread of its own so that no disk holds anybody up.

use std::borrow::Cow;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tidegate_model::profile::{End, FORMAT, Header, Line, VERSION};

use crate::notice::Notices;

/// Default of [`ProfileWriter::max_bytes`]: some seven million spans.
const MAX_BYTES: u64 = 1 << 30;
/// What may wait for the disk; as much again may be on its way there.
const MAX_WAITING_BYTES: usize = 4 << 20;
/// Who reads along sees a line this late at most, and the thread wakes no more often.
const EVERY: Duration = Duration::from_millis(250);
/// Unless so much waits.
const AT_ONCE_BYTES: usize = 1 << 20;
/// Kept free of the limit for the last line.
const END_BYTES: u64 = 256;
/// Longest name in a line. Each byte may take six as an escape, and readers take 64 KiB a line.
const MAX_NAME_BYTES: usize = 4 << 10;
/// How long the end waits for a disk that does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Writes a profile, line by line, for whoever can say what happened when.
///
/// The header is in the file when [`ProfileWriter::create`] returns, and each line at most about a
/// quarter of a second after [`ProfileWriter::write`], always whole: the file can be read while it
/// grows, and of a process that was killed. Where there are locks, the file is locked for as long
/// as it is written.
///
/// Writing never waits for the disk and never fails. What there is no room for is left out and
/// counted in [`End::left_out`]: lines beyond [`ProfileWriter::max_bytes`], and those that come
/// while 4 MiB wait for the disk already. If the disk refuses, one notice on stderr says so, and
/// the profile ends there.
///
/// Memory: at most 8 MiB, usually a few hundred kilobytes.
///
/// ```
/// use tidegate_client::ProfileWriter;
/// use tidegate_model::profile::{End, Header, Line, Queue, Source};
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("run.jsonl");
/// let header = Header { name: "demo".into(), source: Source::Emulation, ..Header::default() };
/// let profile = ProfileWriter::create(&path, &header)?;
/// profile.write(&Line::Queue(Queue { at_us: 40, pending_bytes: 512, in_flight: 0 }));
/// profile.finish(End { at_us: 90, produced_us: None, left_out: 0, lost: 0 })?;
/// assert_eq!(std::fs::read_to_string(&path)?.lines().count(), 3);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct ProfileWriter {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// There is something to write, or nothing more to come.
    wake: Condvar,
    /// The thread has ended.
    ended: Condvar,
}

#[derive(Debug)]
struct State {
    /// Whole lines.
    waiting: Vec<u8>,
    /// Length of the file once all that waits is written.
    used_bytes: u64,
    max_bytes: u64,
    /// A line did not fit below the limit: a profile ends there instead of having holes.
    full: bool,
    left_out: u64,
    /// No more lines are taken.
    closed: bool,
    failure: Option<io::Error>,
    ended: bool,
}

/// A file that a profile will be written to. An older profile in it stays until that begins.
#[derive(Debug)]
pub struct ProfileFile {
    file: File,
    /// No pipe and no device, which cannot be emptied.
    is_file: bool,
    path: PathBuf,
}

impl ProfileFile {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// It cannot be written, or somebody else is writing a profile to it.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
        let is_file = file.metadata()?.is_file();
        if is_file {
            lock(&file)?;
        }
        Ok(Self { file, is_file, path })
    }

    /// Where it is, as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the header, whose format and version are set.
    ///
    /// # Errors
    /// The disk refuses, or there is no thread to be had.
    pub fn begin(mut self, header: &Header<'_>) -> io::Result<ProfileWriter> {
        let header = Header { format: FORMAT.into(), version: VERSION, ..header.clone() };
        let mut state = State {
            waiting: Vec::new(),
            used_bytes: 0,
            max_bytes: u64::MAX,
            full: false,
            left_out: 0,
            closed: false,
            failure: None,
            ended: false,
        };
        state.add(&Line::Header(header));
        if self.is_file {
            self.file.set_len(0)?;
        }
        // In one piece, so that who reads along finds all of it or nothing yet.
        self.file.write_all(&std::mem::take(&mut state.waiting))?;
        state.max_bytes = MAX_BYTES;
        ProfileWriter::start(self, state)
    }
}

impl ProfileWriter {
    /// Makes the file, or empties it, and writes the header, whose format and version are set.
    ///
    /// # Errors
    /// As [`ProfileFile::open`] and [`ProfileFile::begin`].
    pub fn create(path: impl Into<PathBuf>, header: &Header<'_>) -> io::Result<Self> {
        ProfileFile::open(path)?.begin(header)
    }

    fn start(sink: impl Sink, state: State) -> io::Result<Self> {
        let whole_bytes = state.used_bytes;
        let (wake, ended) = Default::default();
        let shared = Arc::new(Shared { state: Mutex::new(state), wake, ended });
        let drained = Arc::clone(&shared);
        thread::Builder::new()
            .name("tidegate-profile".to_owned())
            .spawn(move || drained.drain(sink, whole_bytes))?;
        Ok(Self { shared })
    }

    /// Sets how long the file may become, in bytes; 1 GiB by default. The first line that does not
    /// fit and all after it are left out.
    #[must_use]
    pub fn max_bytes(self, bytes: u64) -> Self {
        self.shared.lock().max_bytes = bytes;
        self
    }

    /// Adds a line. Costs less than a microsecond; names of more than 4 KiB are cut.
    pub fn write(&self, line: &Line<'_>) {
        let mut state = self.shared.lock();
        if state.closed {
            return;
        }
        let before = state.waiting.len();
        state.add(line);
        let after = state.waiting.len();
        drop(state);
        let is_first = before == 0 && after > 0;
        if is_first || (before < AT_ONCE_BYTES && after >= AT_ONCE_BYTES) {
            self.shared.wake.notify_one();
        }
    }

    /// Writes the last line, with the count of those that were left out added, and waits until
    /// all is in the file, at most 5 s.
    ///
    /// # Errors
    /// The disk refused, now or before, or does not answer.
    pub fn finish(self, end: End) -> io::Result<()> {
        self.shared.lock().end(end);
        self.shared.close()
    }

    /// As [`ProfileWriter::finish`], for who cannot wait: the thread does the rest, and
    /// [`ProfileWriter::wait`] waits for it.
    pub(crate) fn let_go(&self, end: End) {
        let mut state = self.shared.lock();
        state.end(end);
        state.closed = true;
        drop(state);
        self.shared.wake.notify_one();
    }

    pub(crate) fn wait(self) -> io::Result<()> {
        self.shared.close()
    }
}

impl Drop for ProfileWriter {
    /// Whole lines so far, without an end, stay in the file.
    fn drop(&mut self) {
        if !self.shared.lock().closed {
            // A failure was said when it happened, and of a disk that hangs nobody is to be told.
            self.shared.close().ok();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) -> io::Result<()> {
        let mut state = self.lock();
        state.closed = true;
        self.wake.notify_one();
        let ended = self.ended.wait_timeout_while(state, PATIENCE, |state| !state.ended);
        let (mut state, _) = ended.unwrap_or_else(PoisonError::into_inner);
        match state.failure.take() {
            Some(error) => Err(error),
            None if state.ended => Ok(()),
            None => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Writes what waits until nothing more comes, or the disk refuses.
    fn drain(&self, mut sink: impl Sink, mut whole_bytes: u64) {
        let mut chunk = Vec::new();
        loop {
            let state = self.lock();
            let idle = |state: &mut State| state.waiting.is_empty() && !state.closed;
            let state = self.wake.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
            // Whoever came first waits for company.
            let alone = |state: &mut State| state.waiting.len() < AT_ONCE_BYTES && !state.closed;
            let waited = self.wake.wait_timeout_while(state, EVERY, alone);
            let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut state.waiting, &mut chunk);
            let closed = state.closed;
            drop(state);
            let appended = if chunk.is_empty() { Ok(()) } else { sink.append(&chunk) };
            if let Err(error) = appended {
                sink.cut(whole_bytes);
                Notices::warn(&format!("the profile {} ends here: {error}", sink.name()));
                let mut state = self.lock();
                state.closed = true;
                state.waiting = Vec::new();
                state.failure = Some(error);
                break;
            }
            whole_bytes += chunk.len() as u64;
            chunk.clear();
            if closed {
                break;
            }
        }
        self.lock().ended = true;
        self.ended.notify_all();
    }
}

impl State {
    fn add(&mut self, line: &Line<'_>) {
        if self.full {
            self.left_out += 1;
            return;
        }
        let before = self.waiting.len();
        let length = match shortened(line) {
            Some(line) => self.push(&line),
            None => self.push(line),
        };
        self.full = self.used_bytes + length > self.max_bytes.saturating_sub(END_BYTES);
        if self.full || self.waiting.len() > MAX_WAITING_BYTES {
            self.waiting.truncate(before);
            self.left_out += 1;
            return;
        }
        self.used_bytes += length;
    }

    fn end(&mut self, mut end: End) {
        end.left_out += self.left_out;
        // It has its place below the limit, and may wait behind a full buffer.
        self.push(&Line::End(end));
    }

    fn push(&mut self, line: &Line<'_>) -> u64 {
        let before = self.waiting.len();
        serde_json::to_writer(&mut self.waiting, line).expect("texts and numbers serialize");
        self.waiting.push(b'\n');
        (self.waiting.len() - before) as u64
    }
}

/// The line with its names cut, if they are too long.
fn shortened<'a>(line: &'a Line<'_>) -> Option<Line<'a>> {
    match line {
        Line::Span(span) if span.kind.len().max(span.name.len()) > MAX_NAME_BYTES => {
            let mut span = span.clone();
            (span.kind, span.name) = (cut(&span.kind).into(), cut(&span.name).into());
            Some(Line::Span(span))
        }
        Line::Header(header) => {
            let mut header = header.clone();
            header.name = cut(&header.name).into();
            header.strategy = header.strategy.map(|text| Cow::Owned(cut(&text)));
            Some(Line::Header(header))
        }
        _ => None,
    }
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_NAME_BYTES)].to_owned()
}

/// Tells other writers to stay away, and readers that there is more to come. On Windows a lock
/// would keep readers out.
fn lock(file: &File) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            Err(io::Error::new(io::ErrorKind::ResourceBusy, "another process is writing it"))
        }
        // There are file systems without locks.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

/// Where lines go.
trait Sink: Send + 'static {
    fn append(&mut self, lines: &[u8]) -> io::Result<()>;
    /// Takes back what was written of a line when the disk refused.
    fn cut(&mut self, length: u64);
    fn name(&self) -> String;
}

impl Sink for ProfileFile {
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.file.write_all(lines)
    }

    fn cut(&mut self, length: u64) {
        if self.is_file {
            // Readers take a part of a line for one that is not yet written.
            self.file.set_len(length).ok();
        }
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }
}

#[cfg(test)]
mod tests;
