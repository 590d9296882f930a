//! The profile of a run: what happened when, on one monotonic clock.
//!
//! A profile is a file of JSON lines. Each line is an object with one member, which names the
//! [`Line`]; the first is the header. Lines are appended as things end, so that a file whose
//! writer was killed, or is still writing, is a profile up to its last whole line. All times
//! are microseconds since the header's zero; wall time appears in the header only, as a label.
//!
//! ```
//! use tidegate_model::profile::{Line, Queue};
//! let line = Line::Queue(Queue { at_us: 1_500, pending_bytes: 4_096, in_flight: 2 });
//! let text = serde_json::to_string(&line)?;
//! assert_eq!(text, r#"{"queue":{"at_us":1500,"pending_bytes":4096,"in_flight":2}}"#);
//! assert_eq!(serde_json::from_str::<Line>(&text)?, line);
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The `format` of every header.
pub const FORMAT: &str = "tidegate-profile";
/// The version that this crate writes; readers take it and all before.
pub const VERSION: u32 = 1;

/// One line of a profile. Readers skip members that they do not know, and lines whose only
/// member they do not know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Line<'a> {
    /// First line.
    #[serde(borrow)]
    Header(Header<'a>),
    /// A span that has ended, and so a row.
    Span(Span<'a>),
    /// Somebody waited for the recording.
    Wait(Wait),
    /// An upload request that has ended.
    Request(Request),
    /// What is pending at a moment.
    Queue(Queue),
    /// What the process has used at a moment.
    Cpu(Cpu),
    /// Last line of a profile that was closed in order.
    End(End),
}

/// Who wrote a profile.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The SDK, of its own process.
    #[default]
    Sdk,
    /// `tidegate bench upload`, of an emulated logger.
    Emulation,
    /// A collector, of what reached it: requests only, as seen from the server.
    Server,
}

/// What a profile is about. Members that are not known are absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Header<'a> {
    /// [`FORMAT`].
    #[serde(borrow)]
    pub format: Cow<'a, str>,
    /// [`VERSION`].
    pub version: u32,
    /// The run: name of the experiment, or what the user called it.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// Who wrote it.
    pub source: Source,
    /// Wall time of the zero, in microseconds since the unix epoch; a label.
    pub started_unix_us: u64,
    /// How rows are sent, such as `adaptive` or `serial-chunks`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Cow<'a, str>>,
    /// Most cases at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<u32>,
    /// Most requests at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lanes: Option<u32>,
    /// Bytes that may be pending before producers wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_bytes: Option<u64>,
    /// Most rows of a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u32>,
    /// Most bytes of a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_request_bytes: Option<u64>,
    /// Processors that the process may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<u32>,
}

/// A span that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span<'a> {
    /// Counts traces from 1; spans of one trial of a case share it.
    pub trace: u64,
    /// Whether it has no parent: the root of a trial lasts from its start to the end of its
    /// last scorer.
    #[serde(default, skip_serializing_if = "is_false")]
    pub root: bool,
    /// Type of the span: `eval`, `task`, `score`, `llm`, `tool`, `function`; empty if it has none.
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    /// Name of the span.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// When it started.
    pub start_us: u64,
    /// When it ended.
    pub end_us: u64,
    /// Records that it made: start, logs, end.
    pub records: u32,
    /// Bytes of its row, as they were leased, all parts of it together; 0 if it was not recorded.
    pub bytes: u64,
}

/// For what somebody waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// For room in the byte budget.
    Gate,
    /// For a flush.
    Flush,
}

/// A producer waited for the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// For what.
    pub cause: Cause,
    /// The trace in which it waited, if it was in one. A wait before a case belongs to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<u64>,
    /// From when.
    pub start_us: u64,
    /// Until when.
    pub end_us: u64,
}

/// One upload request; a retry is a request of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Counts requests from 1.
    pub number: u64,
    /// Which of the parallel lanes carried it, from 0. Requests of one lane never overlap.
    pub lane: u32,
    /// 0 for the first try of a batch.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempt: u32,
    /// Rows in the body; 0 if it could not be read, or if it is a step by which a row beyond the
    /// limit is announced or uploaded.
    pub rows: u32,
    /// Length of the body before compression.
    pub bytes: u64,
    /// Length of the body as it was sent.
    pub sent_bytes: u64,
    /// When its oldest row began to wait.
    pub queued_us: u64,
    /// When it was handed to a connection; for a server, when its head had arrived.
    pub start_us: u64,
    /// When the first byte of the answer was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_us: Option<u64>,
    /// When the answer was complete, or the request had failed.
    pub end_us: u64,
    /// HTTP status, if there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// What is pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// When.
    pub at_us: u64,
    /// Bytes accepted and not settled.
    pub pending_bytes: u64,
    /// Requests under way.
    pub in_flight: u32,
}

/// Processor time of the whole process since the header's zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cpu {
    /// When.
    pub at_us: u64,
    /// In user mode.
    pub user_us: u64,
    /// In the kernel.
    pub system_us: u64,
}

/// How a profile ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// When it was closed; in an evaluation right after the last row was settled.
    pub at_us: u64,
    /// When the last case had ended, in an evaluation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub produced_us: Option<u64>,
    /// Lines that were left out: the profile had reached its limit, the disk did not keep up, or
    /// too much was open at once.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub left_out: u64,
    /// Records that were lost.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub lost: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_nothing(value: &u64) -> bool {
    *value == 0
}
