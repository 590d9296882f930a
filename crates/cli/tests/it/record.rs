//! `tidegate serve --record-requests FILE --simulate-latency TIME`: test aids for any client.

use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tidegate_analysis::profile::Profile;
use tidegate_model::profile::Source;
use tidegate_testkit::post;

use crate::support::{body, experiment, serve, tidegate};

const DEADLINE: Duration = Duration::from_secs(60);

fn read(path: &Path) -> Profile {
    let file = std::fs::File::open(path).expect("the file");
    Profile::read(std::io::BufReader::new(file)).expect("a profile")
}

/// Waits until the file, which is being written, has so many requests.
#[expect(clippy::disallowed_methods, reason = "a deadline")]
fn read_along(path: &Path, requests: usize) -> Profile {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let profile = read(path);
        if profile.requests.len() >= requests {
            return profile;
        }
        assert!(Instant::now() < deadline, "only {} requests", profile.requests.len());
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
fn uploads_can_be_read_along_and_the_file_is_closed_in_order() {
    let data = TempDir::new().expect("a directory");
    let path = data.path().join("requests.jsonl");
    std::fs::write(&path, "an older one\n").expect("written");
    let file = path.to_str().expect("a path");
    let arguments = ["--record-requests", file, "--simulate-latency", "30ms+10ms/row"];
    let server = serve(data.path(), &arguments);
    let said = server.first_lines.join("\n");
    assert!(said.contains("test aid: uploads are recorded in"), "{said}");
    assert!(said.contains("test aid: answers to uploads are late on purpose"), "{said}");
    assert_eq!(read(&path).requests.len(), 0, "the header is there at once");
    let object = experiment(server.url());
    for count in [1, 4] {
        let ids = (0..count).map(|n| n.to_string());
        let reply = post(server.url(), "/logs3", &[], &body(&object, ids)).expect("an answer");
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    let profile = read_along(&path, 2);
    assert_eq!((profile.header.source, profile.end), (Source::Server, None));
    assert!(server.terminate().success());
    let profile = read(&path);
    let rows: Vec<_> = profile.requests.iter().map(|r| (r.rows, r.lane, r.status)).collect();
    assert_eq!(rows, [(1, 0, Some(200)), (4, 0, Some(200))]);
    for (request, least) in profile.requests.iter().zip([40_000, 70_000]) {
        assert!(request.first_byte_us.expect("an answer") - request.start_us >= least);
        assert!(request.bytes > 50 && request.bytes == request.sent_bytes, "{request:?}");
    }
    let end = profile.end.expect("closed in order");
    assert_eq!(end.at_us, profile.requests[1].end_us);
    assert_eq!((end.left_out, end.lost), (0, 0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_recording_and_nothing_else() {
    let data = TempDir::new().expect("a directory");
    // The header fits nowhere: an error before anything is served.
    let refused = tidegate(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        data.path().to_str().expect("a path"),
        "--record-requests",
        "/dev/full",
    ]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(refused.stderr.contains("cannot write requests to /dev/full"), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: give --record-requests"), "{}", refused.stderr);

    // A pipe whose reader leaves is a disk that fails later.
    let pipe = data.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    let reader = {
        let pipe = pipe.clone();
        std::thread::spawn(move || {
            use std::io::{BufRead as _, BufReader};
            let mut header = String::new();
            let file = std::fs::File::open(pipe).expect("opened");
            BufReader::new(file).read_line(&mut header).expect("read");
            header
        })
    };
    let server = serve(data.path(), &["--record-requests", pipe.to_str().expect("a path")]);
    assert!(reader.join().expect("ended").contains("\"source\":\"server\""));
    let object = experiment(server.url());
    let upload = |n: usize| {
        let reply = post(server.url(), "/logs3", &[], &body(&object, [n.to_string()]));
        assert_eq!(reply.expect("an answer").status, 200);
    };
    upload(0);
    let warning = server.line_with("the profile");
    assert!(warning.contains("ends here"), "{warning}");
    upload(1);
    assert!(server.terminate().success());
}

#[test]
fn what_is_no_latency_is_refused_with_an_example() {
    let refused = tidegate(&["serve", "--simulate-latency", "250"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(refused.stderr.contains("write it like 250ms+4ms/row"), "{}", refused.stderr);
    let help = tidegate(&["serve", "--help"]);
    let (_, aids) = help.stdout.split_once("Test aids:").expect("a heading of their own");
    assert!(
        aids.contains("--record-requests <FILE>") && aids.contains("--simulate-latency <TIME>")
    );
}
