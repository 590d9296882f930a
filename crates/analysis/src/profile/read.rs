//! Reading profiles, whole or as they grow.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, BufRead, Read as _};

use serde_json::error::Category;
use tidegate_model::profile::{FORMAT, Header, Line, VERSION};

use super::{Name, Profile, Span};

/// Longest line; names of spans are the only part without a fixed length.
const MAX_LINE_BYTES: u64 = 64 << 10;
/// Different names of spans; further ones are read as `(other)`.
const MAX_NAMES: usize = 65_536;

/// Why a file is no profile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The file cannot be read.
    #[error("line {line}: cannot be read")]
    Read {
        /// Counted from 1.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// The first line is no header.
    #[error("this is no tidegate profile: its first line is no header")]
    NoHeader,
    /// A newer version has written it.
    #[error("the profile has version {0}, newer than {VERSION}")]
    Newer(u32),
    /// Empty.
    #[error("the profile is empty")]
    Empty,
    /// A line is too long.
    #[error("line {line} is longer than {MAX_LINE_BYTES} bytes")]
    TooLong {
        /// Counted from 1.
        line: u64,
    },
    /// A line is not one of the format.
    #[error("line {line}: {fault}")]
    Bad {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        fault: String,
    },
}

/// Takes in a profile line by line.
#[derive(Debug, Default)]
pub struct Reader {
    profile: Profile,
    lines: u64,
    known: HashMap<Box<str>, Name>,
    /// Beginning of a line that is not yet complete.
    partial: Vec<u8>,
}

impl Reader {
    /// Reads all whole lines that are there; call it again when the file has grown. Returns how
    /// many lines there were.
    ///
    /// # Errors
    /// As [`Profile::read`].
    pub fn read_all(&mut self, reader: &mut impl BufRead) -> Result<u64, ProfileError> {
        let before = self.lines;
        loop {
            let line = self.lines + 1;
            let room = (MAX_LINE_BYTES + 1).saturating_sub(self.partial.len() as u64);
            let read = reader.by_ref().take(room).read_until(b'\n', &mut self.partial);
            read.map_err(|source| ProfileError::Read { line, source })?;
            if self.partial.last() != Some(&b'\n') {
                if self.partial.len() as u64 > MAX_LINE_BYTES {
                    return Err(ProfileError::TooLong { line });
                }
                return Ok(self.lines - before);
            }
            let mut whole = std::mem::take(&mut self.partial);
            self.line(&whole)?;
            whole.clear();
            self.partial = whole;
        }
    }

    /// Takes in one line.
    fn line(&mut self, bytes: &[u8]) -> Result<(), ProfileError> {
        self.lines += 1;
        let line = self.lines;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let parsed = match serde_json::from_slice::<Line<'_>>(bytes) {
            Ok(parsed) => parsed,
            Err(_) if line == 1 => return Err(ProfileError::NoHeader),
            Err(error) if is_unknown_kind(&error, bytes) => return Ok(()),
            Err(error) => return Err(ProfileError::Bad { line, fault: error.to_string() }),
        };
        match parsed {
            Line::Header(header) if line == 1 => self.header(header)?,
            _ if line == 1 => return Err(ProfileError::NoHeader),
            Line::Span(span) => {
                let (kind, name) = (self.name(&span.kind), self.name(&span.name));
                self.profile.spans.push(Span {
                    trace: span.trace,
                    root: span.root,
                    kind,
                    name,
                    start_us: span.start_us,
                    end_us: span.end_us.max(span.start_us),
                    records: span.records,
                    bytes: span.bytes,
                });
            }
            Line::Wait(mut wait) => {
                wait.end_us = wait.end_us.max(wait.start_us);
                self.profile.waits.push(wait);
            }
            Line::Request(mut request) => {
                request.end_us = request.end_us.max(request.start_us);
                request.queued_us = request.queued_us.min(request.start_us);
                self.profile.requests.push(request);
            }
            Line::Queue(queue) => self.profile.queue.push(queue),
            Line::Cpu(cpu) => self.profile.cpu.push(cpu),
            Line::End(end) => self.profile.end = Some(end),
            _ => {}
        }
        Ok(())
    }

    fn header(&mut self, header: Header<'_>) -> Result<(), ProfileError> {
        if header.format != FORMAT {
            return Err(ProfileError::NoHeader);
        }
        if header.version > VERSION {
            return Err(ProfileError::Newer(header.version));
        }
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        self.profile.header = Header {
            format: owned(header.format),
            version: header.version,
            name: owned(header.name),
            source: header.source,
            started_unix_us: header.started_unix_us,
            strategy: header.strategy.map(owned),
            max_concurrency: header.max_concurrency,
            lanes: header.lanes,
            budget_bytes: header.budget_bytes,
            max_rows: header.max_rows,
            max_request_bytes: header.max_request_bytes,
            cpus: header.cpus,
        };
        Ok(())
    }

    fn name(&mut self, text: &str) -> Name {
        if let Some(name) = self.known.get(text) {
            return *name;
        }
        let text = if self.known.len() < MAX_NAMES { text } else { "(other)" };
        if let Some(name) = self.known.get(text) {
            return *name;
        }
        let name = Name(u32::try_from(self.profile.names.len()).unwrap_or(u32::MAX));
        self.profile.names.push(text.into());
        self.known.insert(text.into(), name);
        name
    }

    /// What has been read so far.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The profile.
    ///
    /// # Errors
    /// There was not even a header.
    pub fn finish(self) -> Result<Profile, ProfileError> {
        if self.lines == 0 { Err(ProfileError::Empty) } else { Ok(self.profile) }
    }
}

/// Whether a line that does not parse is a whole object of a kind that a later version added.
fn is_unknown_kind(error: &serde_json::Error, bytes: &[u8]) -> bool {
    error.classify() == Category::Data
        && error.to_string().starts_with("unknown variant")
        && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"{"header":{"format":"tidegate-profile","version":1,"name":"n","source":"sdk","started_unix_us":5,"lanes":8}}"#;

    fn fault(text: &str) -> String {
        Profile::read(text.as_bytes()).expect_err("bad").to_string()
    }

    #[test]
    fn what_cannot_be_read_names_its_line() {
        assert_eq!(fault(""), "the profile is empty");
        assert!(fault("{}\n").contains("no header"));
        assert!(
            fault("{\"queue\":{\"at_us\":1,\"pending_bytes\":0,\"in_flight\":0}}\n")
                .contains("no header")
        );
        assert!(fault(&HEADER.replace("\"version\":1", "\"version\":7")).contains("empty"));
        let newer = format!("{}\n", HEADER.replace("\"version\":1", "\"version\":7"));
        assert!(fault(&newer).contains("version 7"));
        let bad = fault(&format!("{HEADER}\n\n{{\"queue\":{{\"at_us\":\"x\"}}}}\n"));
        assert!(bad.starts_with("line 3: "), "{bad}");
        let long = format!("{HEADER}\n{}", "x".repeat(70_000));
        assert!(fault(&long).starts_with("line 2 is longer"));
    }

    #[test]
    fn unknown_kinds_and_members_are_skipped_and_half_lines_wait() {
        let mut reader = Reader::default();
        let text =
            format!("{HEADER}\n{{\"later\":{{\"a\":1}}}}\n{{\"queue\":{{\"at_us\":3,\"new\":1,");
        reader.read_all(&mut text.as_bytes()).expect("read");
        assert_eq!((reader.profile().queue.len(), reader.profile().header.lanes), (0, Some(8)));
        let rest = "\"pending_bytes\":7,\"in_flight\":1}}\n";
        assert_eq!(reader.read_all(&mut rest.as_bytes()).expect("read"), 1);
        assert_eq!(reader.profile().queue[0].pending_bytes, 7);
    }

    #[test]
    fn lines_that_are_read_and_written_again_are_the_same() {
        let lines = [
            r#"{"span":{"trace":3,"root":true,"kind":"eval","name":"e","start_us":1,"end_us":9,"records":3,"bytes":5}}"#,
            r#"{"span":{"trace":3,"kind":"","name":"f","start_us":2,"end_us":3,"records":2,"bytes":0}}"#,
            r#"{"wait":{"cause":"gate","start_us":4,"end_us":6}}"#,
            r#"{"request":{"number":1,"lane":0,"rows":2,"bytes":10,"sent_bytes":9,"queued_us":9,"start_us":9,"end_us":20,"status":200}}"#,
            r#"{"queue":{"at_us":3,"pending_bytes":7,"in_flight":1}}"#,
            r#"{"cpu":{"at_us":3,"user_us":1,"system_us":2}}"#,
            r#"{"end":{"at_us":21}}"#,
        ];
        let text = format!("{HEADER}\n{}\n", lines.join("\n"));
        let profile = Profile::read(text.as_bytes()).expect("a profile");
        let again = profile.lines().map(|line| serde_json::to_string(&line).expect("a line"));
        assert_eq!(again.collect::<Vec<_>>(), lines);
    }
}
