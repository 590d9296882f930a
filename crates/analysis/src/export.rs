//! Profiles in the formats of other viewers, written as a stream.
//!
//! Both writers lay the profile out with [`Tracks`](crate::tracks::Tracks), so lanes, slots and
//! clipping are those described there. What they hold in memory is bounded by what the profile
//! holds: names of requests, of which no two are the same, are made while they are written.

pub mod perfetto;
pub mod speedscope;

use std::fmt;
use std::io::{self, BufWriter, Write};

use serde::Serialize;
use tidegate_model::profile::{Cause, Request, Source, Wait};

use crate::profile::{Profile, Span};

/// How a request is called in a drawing: `#12 100 rows 84.2 KB 200`, with `try 2` or later at
/// the end of a repeat. Sizes are of the body before compression, in units of 1000.
///
/// ```
/// use tidegate_analysis::export::RequestName;
/// use tidegate_model::profile::Request;
/// let request = Request {
///     number: 12, lane: 3, attempt: 1, rows: 100, bytes: 84_200, sent_bytes: 9_000,
///     queued_us: 0, start_us: 10, first_byte_us: None, end_us: 900, status: None,
/// };
/// assert_eq!(RequestName(&request).to_string(), "#12 100 rows 84.2 KB no answer try 2");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct RequestName<'a>(pub &'a Request);

impl fmt::Display for RequestName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Request { number, attempt, rows, bytes, status, .. } = *self.0;
        let noun = if rows == 1 { "row" } else { "rows" };
        write!(f, "#{number} {rows} {noun} {}", Size(bytes))?;
        match status {
            Some(status) => write!(f, " {status}")?,
            None => f.write_str(" no answer")?,
        }
        if attempt == 0 { Ok(()) } else { write!(f, " try {}", u64::from(attempt) + 1) }
    }
}

/// Bytes with one decimal, in units of 1000: `512 B`, `84.2 KB`.
#[derive(Debug, Clone, Copy)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Up to where it would be rounded to 1000.0.
        let (value, unit) = match self.0 {
            bytes @ ..1_000 => return write!(f, "{bytes} B"),
            bytes @ ..999_950 => (bytes as f64 / 1e3, "KB"),
            bytes @ ..999_950_000 => (bytes as f64 / 1e6, "MB"),
            bytes => (bytes as f64 / 1e9, "GB"),
        };
        write!(f, "{value:.1} {unit}")
    }
}

/// How a span is called: its name, and its type unless that says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct SpanName<'a> {
    name: &'a str,
    kind: &'a str,
}

impl<'a> SpanName<'a> {
    fn of(profile: &'a Profile, span: &Span) -> Self {
        Self { name: profile.name_of(span.name), kind: profile.name_of(span.kind) }
    }
}

impl fmt::Display for SpanName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name, self.kind) {
            ("", "") => f.write_str("span"),
            ("", only) | (only, "") => f.write_str(only),
            (name, kind) if name == kind => f.write_str(name),
            (name, kind) => write!(f, "{name} ({kind})"),
        }
    }
}

/// How waits are called.
const WAITS: [&str; 2] = ["waits at the gate", "waits for a flush"];

/// Which of [`WAITS`] a wait is.
fn wait_number(wait: &Wait) -> usize {
    match wait.cause {
        Cause::Gate => 0,
        Cause::Flush => 1,
    }
}

/// Where a drawing starts: at the profile's zero. A server may have run for long before the
/// first request, so there it is what starts first.
fn start_us(profile: &Profile) -> u64 {
    if profile.header.source != Source::Server {
        return 0;
    }
    let requests = profile.requests.iter().map(|request| request.start_us);
    let spans = profile.spans.iter().map(|span| span.start_us);
    let waits = profile.waits.iter().map(|wait| wait.start_us);
    requests.chain(spans).chain(waits).min().unwrap_or(0)
}

/// What is written between two writes to the destination.
const BUFFER_BYTES: usize = 64 << 10;

/// Writes JSON piece by piece, with as little ado as a million events ask for.
struct Json<W: Write> {
    out: BufWriter<W>,
    /// For names before they are escaped.
    name: String,
}

impl<W: Write> Json<W> {
    fn new(out: W) -> Self {
        Self { out: BufWriter::with_capacity(BUFFER_BYTES, out), name: String::new() }
    }

    /// Text that is JSON already.
    fn raw(&mut self, json: &str) -> io::Result<()> {
        self.out.write_all(json.as_bytes())
    }

    fn value(&mut self, value: impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, &value).map_err(io::Error::from)
    }

    /// A string.
    fn text(&mut self, text: impl fmt::Display) -> io::Result<()> {
        use fmt::Write as _;
        let mut name = std::mem::take(&mut self.name);
        name.clear();
        // Writing to a string fails only if the formatting itself does.
        write!(name, "{text}").map_err(io::Error::other)?;
        self.value(name.as_str())?;
        self.name = name;
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}
