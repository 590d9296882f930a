//! `kill -9` of a durable client at random points: whatever `log()` had returned for is stored.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use tidegate_client::{Client, Config};

use crate::support::{Answer, Server, example};

/// `cargo xtask soak` sets more.
#[expect(clippy::disallowed_methods, reason = "the one setting of this test")]
fn kill_points() -> u32 {
    let points = std::env::var("TIDEGATE_KILL_POINTS").ok();
    points.map_or(8, |points| points.parse().expect("a number of kill points"))
}

fn durable(url: &str, spool: &TempDir, run: u32) -> Child {
    Command::new(example("durable"))
        .arg(url)
        .arg(spool.path())
        .args(["1000000", &run.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example `durable` is built")
}

#[expect(clippy::disallowed_methods, reason = "waits for real processes")]
#[test]
fn invariant_8_durable_records_survive_kill_9_at_random_points() {
    // Every sixth upload is stored and not answered, or neither.
    let server = Server::start(|path, number, _| {
        (path == "/logs3" && number % 6 == 5).then_some(Answer::Close)
    });
    let spool = TempDir::new().expect("a directory");
    let mut returned: Vec<String> = Vec::new();
    for run in 0..kill_points() {
        let mut victim = durable(&server.url, &spool, run);
        let (send, lines) = sync_channel(1 << 16);
        let stdout = BufReader::new(victim.stdout.take().expect("piped"));
        // Ends with the victim, whose death closes the pipe.
        let reader = thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                // Half a line at the death of the writer names nothing.
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        // At another moment each time, some before the first upload was answered.
        thread::park_timeout(Duration::from_millis(u64::from(run * 53 % 170) + 10));
        victim.kill().expect("alive until now");
        victim.wait().expect("reaped");
        returned.extend(lines.iter());
        reader.join().expect("no panic");
    }
    assert!(!returned.is_empty(), "no victim got as far as its first span");

    // The next start delivers what the killed ones left.
    let config = Config::default().app_url(&server.url).spool_dir(spool.path().to_owned());
    let client = Client::new(config).expect("a client");
    let deadline = Instant::now() + Duration::from_secs(120);
    let missing = loop {
        let missing =
            server.seen(|seen| returned.iter().filter(|id| !seen.stored.contains_key(*id)).count());
        if missing == 0 || Instant::now() > deadline {
            break missing;
        }
        thread::park_timeout(Duration::from_millis(20));
    };
    assert_eq!(missing, 0, "of {} spans whose log() had returned", returned.len());
    // And all of it, so that what follows looks at the final state.
    while segments(&spool) > 0 {
        assert!(Instant::now() < deadline, "the spool is not emptied");
        thread::park_timeout(Duration::from_millis(20));
    }
    drop(client);
    server.seen(|seen| {
        for id in &returned {
            let row = &seen.stored[id];
            let number: u64 = id.rsplit('-').next().expect("a number").parse().expect("a number");
            assert_eq!(row["input"], json!(number), "{id}");
            assert_eq!(row["output"], json!(format!("answer {number}")), "{id}");
            assert_eq!(row["span_attributes"]["name"], "step", "{id}");
        }
    });
}

fn segments(spool: &TempDir) -> usize {
    let directories = std::fs::read_dir(spool.path()).expect("readable");
    let files = directories
        .flatten()
        .flat_map(|directory| std::fs::read_dir(directory.path()).expect("readable").flatten());
    files.filter(|file| file.path().extension().is_some_and(|end| end == "seg")).count()
}
