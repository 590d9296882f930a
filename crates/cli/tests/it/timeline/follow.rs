//! `--follow`: a profile that grows, ends, is emptied, or is left behind by a writer that was killed.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::picture::on_a_terminal;
use super::{command, fixture, timeline};
use crate::support::binary;

const DEADLINE: Duration = Duration::from_secs(60);
const HEADER: &str = r#"{"header":{"format":"tidegate-profile","version":1,"name":"live","source":"sdk","started_unix_us":5}}"#;

fn request(number: u64) -> String {
    let (start, end) = (number * 100_000, number * 100_000 + 50_000);
    format!(
        "{{\"request\":{{\"number\":{number},\"lane\":0,\"rows\":7,\"bytes\":900,\"sent_bytes\":90,\
         \"queued_us\":{start},\"start_us\":{start},\"end_us\":{end},\"status\":200}}}}\n"
    )
}

const END: &str = "{\"end\":{\"at_us\":990000}}\n";

/// A profile that is being written, as by a program: locked for as long.
struct Writer {
    file: File,
}

impl Writer {
    fn create(path: &Path) -> Self {
        let file = OpenOptions::new().append(true).create(true).open(path).expect("a file");
        file.lock().expect("a lock");
        Self { file }
    }

    fn write(&mut self, text: &str) {
        self.file.write_all(text.as_bytes()).expect("written");
    }
}

/// A running `tidegate timeline --follow`.
struct Follower {
    child: Child,
    lines: Receiver<String>,
}

impl Follower {
    fn start(path: &Path) -> Self {
        let mut child = command(&["--follow"])
            .arg(path)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let (send, lines) = sync_channel(10_000);
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                send.try_send(line).ok();
            }
        });
        Self { child, lines }
    }

    /// The next line.
    fn line(&self) -> String {
        self.lines.recv_timeout(DEADLINE).expect("a line in time")
    }

    /// All further lines, how it ended, and what it said on stderr.
    fn end(mut self) -> (Vec<String>, ExitStatus, String) {
        let mut lines = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(DEADLINE) {
            lines.push(line);
        }
        let mut said = String::new();
        self.child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
        (lines, self.child.wait().expect("its end"), said)
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.child.kill().ok();
    }
}

fn place() -> (TempDir, PathBuf) {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("run.jsonl");
    (directory, path)
}

#[test]
fn requests_are_printed_as_they_come_and_the_picture_at_the_end() {
    let (_directory, path) = place();
    // There is no file yet.
    let follower = Follower::start(&path);
    let mut writer = Writer::create(&path);
    writer.write(&format!("{HEADER}\n"));
    writer.write(&request(1));
    assert_eq!(follower.line(), "   150 ms  lane 0  50.0 ms  7 rows, 900 B, 200");
    // Half a line is none.
    let second = request(2);
    let (begin, rest) = second.split_at(40);
    writer.write(begin);
    writer.write(rest);
    writer.write(&request(3));
    assert_eq!(follower.line(), "   250 ms  lane 0  50.0 ms  7 rows, 900 B, 200");
    assert_eq!(follower.line(), "   350 ms  lane 0  50.0 ms  7 rows, 900 B, 200");
    writer.write(END);
    let (lines, status, said) = follower.end();
    assert!(status.success(), "{said}");
    assert_eq!(said, "");
    let picture = timeline(&[path.to_str().expect("UTF-8")]).success().stdout;
    let shown = lines.join("\n");
    assert_eq!(shown.trim(), picture.trim());
}

/// A run that uploads, one request after another, and writes its profile.
fn uploading(path: &Path, cases: u32) -> Child {
    let mut bench = Command::new(binary());
    bench.args(["bench", "upload", "--strategy=serial-chunks", "--flush-every-task"]);
    bench.args(["--base=30ms", "--per-row=0ms"]).arg(format!("--cases={cases}"));
    bench.arg("--profile").arg(path).stdout(Stdio::null()).stderr(Stdio::null());
    bench.spawn().expect("started")
}

#[test]
fn a_run_is_followed_from_before_its_start_to_its_end() {
    let (_directory, path) = place();
    let follower = Follower::start(&path);
    let mut run = uploading(&path, 8);
    assert!(follower.line().contains("  lane 0  "));
    let (lines, status, said) = follower.end();
    assert_eq!((status.code(), said.as_str()), (Some(0), ""));
    assert!(run.wait().expect("its end").success());
    assert!(lines.iter().any(|line| line.contains("flush_per_task")), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("not closed")), "{lines:#?}");
}

#[test]
fn a_writer_that_was_killed_leaves_what_it_has_recorded() {
    let (_directory, path) = place();
    let mut run = uploading(&path, 100_000);
    let follower = Follower::start(&path);
    assert!(follower.line().contains("  lane 0  "));
    run.kill().expect("killed");
    run.wait().expect("its end");
    let (lines, status, said) = follower.end();
    assert_eq!(status.code(), Some(3), "{said}");
    assert!(lines.iter().any(|line| line.contains("the profile was not closed")), "{lines:#?}");
    let said: Vec<&str> = said.lines().collect();
    let [error, hint] = said[..] else { panic!("two lines, not {said:#?}") };
    assert!(error.ends_with("run.jsonl ends here: nobody writes it any more"), "{error}");
    assert!(hint.contains("its run was killed"), "{hint}");
}

#[test]
fn silence_alone_ends_nothing() {
    let (_directory, path) = place();
    let mut writer = Writer::create(&path);
    writer.write(&format!("{HEADER}\n{}", request(1)));
    let follower = Follower::start(&path);
    assert!(follower.line().starts_with("   150 ms"));
    // Longer than what makes it look at the lock.
    assert!(follower.lines.recv_timeout(Duration::from_secs(4)).is_err());
    writer.write(&request(2));
    assert!(follower.line().starts_with("   250 ms"));
    writer.write(END);
    let (_, status, said) = follower.end();
    assert!(status.success(), "{said}");
}

#[test]
fn an_interrupt_ends_it_with_the_picture_so_far() {
    let (_directory, path) = place();
    let mut writer = Writer::create(&path);
    writer.write(&format!("{HEADER}\n{}", request(1)));
    let follower = Follower::start(&path);
    assert!(follower.line().starts_with("   150 ms  lane 0"));
    follower.signal("-INT");
    let (lines, status, said) = follower.end();
    assert_eq!((status.code(), said.as_str()), (Some(130), ""));
    assert!(lines.iter().any(|line| line.starts_with("live")), "{lines:#?}");
    drop(writer);
}

#[test]
fn a_run_that_begins_anew_in_the_same_file_is_followed_from_its_start() {
    let (_directory, path) = place();
    let mut writer = Writer::create(&path);
    writer.write(&format!("{HEADER}\n{}{}", request(1), request(2)));
    let follower = Follower::start(&path);
    assert!(follower.line().starts_with("   150 ms"));
    assert!(follower.line().starts_with("   250 ms"));
    writer.file.set_len(0).expect("emptied");
    writer.write(&format!("{HEADER}\n{}", request(5)));
    assert!(follower.line().starts_with("   550 ms"));
    writer.write(END);
    let (lines, status, _) = follower.end();
    assert!(status.success());
    assert!(lines.iter().any(|line| line.contains("1 request,")), "{lines:#?}");
}

#[test]
fn a_file_that_never_comes_and_one_that_is_done() {
    let (_directory, path) = place();
    let file = path.to_str().expect("UTF-8");
    let finished = timeline(&[file, "--follow", "--wait", "300ms"]);
    assert_eq!((finished.status.code(), finished.stdout.as_str()), (Some(3), ""));
    assert!(finished.stderr.contains("run.jsonl has not appeared in 300ms"), "{}", finished.stderr);
    assert!(finished.stderr.contains("hint: start the run with --profile"), "{}", finished.stderr);

    // An empty file is none yet.
    fs::write(&path, "").expect("written");
    let finished = timeline(&[file, "--follow", "--wait", "300ms"]);
    assert!(finished.stderr.contains("run.jsonl has not appeared in 300ms"), "{}", finished.stderr);

    fs::copy(fixture("serial"), &path).expect("copied");
    let text = timeline(&[file, "--follow"]).success().stdout;
    let picture = timeline(&[file]).success().stdout;
    assert!(text.ends_with(&format!("\n\n{picture}")), "{text}");
}

#[test]
fn a_terminal_is_drawn_over() {
    let path = fixture("serial");
    let text = on_a_terminal(&[path.to_str().expect("UTF-8"), "--follow"], &[("NO_COLOR", "1")]);
    let (_, last) = text.rsplit_once("\u{1b}[H").expect("a last picture");
    // No more lines than the terminal has, until the last picture, which is whole.
    let drawn: Vec<&str> = text.split("\u{1b}[H").collect();
    assert!(drawn.len() >= 3, "{text:?}");
    for picture in &drawn[1..drawn.len() - 1] {
        assert!(picture.lines().count() <= 20, "{picture}");
    }
    assert!(last.contains("serial_uploads") && last.contains("Evidence:"), "{last}");
}
