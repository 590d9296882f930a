//! A profile in memory, read line by line from what [`tidegate_model::profile`] describes.
//!
//! ```
//! use tidegate_analysis::profile::Profile;
//! let file = r#"{"header":{"format":"tidegate-profile","version":1,"name":"demo","source":"sdk","started_unix_us":0}}
//! {"span":{"trace":1,"root":true,"kind":"eval","name":"eval","start_us":0,"end_us":900,"records":3,"bytes":512}}
//! {"request":{"number":1,"lane":0,"rows":1,"bytes":512,"sent_bytes":512,"queued_us":900,"start_us":950,"end_us":1900,"status":200}}
//! {"end":{"at_us":1950}}
//! "#;
//! let profile = Profile::read(file.as_bytes())?;
//! assert_eq!((profile.spans.len(), profile.requests.len(), profile.wall_us()), (1, 1, 1950));
//! assert_eq!(profile.name_of(profile.spans[0].kind), "eval");
//! # Ok::<(), tidegate_analysis::profile::ProfileError>(())
//! ```

mod read;

pub use read::{ProfileError, Reader};

use std::io::BufRead;

use tidegate_model::profile::{Cpu, End, Header, Line, Queue, Request, Span as SpanLine, Wait};

/// Number of an interned name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub(crate) u32);

/// A span that has ended; times in microseconds since the profile's zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Counts traces from 1.
    pub trace: u64,
    /// Whether it is the root of its trace.
    pub root: bool,
    /// Type of the span, such as `task`; look it up with [`Profile::name_of`].
    pub kind: Name,
    /// Name of the span; look it up with [`Profile::name_of`].
    pub name: Name,
    /// When it started.
    pub start_us: u64,
    /// When it ended; never before the start.
    pub end_us: u64,
    /// Records that it made.
    pub records: u32,
    /// Bytes of its row.
    pub bytes: u64,
}

/// All that a profile holds, each kind in the order of the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Profile {
    /// Who wrote it, about what.
    pub header: Header<'static>,
    /// Names and types of spans, each once.
    names: Vec<Box<str>>,
    /// Spans that have ended.
    pub spans: Vec<Span>,
    /// Waits for the recording.
    pub waits: Vec<Wait>,
    /// Upload requests that have ended.
    pub requests: Vec<Request>,
    /// What was pending.
    pub queue: Vec<Queue>,
    /// What the process had used.
    pub cpu: Vec<Cpu>,
    /// Absent if the file was not closed in order: the writer was killed, or still writes.
    pub end: Option<End>,
}

impl Profile {
    /// Reads a whole file. A last line without a line feed is taken as not yet written.
    ///
    /// # Errors
    /// The reader fails, the first line is no header that this version understands, a line is
    /// no JSON object of the format, or one is longer than 64 KiB. Errors name the line.
    pub fn read(mut reader: impl BufRead) -> Result<Self, ProfileError> {
        let mut whole = Reader::default();
        whole.read_all(&mut reader)?;
        whole.finish()
    }

    /// A name or type of a span.
    #[must_use]
    pub fn name_of(&self, name: Name) -> &str {
        self.names.get(name.0 as usize).map_or("", |name| name)
    }

    /// The lines after the header, one kind after the other and each in the order of the file.
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let spans = self.spans.iter().map(|span| {
            Line::Span(SpanLine {
                trace: span.trace,
                root: span.root,
                kind: self.name_of(span.kind).into(),
                name: self.name_of(span.name).into(),
                start_us: span.start_us,
                end_us: span.end_us,
                records: span.records,
                bytes: span.bytes,
            })
        });
        let waits = self.waits.iter().copied().map(Line::Wait);
        let requests = self.requests.iter().copied().map(Line::Request);
        let queue = self.queue.iter().copied().map(Line::Queue);
        let cpu = self.cpu.iter().copied().map(Line::Cpu);
        spans.chain(waits).chain(requests).chain(queue).chain(cpu).chain(self.end.map(Line::End))
    }

    /// The latest moment in the profile: its end, or what came last if it has none.
    #[must_use]
    pub fn wall_us(&self) -> u64 {
        let spans = self.spans.iter().map(|span| span.end_us);
        let requests = self.requests.iter().map(|request| request.end_us);
        let waits = self.waits.iter().map(|wait| wait.end_us);
        let end = self.end.map(|end| end.at_us);
        spans.chain(requests).chain(waits).chain(end).max().unwrap_or(0)
    }
}
