//! Reading a profile while it grows.

use std::fs::{File, TryLockError};
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use tidegate_analysis::profile::{Profile, Reader};
use tidegate_model::profile::Request;
use tokio::signal::unix::{SignalKind, signal};

use super::source;
use super::view::Ending;
use crate::clock;
use crate::exit::{Failure, INTERRUPTED};
use crate::terminal::Terminal;
use crate::units;

/// How often the file is looked at; its writer adds lines about as often.
const EVERY: Duration = Duration::from_millis(200);
/// After such a silence the lock of the file says whether its writer lives.
const SILENCE: Duration = Duration::from_secs(2);
/// A picture may take this share of the time: one over so much.
const REST: u32 = 4;
/// Back to the first column of the first line.
const HOME: &str = "\u{1b}[H";
const CLEAR_LINE: &str = "\u{1b}[K\n";
const CLEAR_BELOW: &str = "\u{1b}[J";

/// How following ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Closed,
    /// Nobody writes the file any more, and it has no end.
    Abandoned,
    Interrupted,
}

/// Draws a profile; `is_last` if it will not grow any more.
type Draw<'a> = dyn Fn(&Profile) -> String + 'a;

pub(super) struct Follow<'a> {
    pub(super) path: &'a Path,
    pub(super) wait: Duration,
    pub(super) terminal: Terminal,
    pub(super) draw: &'a Draw<'a>,
}

/// A file as far as it has been read.
struct Growing {
    path: PathBuf,
    file: BufReader<File>,
    reader: Reader,
}

impl Growing {
    /// `None` if there is no such file yet.
    fn open(path: &Path) -> Result<Option<Self>, Failure> {
        match path.try_exists() {
            Ok(false) => Ok(None),
            _ => Ok(Some(Self {
                path: path.to_owned(),
                file: source::open(path)?,
                reader: Reader::default(),
            })),
        }
    }

    /// Takes in what has been written since; returns how many lines, and whether the file was
    /// emptied by another run meanwhile, so that all before is void.
    fn advance(&mut self) -> Result<(u64, bool), Failure> {
        use std::io::Seek as _;
        let length = self.file.get_ref().metadata().map_or(0, |found| found.len());
        let is_new = self.file.stream_position().is_ok_and(|position| length < position);
        if is_new {
            self.file = source::open(&self.path)?;
            self.reader = Reader::default();
        }
        let lines = self.reader.read_all(&mut self.file);
        let lines = lines.map_err(|error| source::failure(&self.path, error))?;
        Ok((lines, is_new))
    }

    /// Whether there is at least the header.
    fn has_begun(&self) -> bool {
        !self.reader.profile().header.format.is_empty()
    }

    /// What has been read, if anything has.
    fn take(&mut self) -> Option<Profile> {
        std::mem::take(&mut self.reader).finish().ok()
    }

    /// Whoever writes a profile holds its lock. Where there are no locks, nobody can tell.
    fn is_abandoned(&self) -> bool {
        let file = self.file.get_ref();
        match file.try_lock_shared() {
            Ok(()) => file.unlock().is_ok(),
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
        }
    }
}

/// Follows until the profile is closed, its writer is gone, or Ctrl-C. There is no profile if Ctrl-C
/// came before its header.
///
/// # Errors
/// The file does not appear in time, or is no profile.
pub(super) async fn follow(asked: &Follow<'_>) -> Result<(Option<Profile>, Outcome), Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut screen = Screen::new(asked);
    let (mut growing, mut heard) = (None, clock::now());
    loop {
        if growing.is_none() {
            growing = Growing::open(asked.path)?;
        }
        if let Some(growing) = &mut growing {
            let (mut lines, is_new) = growing.advance()?;
            if is_new {
                screen.start_over();
            }
            let is_silent = lines == 0 && heard.elapsed() >= SILENCE;
            if is_silent && growing.has_begun() && growing.is_abandoned() {
                // The last lines may have come just before the lock was released.
                (lines, _) = growing.advance()?;
                if lines == 0 {
                    return Ok((growing.take(), Outcome::Abandoned));
                }
            }
            if lines > 0 {
                heard = clock::now();
                screen.show(growing.reader.profile())?;
            }
            if growing.reader.profile().end.is_some() {
                return Ok((growing.take(), Outcome::Closed));
            }
        }
        let has_begun = growing.as_ref().is_some_and(Growing::has_begun);
        if !has_begun && heard.elapsed() >= asked.wait {
            let error = anyhow!("{} has not appeared in {:?}", asked.path.display(), asked.wait);
            let hint = "start the run with --profile FILE, or wait longer with --wait";
            return Err(Failure::failed(error, hint));
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = interrupt.recv() => {
                return Ok((growing.as_mut().and_then(Growing::take), Outcome::Interrupted));
            }
        }
    }
}

/// What has been shown.
struct Screen<'a> {
    asked: &'a Follow<'a>,
    /// Requests that have a line.
    printed: usize,
    /// No new picture before then.
    not_before: Option<Instant>,
    is_clear: bool,
}

impl<'a> Screen<'a> {
    fn new(asked: &'a Follow<'a>) -> Self {
        Self { asked, printed: 0, not_before: None, is_clear: false }
    }

    fn start_over(&mut self) {
        self.printed = 0;
    }

    fn show(&mut self, profile: &Profile) -> Result<(), Failure> {
        match self.asked.terminal.height {
            Some(height) => self.redraw(profile, height),
            None => self.append(profile),
        }
    }

    /// Draws over the last picture, as many lines as there are.
    fn redraw(&mut self, profile: &Profile, height: usize) -> Result<(), Failure> {
        let began = clock::now();
        if self.not_before.is_some_and(|moment| began < moment) {
            return Ok(());
        }
        let text = (self.asked.draw)(profile);
        let mut out = String::new();
        if !self.is_clear {
            // What was there before stays in the history of the terminal.
            out.push_str(&"\n".repeat(height.saturating_sub(1)));
            self.is_clear = true;
        }
        out.push_str(HOME);
        for line in text.lines().take(height.saturating_sub(1)) {
            out.push_str(line);
            out.push_str(CLEAR_LINE);
        }
        out.push_str(CLEAR_BELOW);
        write(&out)?;
        self.not_before = Some(began + began.elapsed() * REST);
        Ok(())
    }

    /// A line for each request that has ended since.
    fn append(&mut self, profile: &Profile) -> Result<(), Failure> {
        let mut out = String::new();
        for request in profile.requests.iter().skip(self.printed) {
            out.push_str(&line(request));
            out.push('\n');
        }
        self.printed = profile.requests.len();
        write(&out)
    }
}

/// Makes room for the last picture, which may be longer than the terminal.
pub(super) fn clear(terminal: Terminal) -> Result<(), Failure> {
    match terminal.height {
        Some(_) => write(&format!("{HOME}{CLEAR_BELOW}")),
        None => write("\n"),
    }
}

fn line(request: &Request) -> String {
    let status = request.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let note = match Ending::of(request) {
        Ending::Accepted => String::new(),
        Ending::Retried => format!(", accepted at try {}", u64::from(request.attempt) + 1),
        Ending::Failed => ", failed".to_owned(),
    };
    format!(
        "{:>9}  lane {}  {:>7}  {}, {}, {status}{note}",
        units::duration(request.end_us),
        request.lane,
        units::duration(request.end_us - request.start_us),
        units::counted(request.rows.into(), "row"),
        units::bytes(request.bytes),
    )
}

fn write(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| {
        Failure::failed(error.into(), "whatever reads the output must read it to its end")
    })
}

impl Outcome {
    /// The exit code, if it is not that of success or of a failure.
    pub(super) fn code(self) -> u8 {
        if self == Self::Interrupted { INTERRUPTED } else { 0 }
    }
}
