//! What the driver writes down of itself, under paused time.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use tidegate_model::profile::{self as lines, Cause, Header, Line};
use tokio::runtime::Handle;

use super::*;
use crate::pipeline::batch::ENVELOPE_BYTES;
use crate::profile::{self, ProfileFile, Profiling};

/// A profile that is being recorded.
struct Profiled {
    profiling: Profiling,
    path: PathBuf,
    _dir: TempDir,
}

/// All lines of a file, by kind.
#[derive(Debug, Default)]
struct Lines {
    header: Header<'static>,
    spans: Vec<lines::Span<'static>>,
    waits: Vec<lines::Wait>,
    requests: Vec<lines::Request>,
    queue: Vec<lines::Queue>,
    cpu: Vec<lines::Cpu>,
    end: Option<lines::End>,
}

fn read(path: &PathBuf) -> Lines {
    let text: &'static str = fs::read_to_string(path).expect("a file").leak();
    let mut all = Lines::default();
    for line in text.lines() {
        assert!(all.end.is_none(), "the end is the last line");
        match serde_json::from_str(line).expect("a line") {
            Line::Header(header) => all.header = header,
            Line::Span(span) => all.spans.push(span),
            Line::Wait(wait) => all.waits.push(wait),
            Line::Request(request) => all.requests.push(request),
            Line::Queue(queue) => all.queue.push(queue),
            Line::Cpu(cpu) => all.cpu.push(cpu),
            Line::End(end) => all.end = Some(end),
            other => panic!("{other:?}"),
        }
    }
    all
}

impl World {
    fn profiled(&self) -> Profiled {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("profile.jsonl");
        let file = ProfileFile::open(&path).expect("a file");
        let header = Header { name: "n".into(), ..Header::default() };
        profile::begin(file, header, &self.shared, false).expect("begun");
        self.shared.inbox.bell.call();
        let profiling = Profiling::new(Arc::clone(&self.shared), Handle::current());
        Profiled { profiling, path, _dir: dir }
    }
}

impl Profiled {
    async fn finish(self) -> Lines {
        self.profiling.finish().await.expect("written");
        read(&self.path)
    }
}

const SECOND_US: u64 = 1_000_000;

#[tokio::test(start_paused = true)]
async fn spans_and_requests_are_lines_on_one_clock() {
    let world = world(SECOND, acknowledge, 1 << 20);
    // Not in the profile: it began before.
    let early = world.span();
    tokio::time::sleep(2 * SECOND).await;
    let profiled = world.profiled();
    early.end();
    for _ in 0..2 {
        let root = world.span();
        let task = root.child(SpanOptions::new("task").span_type("task"));
        tokio::time::sleep(SECOND / 10).await;
        task.log(Event::new().output(&1));
        task.end();
        root.end();
    }
    assert_eq!(world.flush(60 * SECOND).await.rows, 5);
    profiled.profiling.produced();
    let all = profiled.finish().await;

    assert_eq!((&*all.header.name, all.spans.len()), ("n", 4));
    for (number, trace) in all.spans.chunks(2).enumerate() {
        let [root, task] = trace else { panic!("{all:?}") };
        assert_eq!((root.trace, task.trace), (number as u64 + 1, number as u64 + 1));
        assert_eq!((root.root, &*root.kind, &*root.name, root.records), (true, "", "s", 2));
        assert_eq!((task.root, &*task.kind, &*task.name, task.records), (false, "task", "task", 3));
        let start = number as u64 * SECOND_US / 10;
        assert_eq!((task.start_us, task.end_us), (start, start + SECOND_US / 10));
    }
    let requests = world.shared.requests.all();
    let requests: Vec<_> = requests.iter().skip(1).map(|request| request.number).collect();
    assert_eq!(all.requests.iter().map(|line| line.number).collect::<Vec<_>>(), requests);
    assert!(all.requests.iter().all(|request| request.end_us - request.start_us == SECOND_US));
    // The row of the early span has gone twice, and its second half is here without a line.
    let sent: u64 = all.requests.iter().map(|request| request.bytes).sum();
    let rows: u64 = all.spans.iter().map(|span| span.bytes).sum();
    let around = all.requests.len() as u64 * (ENVELOPE_BYTES - 1);
    assert!(sent > rows + around && sent < rows + around + 400, "{rows} {around} {sent}");

    let end = all.end.expect("an end");
    assert_eq!((end.left_out, end.lost), (0, 0));
    assert!(end.produced_us.is_some_and(|produced| produced <= end.at_us), "{end:?}");
    assert_eq!(all.queue.last().map(|queue| (queue.pending_bytes, queue.in_flight)), Some((0, 0)));
    assert!(all.queue.iter().any(|queue| queue.in_flight > 0 && queue.pending_bytes > 0));
    if cfg!(target_os = "linux") {
        assert!(all.cpu.len() > 10, "one each 100 ms: {}", all.cpu.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_span_that_is_sent_in_pieces_has_one_line_with_the_bytes_of_all() {
    let world = world(SECOND / 10, acknowledge, 1 << 20);
    let profiled = world.profiled();
    let span = world.span();
    tokio::time::sleep(SECOND).await;
    assert_eq!(world.transport.requests.load(Ordering::Relaxed), 1, "sent while it is open");
    span.log(Event::new().output("x"));
    tokio::time::sleep(SECOND).await;
    span.end();
    world.flush(60 * SECOND).await;
    let all = profiled.finish().await;
    let [span] = &all.spans[..] else { panic!("{all:?}") };
    assert_eq!((span.records, span.start_us, span.end_us), (3, 0, 2 * SECOND_US));
    assert_eq!(all.requests.len(), 3);
    let sent: u64 = all.requests.iter().map(|request| request.bytes).sum();
    // A lease is never raised to what was written, which is a few bytes more at times.
    let written = sent - 3 * (ENVELOPE_BYTES - 1);
    assert!((written - 3 * 8..=written).contains(&span.bytes), "{} of {written}", span.bytes);
}

#[tokio::test(start_paused = true)]
async fn who_waits_at_the_gate_is_noted_with_its_trace() {
    let world = world(SECOND, acknowledge, 50_000);
    let profiled = world.profiled();
    let other = world.span();
    let case = world.span();
    let text = "x".repeat(2_000);
    let started = clock::now();
    for number in 0..200 {
        case.log_async(Event::new().field(format!("field-{number}"), &text)).await;
    }
    let took = clock::now() - started;
    case.end();
    other.end();
    world.flush(60 * SECOND).await;
    let all = profiled.finish().await;
    let spans: Vec<_> = all.spans.iter().filter(|span| span.records > 2).collect();
    let [span] = spans[..] else { panic!("{:?}", all.spans) };
    assert!(all.waits.len() > 3, "{:?}", all.waits);
    assert!(
        all.waits.iter().all(|wait| (wait.cause, wait.trace) == (Cause::Gate, Some(span.trace)))
    );
    let waited: u64 = all.waits.iter().map(|wait| wait.end_us - wait.start_us).sum();
    let took = u64::try_from(took.as_micros()).expect("short");
    assert!(waited <= took && waited > took / 2, "waited {waited} of {took} µs");
}

#[tokio::test(start_paused = true)]
async fn a_second_profile_is_refused_until_the_first_has_ended() {
    let world = world(SECOND, acknowledge, 1 << 20);
    let first = world.profiled();
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("second.jsonl");
    let begin = || {
        let file = ProfileFile::open(&path).expect("a file");
        profile::begin(file, Header::default(), &world.shared, false)
    };
    assert_eq!(begin().expect_err("one at a time").kind(), io::ErrorKind::ResourceBusy);
    // Dropped, it ends too.
    let Profiled { profiling, path: first, _dir } = first;
    drop(profiling);
    tokio::time::sleep(SECOND).await;
    begin().expect("the first has ended");
    assert_eq!(read(&first).header.name, "n");
}

/// As an aborted run leaves them.
#[tokio::test(start_paused = true)]
async fn a_shutdown_writes_the_end_and_what_it_gave_up() {
    let world = world(1000 * SECOND, acknowledge, 1 << 20);
    let profiled = world.profiled();
    let open = world.span();
    world.span().end();
    tokio::time::sleep(SECOND).await;
    world.stop(SECOND);
    let World { driver, .. } = world;
    driver.await.expect("no panic");
    let all = read(&profiled.path);
    assert_eq!(all.spans.len(), 1, "{all:?}");
    let [request, ..] = &all.requests[..] else { panic!("{all:?}") };
    let end = all.end.expect("an end");
    assert_eq!((request.status, request.end_us), (None, end.at_us));
    assert!(end.lost >= 2, "{end:?}");
    profiled.profiling.finish().await.expect("there is nothing more to write");
    drop(open);
}

/// A program that never ends its spans must not fill the memory.
#[tokio::test(start_paused = true)]
async fn spans_beyond_the_bound_are_left_out_and_counted() {
    let world = world(SECOND, acknowledge, 1 << 30);
    let profiled = world.profiled();
    let open: Vec<Span> = (0..65_536 + 10).map(|_| world.span()).collect();
    world.flush(600 * SECOND).await;
    open.iter().for_each(Span::end);
    world.span().end();
    world.flush(600 * SECOND).await;
    // Once others have ended there is room again.
    world.span().end();
    world.flush(600 * SECOND).await;
    let all = profiled.finish().await;
    let left_out = all.end.expect("an end").left_out;
    assert!((10..=11).contains(&left_out), "{left_out}");
    assert_eq!(all.spans.len() as u64, 65_536 + 12 - left_out);
}
