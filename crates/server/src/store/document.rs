//! A row ready to be stored: its text, packed if that pays, and what is indexed of it.
//!
//! Made where requests are decoded, so that the one thread that writes only binds values.

use std::borrow::Cow;
use std::cell::RefCell;

use jiff::Timestamp;
use serde_json::Value;
use tidegate_model::row::is_root;
use tidegate_model::{Row, TraceId};
use zstd::bulk::{Compressor, Decompressor};

use super::SERVER_MEMBERS;
use crate::clock;

/// The most bytes of text a stored row may have, so that merging cannot grow one without end and
/// unpacking has a limit.
pub(crate) const ROW_LIMIT_BYTES: usize = 64 << 20;

/// Longer texts are packed; below, the frame and the call cost more than the bytes saved.
const PLAIN_BYTES: usize = 1_024;

/// The fastest of zstd's usual levels: 250 MB/s a core, about 2.5 times smaller.
const LEVEL: i32 = 1;

/// A buffer that grew beyond is given back after use.
const SCRATCH_BYTES: usize = 1 << 20;

/// A longer trace id is kept in its row and not indexed: an index of long texts is of no use.
const TRACE_BYTES: usize = 512;

/// A row ready to be stored.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) body: Body,
    pub(crate) created_us: i64,
    pub(crate) is_root: bool,
    pub(crate) trace: Trace,
}

/// A JSON object without control members and [`SERVER_MEMBERS`], with `created`. It starts with
/// `{` and has at least one member.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// As it is.
    Text(String),
    /// A zstd frame that says how long its content is.
    Packed {
        /// The frame.
        frame: Vec<u8>,
        /// Bytes of the text in it.
        length: usize,
    },
}

/// The trace a row belongs to, as it is indexed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trace {
    None,
    /// 32 hex digits, as bytes.
    Id([u8; 16]),
    Text(String),
}

impl Document {
    /// Prepares a row without control members. `created` is added if missing, as readers need it.
    pub(crate) fn of(mut row: Row) -> Self {
        for member in SERVER_MEMBERS {
            row.shift_remove(member);
        }
        if row.get("created").is_none_or(Value::is_null) {
            row.insert("created".into(), clock::now_text().into());
        }
        let created = row.get("created").and_then(Value::as_str);
        // A comment is a row about another row; counting it as a case would be wrong.
        let comment = row.contains_key("comment") && !row.contains_key("span_id");
        let trace = row.get("root_span_id").and_then(Value::as_str);
        Self {
            created_us: created_us(created),
            is_root: is_root(&row) && !comment,
            trace: trace.map_or(Trace::None, Trace::of),
            body: Body::of(Value::Object(row).to_string().into()),
        }
    }
}

/// Reads the time of a row in microseconds; now, if there is none to be read.
pub(crate) fn created_us(text: Option<&str>) -> i64 {
    let created = text.and_then(|text| text.parse::<Timestamp>().ok());
    created.unwrap_or_else(clock::now).as_microsecond()
}

impl Trace {
    /// Reads a row's `root_span_id`.
    pub(crate) fn of(text: &str) -> Self {
        match text.parse::<TraceId>() {
            Ok(id) => Self::Id(id.bits().to_be_bytes()),
            Err(_) if text.len() <= TRACE_BYTES => Self::Text(text.to_owned()),
            Err(_) => Self::None,
        }
    }
}

thread_local! {
    /// Both keep tables that are dear to make, and none that outlive a blocking thread. The
    /// second is where a frame is made before its size is known.
    static COMPRESSOR: RefCell<(Option<Compressor<'static>>, Vec<u8>)> = RefCell::default();
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = RefCell::default();
}

impl Body {
    /// Takes the text of a row, and packs it if it is long and gets shorter.
    pub(crate) fn of(text: Cow<'_, str>) -> Self {
        let frame = if text.len() > PLAIN_BYTES { compress(text.as_bytes()) } else { None };
        match frame {
            Some(frame) => Self::Packed { frame, length: text.len() },
            None => Self::Text(text.into_owned()),
        }
    }

    /// Returns the bytes of the text, which is what a reader gets.
    pub(crate) fn length(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Packed { length, .. } => *length,
        }
    }
}

/// `None` if that saves too little to be worth unpacking at every read.
fn compress(text: &[u8]) -> Option<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|(compressor, scratch)| {
        if compressor.is_none() {
            *compressor = Compressor::new(LEVEL).ok();
        }
        scratch.clear();
        scratch.reserve(zstd::zstd_safe::compress_bound(text.len()));
        // Without memory for it the text is stored as it is.
        let length = compressor.as_mut()?.compress_to_buffer(text, scratch).ok()?;
        let worth_it = length < text.len() - text.len() / 8;
        let frame = worth_it.then(|| scratch[..length].to_vec());
        if scratch.capacity() > SCRATCH_BYTES {
            *scratch = Vec::new();
        }
        frame
    })
}

/// Unpacks the frame of [`Body::Packed`]; `None` if it is damaged or holds more than
/// [`ROW_LIMIT_BYTES`].
pub(crate) fn unpack(frame: &[u8]) -> Option<String> {
    let length = zstd::zstd_safe::get_frame_content_size(frame).ok()??;
    let length = usize::try_from(length).ok().filter(|length| *length <= ROW_LIMIT_BYTES)?;
    DECOMPRESSOR.with_borrow_mut(|decompressor| {
        if decompressor.is_none() {
            *decompressor = Decompressor::new().ok();
        }
        let text = decompressor.as_mut()?.decompress(frame, length).ok()?;
        String::from_utf8(text).ok().filter(|text| text.len() == length)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document(value: Value) -> Document {
        let Value::Object(row) = value else { panic!("not an object: {value}") };
        Document::of(row)
    }

    fn text(body: &Body) -> String {
        match body {
            Body::Text(text) => text.clone(),
            Body::Packed { frame, .. } => unpack(frame).expect("a good frame"),
        }
    }

    #[test]
    fn documents_have_created_and_no_server_members() {
        let made = document(json!({"id": "a", "_xact_id": "1", "is_root": false}));
        let stored: Value = serde_json::from_str(&text(&made.body)).expect("JSON");
        assert!(stored["created"].is_string());
        assert_eq!(stored.as_object().map(serde_json::Map::len), Some(2));
        let kept = document(json!({"id": "a", "created": "2026-11-24T12:00:00.5+00:00"}));
        assert_eq!(kept.created_us, 1_795_521_600_500_000);
        assert!(text(&kept.body).contains("2026-11-24T12:00:00.5+00:00"));
    }

    #[test]
    fn comments_are_no_roots() {
        assert!(!document(json!({"id": "a", "comment": {"text": "hm"}})).is_root);
        assert!(document(json!({"id": "a", "input": 1})).is_root);
    }

    #[test]
    fn long_texts_are_packed_if_they_shrink() {
        let plain = "ä".repeat(PLAIN_BYTES / 2);
        assert!(matches!(Body::of(plain.as_str().into()), Body::Text(text) if text == plain));
        // From just above the limit to beyond what the scratch buffer keeps.
        for count in [PLAIN_BYTES / 2 + 1, 5_000, SCRATCH_BYTES] {
            let long = "ü".repeat(count);
            let body = Body::of(long.as_str().into());
            assert!(matches!(&body, Body::Packed { frame, .. } if frame.len() < 1_000));
            assert_eq!((body.length(), text(&body)), (long.len(), long));
        }
        let mut state = 1_u64;
        let noise: String = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from((state >> 57) as u8)
        })
        .take(2_000)
        .collect();
        assert!(matches!(Body::of(noise.into()), Body::Text(_)));
    }

    #[test]
    fn damaged_frames_and_bombs_are_refused() {
        let Body::Packed { frame, .. } = Body::of("x".repeat(9_000).into()) else {
            panic!("packed")
        };
        for cut in 0..frame.len() {
            assert_eq!(unpack(&frame[..cut]), None, "{cut}");
        }
        let bomb = zstd::bulk::compress(&vec![b'x'; ROW_LIMIT_BYTES + 1], 1).expect("packed");
        assert!(bomb.len() < 10_000);
        assert_eq!(unpack(&bomb), None);
        let binary = zstd::bulk::compress(b"\xff\xfe", 1).expect("packed");
        assert_eq!(unpack(&binary), None);
    }

    #[test]
    fn traces_are_packed_where_they_can_be() {
        let trace = "000000000000000000000000000000ab";
        assert_eq!(Trace::of(trace), Trace::Id(0xab_u128.to_be_bytes()));
        assert_eq!(Trace::of("t"), Trace::Text("t".into()));
        assert_eq!(Trace::of(&"t".repeat(TRACE_BYTES + 1)), Trace::None);
    }
}
