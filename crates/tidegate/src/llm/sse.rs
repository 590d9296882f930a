//! Server-sent events out of chunks of bytes.

use std::mem;

/// Splits a stream into the data of its events. What an event holds beyond the limit is dropped.
#[derive(Debug)]
pub(super) struct Events {
    max_bytes: usize,
    line: Vec<u8>,
    data: Vec<u8>,
    /// Whether something of the present event was dropped.
    is_cut: bool,
    /// Whether the last byte was a carriage return, which a line feed may follow.
    after_return: bool,
    has_data: bool,
}

/// An event's data.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Data {
    Whole(Vec<u8>),
    /// There was more than the limit allows.
    TooLong,
}

impl Events {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            line: Vec::new(),
            data: Vec::new(),
            is_cut: false,
            after_return: false,
            has_data: false,
        }
    }

    /// Takes in a chunk, and gives what it completes to `each`.
    pub(super) fn push(&mut self, chunk: &[u8], mut each: impl FnMut(Data)) {
        let mut rest = chunk;
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (line, after) = rest.split_at(end);
            // The second half of a line's end, not an empty line.
            let is_half = self.after_return && line.is_empty() && after[0] == b'\n';
            self.after_return = after[0] == b'\r';
            rest = &after[1..];
            if !is_half {
                self.extend(line);
                self.line_ends(&mut each);
            }
        }
        if !rest.is_empty() {
            self.after_return = false;
            self.extend(rest);
        }
    }

    /// The stream is over; an event that no empty line ended is one all the same, since some servers
    /// leave the last one out.
    pub(super) fn finish(&mut self, mut each: impl FnMut(Data)) {
        self.line_ends(&mut each);
        self.line_ends(&mut each);
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = self.max_bytes.saturating_sub(self.line.len());
        self.is_cut |= bytes.len() > room;
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn line_ends(&mut self, each: &mut impl FnMut(Data)) {
        let line = mem::take(&mut self.line);
        if let Some(value) = line.strip_prefix(b"data:") {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            if self.has_data {
                self.data.push(b'\n');
            }
            self.has_data = true;
            if self.data.len() + value.len() > self.max_bytes {
                self.is_cut = true;
            } else {
                self.data.extend_from_slice(value);
            }
        } else if line.is_empty() {
            let data = mem::take(&mut self.data);
            let (has_data, is_cut) = (mem::take(&mut self.has_data), mem::take(&mut self.is_cut));
            match (is_cut, has_data) {
                (true, _) => each(Data::TooLong),
                (false, true) => each(Data::Whole(data)),
                (false, false) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(chunks: &[&[u8]], max_bytes: usize) -> Vec<Data> {
        let (mut events, mut found) = (Events::new(max_bytes), Vec::new());
        chunks.iter().for_each(|chunk| events.push(chunk, |data| found.push(data)));
        events.finish(|data| found.push(data));
        found
    }

    fn whole(texts: &[&str]) -> Vec<Data> {
        texts.iter().map(|text| Data::Whole((*text).into())).collect()
    }

    const STREAM: &str =
        ": hi\n\nevent: x\r\ndata: {\"a\":1}\r\n\r\ndata:one\rdata: two\r\rid: 3\n\ndata: last";

    #[test]
    fn events_are_found_whatever_ends_the_lines() {
        assert_eq!(all(&[STREAM.as_bytes()], 100), whole(&["{\"a\":1}", "one\ntwo", "last"]));
        assert!(all(&[], 100).is_empty());
    }

    #[test]
    fn what_is_too_long_is_said_and_the_next_event_is_whole() {
        let long = format!("data: {}\n\ndata: ok\n\n", "x".repeat(100));
        assert_eq!(all(&[long.as_bytes()], 20), [Data::TooLong, Data::Whole("ok".into())]);
        let lines = format!("{}\ndata: ok\n\n", "data: 123456789\n".repeat(9));
        assert_eq!(all(&[lines.as_bytes()], 20), [Data::TooLong, Data::Whole("ok".into())]);
    }

    proptest! {
        #[test]
        fn chunks_may_end_anywhere(cuts in prop::collection::vec(0..STREAM.len(), 0..9)) {
            let (mut cuts, mut chunks, mut from) = (cuts, Vec::new(), 0);
            cuts.sort_unstable();
            for cut in cuts {
                chunks.push(&STREAM.as_bytes()[from..cut]);
                from = cut;
            }
            chunks.push(&STREAM.as_bytes()[from..]);
            prop_assert_eq!(all(&chunks, 100), whole(&["{\"a\":1}", "one\ntwo", "last"]));
        }

        #[test]
        fn any_bytes_do_no_harm(bytes: Vec<u8>, max in 0_usize..40) {
            for data in all(&[&bytes], max) {
                if let Data::Whole(data) = data {
                    prop_assert!(data.len() <= 2 * max + 1);
                }
            }
        }
    }
}
