use std::fs;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tempfile::TempDir;
use tidegate_model::profile::{Queue, Source, Span};

use super::*;

const DEADLINE: Duration = Duration::from_secs(30);

fn header() -> Header<'static> {
    Header { name: "n".into(), source: Source::Emulation, ..Header::default() }
}

fn queue(at_us: u64) -> Line<'static> {
    Line::Queue(Queue { at_us, pending_bytes: 1, in_flight: 0 })
}

fn end(at_us: u64) -> End {
    End { at_us, produced_us: None, left_out: 0, lost: 2 }
}

fn lines(text: &str) -> Vec<Line<'_>> {
    assert!(text.ends_with('\n'), "no half lines");
    text.lines().map(|line| serde_json::from_str(line).expect("a line")).collect()
}

fn temporary() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("profile.jsonl");
    (dir, path)
}

/// A disk that can be made to wait and to refuse.
struct Slow {
    begun: SyncSender<Vec<u8>>,
    go: Receiver<io::Result<()>>,
    cut: SyncSender<u64>,
}

impl Sink for Slow {
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.begun.send(lines.to_vec()).expect("the test listens");
        self.go.recv().unwrap_or(Ok(()))
    }

    fn cut(&mut self, length: u64) {
        self.cut.send(length).expect("the test listens");
    }

    fn name(&self) -> String {
        "slow".to_owned()
    }
}

struct Test {
    profile: ProfileWriter,
    begun: Receiver<Vec<u8>>,
    go: SyncSender<io::Result<()>>,
    cut: Receiver<u64>,
}

fn slow(max_bytes: u64) -> Test {
    let ((begun, begins), (go, goes), (cut, cuts)) =
        (sync_channel(64), sync_channel(64), sync_channel(1));
    let state = State {
        waiting: Vec::new(),
        used_bytes: 0,
        max_bytes,
        full: false,
        left_out: 0,
        closed: false,
        failure: None,
        ended: false,
    };
    let profile = ProfileWriter::start(Slow { begun, go: goes, cut }, state).expect("a thread");
    Test { profile, begun: begins, go, cut: cuts }
}

#[test]
fn the_header_is_there_at_once_and_a_new_profile_replaces_the_old_one() {
    let (_dir, path) = temporary();
    fs::write(&path, "something longer than a header is left from before\n".repeat(50)).unwrap();
    let profile = ProfileWriter::create(&path, &header()).expect("a profile");
    let text = fs::read_to_string(&path).unwrap();
    let [Line::Header(read)] = &lines(&text)[..] else { panic!("{text}") };
    assert_eq!((&*read.format, read.version, &*read.name), (FORMAT, VERSION, "n"));
    profile.write(&queue(7));
    profile.finish(end(9)).expect("written");
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(lines(&text)[1..], [queue(7), Line::End(end(9))]);
}

#[test]
fn without_an_end_the_lines_so_far_are_kept_whole() {
    let (_dir, path) = temporary();
    let profile = ProfileWriter::create(&path, &header()).expect("a profile");
    (0..1_000).for_each(|at| profile.write(&queue(at)));
    drop(profile);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(lines(&text).len(), 1_001);
}

#[test]
fn lines_are_written_together_and_without_another_to_push_them() {
    let test = slow(u64::MAX);
    test.profile.write(&queue(1));
    test.profile.write(&queue(2));
    let chunk = test.begun.recv_timeout(DEADLINE).expect("written by itself");
    assert_eq!(lines(std::str::from_utf8(&chunk).unwrap()), [queue(1), queue(2)]);
    test.go.send(Ok(())).unwrap();
}

#[test]
fn beyond_the_limit_lines_are_left_out_and_counted_and_the_end_still_fits() {
    let (_dir, path) = temporary();
    let limit = 2_000;
    let profile = ProfileWriter::create(&path, &header()).expect("a profile").max_bytes(limit);
    (0..100).for_each(|at| profile.write(&queue(at)));
    profile.finish(end(100)).expect("written");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.len() as u64 <= limit, "{}", text.len());
    let lines = lines(&text);
    let kept = lines.len() as u64 - 2;
    assert!(kept > 10, "{kept}");
    // No holes: what is there is how it began.
    assert!((0..kept).all(|at| lines[at as usize + 1] == queue(at)));
    let Some(Line::End(last)) = lines.last() else { panic!("no end") };
    assert_eq!((last.left_out, last.lost), (100 - kept, 2));
}

#[test]
fn a_disk_that_hangs_holds_nobody_up_and_takes_no_more_memory() {
    let test = slow(u64::MAX);
    let name = "x".repeat(1_000);
    let span = |trace| {
        Line::Span(Span {
            trace,
            root: false,
            kind: "".into(),
            name: (&*name).into(),
            start_us: 0,
            end_us: 1,
            records: 3,
            bytes: 1,
        })
    };
    test.profile.write(&span(0));
    // The disk has taken the first line and answers no more.
    let mut written = test.begun.recv_timeout(DEADLINE).expect("begun");
    let sent = 10_000;
    (1..=sent).for_each(|trace| test.profile.write(&span(trace)));
    assert!(test.profile.shared.lock().waiting.capacity() <= 2 * MAX_WAITING_BYTES);
    for _ in 0..3 {
        test.go.send(Ok(())).unwrap();
    }
    test.profile.finish(end(1)).expect("written");
    written.extend(test.begun.try_iter().flatten());
    let lines = lines(std::str::from_utf8(&written).unwrap());
    let Some(Line::End(last)) = lines.last() else { panic!("no end") };
    assert!(last.left_out > 1_000, "{last:?}");
    assert_eq!(lines.len() as u64 - 2 + last.left_out, sent);
}

#[test]
fn a_disk_that_refuses_ends_the_profile_at_a_whole_line() {
    let test = slow(u64::MAX);
    test.profile.write(&queue(1));
    let whole = test.begun.recv_timeout(DEADLINE).expect("begun").len() as u64;
    test.go.send(Ok(())).unwrap();
    test.profile.write(&queue(2));
    test.begun.recv_timeout(DEADLINE).expect("begun");
    test.go.send(Err(io::ErrorKind::StorageFull.into())).unwrap();
    assert_eq!(test.cut.recv_timeout(DEADLINE), Ok(whole));
    test.profile.write(&queue(3));
    let error = test.profile.finish(end(4)).expect_err("no profile");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(test.begun.try_iter().count(), 0, "nothing more is written");
}

#[test]
fn names_are_cut_so_that_every_reader_takes_the_line() {
    let (_dir, path) = temporary();
    let long = "\u{1}é".repeat(50_000);
    let profile = ProfileWriter::create(&path, &Header { name: (&*long).into(), ..header() });
    let profile = profile.expect("a profile");
    profile.write(&Line::Span(Span {
        trace: 1,
        root: true,
        kind: (&*long).into(),
        name: (&*long).into(),
        start_us: 0,
        end_us: 1,
        records: 1,
        bytes: 1,
    }));
    profile.finish(end(2)).expect("written");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.lines().all(|line| line.len() < 64 << 10));
    let Line::Span(span) = &lines(&text)[1] else { panic!("{text}") };
    assert!(long.starts_with(&*span.name) && span.name.len() > 4_000);
}

#[test]
fn a_path_that_cannot_be_written_is_known_at_once() {
    let (dir, path) = temporary();
    let missing = dir.path().join("no/such/directory");
    assert!(ProfileWriter::create(&missing, &header()).is_err());
    let _first = ProfileWriter::create(&path, &header()).expect("a profile");
    if cfg!(unix) {
        let second = ProfileWriter::create(&path, &header()).expect_err("it is being written");
        assert_eq!(second.kind(), io::ErrorKind::ResourceBusy);
    }
    if cfg!(target_os = "linux") {
        assert!(ProfileWriter::create(Path::new("/dev/full"), &header()).is_err());
    }
}
