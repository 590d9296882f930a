//! Profiles made by hand or at random, through the lines of the format.

use proptest::collection::vec;
use proptest::prelude::*;
use tidegate_analysis::profile::Profile;
use tidegate_model::profile::{
    Cause, Cpu, End, FORMAT, Header, Line, Request, Source, Span, VERSION, Wait,
};

pub(crate) const MS: u64 = 1_000;

/// Lines of a profile to come.
#[derive(Debug, Clone)]
pub(crate) struct Build {
    pub(crate) header: Header<'static>,
    pub(crate) lines: Vec<Line<'static>>,
}

impl Build {
    pub(crate) fn new(source: Source) -> Self {
        let header = Header {
            format: FORMAT.into(),
            version: VERSION,
            name: "made".into(),
            source,
            ..Header::default()
        };
        Self { header, lines: Vec::new() }
    }

    pub(crate) fn sdk() -> Self {
        Self::new(Source::Sdk)
    }

    pub(crate) fn root(&mut self, trace: u64, start_us: u64, end_us: u64) {
        self.line(span(trace, true, "eval", start_us, end_us));
    }

    pub(crate) fn span(&mut self, trace: u64, kind: &'static str, start_us: u64, end_us: u64) {
        self.line(span(trace, false, kind, start_us, end_us));
    }

    pub(crate) fn wait(&mut self, cause: Cause, trace: Option<u64>, start_us: u64, end_us: u64) {
        self.line(Line::Wait(Wait { cause, trace, start_us, end_us }));
    }

    /// A request whose rows have waited since `queued_us`, of 500 bytes each, answered with 200.
    pub(crate) fn request(&mut self, rows: u32, queued_us: u64, start_us: u64, end_us: u64) {
        self.answer(rows, queued_us, start_us, end_us, Some(200));
    }

    pub(crate) fn answer(
        &mut self,
        rows: u32,
        queued_us: u64,
        start_us: u64,
        end_us: u64,
        status: Option<u16>,
    ) {
        let number = self.lines.iter().filter(|line| matches!(line, Line::Request(_))).count();
        let number = number as u64 + 1;
        let mut request = request(number, 0, rows, start_us, end_us);
        request.queued_us = queued_us;
        request.status = status;
        self.line(Line::Request(request));
    }

    pub(crate) fn cpu(&mut self, at_us: u64, user_us: u64) {
        self.line(Line::Cpu(Cpu { at_us, user_us, system_us: 0 }));
    }

    pub(crate) fn end(&mut self, at_us: u64, produced_us: Option<u64>) {
        self.line(Line::End(End { at_us, produced_us, left_out: 0, lost: 0 }));
    }

    pub(crate) fn line(&mut self, line: Line<'static>) {
        self.lines.push(line);
    }

    pub(crate) fn profile(&self) -> Profile {
        let lines = [Line::Header(self.header.clone())].into_iter().chain(self.lines.clone());
        let file: String = lines.map(|line| format!("{}\n", json(&line))).collect();
        Profile::read(file.as_bytes()).expect("a profile")
    }
}

fn json(line: &Line<'_>) -> String {
    serde_json::to_string(line).expect("a line")
}

pub(crate) fn span(
    trace: u64,
    root: bool,
    kind: &'static str,
    start_us: u64,
    end_us: u64,
) -> Line<'static> {
    let (kind, name) = (kind.into(), kind.into());
    Line::Span(Span { trace, root, kind, name, start_us, end_us, records: 2, bytes: 500 })
}

pub(crate) fn request(number: u64, lane: u32, rows: u32, start_us: u64, end_us: u64) -> Request {
    let bytes = u64::from(rows) * 500;
    Request {
        number,
        lane,
        attempt: 0,
        rows,
        bytes,
        sent_bytes: bytes,
        queued_us: start_us,
        start_us,
        first_byte_us: None,
        end_us,
        status: Some(200),
    }
}

const KINDS: [&str; 7] = ["eval", "task", "score", "llm", "tool", "function", ""];

/// Anything that can be in a profile, in times so short that it overlaps and touches in all
/// ways. Roots need not contain their children, nor be there.
pub(crate) fn anything() -> impl Strategy<Value = Build> {
    let times = || (0_u64..60, 0_u64..25).prop_map(|(start, length)| (start, start + length));
    let span = (1_u64..6, 0_usize..7, 0_u8..3, times())
        .prop_map(|(trace, kind, root, (from, to))| span(trace, root == 0, KINDS[kind], from, to));
    let cause = prop_oneof![Just(Cause::Gate), Just(Cause::Flush)];
    let wait = (cause, proptest::option::of(1_u64..8), times()).prop_map(
        |(cause, trace, (start_us, end_us))| Line::Wait(Wait { cause, trace, start_us, end_us }),
    );
    let status = proptest::option::of(prop_oneof![Just(200_u16), Just(429), Just(503)]);
    let requests = (0_u32..3, 0_u32..2, 0_u32..30, status, 0_u64..60, times());
    let requests = requests.prop_map(|(lane, attempt, rows, status, queued_us, (from, to))| {
        let more = Request { attempt, status, queued_us, ..request(7, lane, rows, from, to) };
        Line::Request(more)
    });
    let end = proptest::option::of((0_u64..120, proptest::option::of(0_u64..120)));
    let source = prop_oneof![
        Just(Source::Sdk),
        Just(Source::Sdk),
        Just(Source::Emulation),
        Just(Source::Server)
    ];
    (source, vec(span, 0..12), vec(wait, 0..5), vec(requests, 0..8), end).prop_map(
        |(source, spans, waits, requests, end)| {
            let mut build = Build::new(source);
            build.lines.extend(spans.into_iter().chain(waits).chain(requests));
            if let Some((at_us, produced_us)) = end {
                build.end(at_us, produced_us);
            }
            build
        },
    )
}
