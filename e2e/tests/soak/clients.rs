//! The client processes: four programs with the SDK, and what they say at the end.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::clock::Clock;

/// For all of them to flush what is left, once nothing is killed any more.
const DEADLINE: Duration = Duration::from_secs(300);

/// A client process, killed if it is dropped before it has ended.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Fails if it has ended already, which is fine.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

pub(crate) struct Clients(Vec<Process>);

/// What a client says of itself.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) client: u64,
    /// Spans that it recorded, numbered from 0.
    pub(crate) spans: u64,
    /// Rows that a server confirmed.
    pub(crate) rows: u64,
}

impl Clients {
    /// Starts them against a URL, to send so many rows per second each to the logs of a project.
    pub(crate) fn start(count: u64, url: &str, project: &str, rows_per_second: u64) -> Self {
        let client = |number: u64| {
            Command::new(env!("CARGO_BIN_EXE_soak-client"))
                .args([url, project, &number.to_string(), &rows_per_second.to_string()])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("a client")
        };
        Self((0..count).map(|number| Process(client(number))).collect())
    }

    /// Lets them end, and waits until each has flushed all that it has recorded.
    ///
    /// # Panics
    /// If one has failed, as it does when anything is lost, or does not end in time.
    pub(crate) fn stop(mut self) -> Vec<Report> {
        for Process(client) in &mut self.0 {
            drop(client.stdin.take());
        }
        let clock = Clock::start();
        let reports = self.0.iter_mut().enumerate().map(|(number, Process(client))| {
            let status = loop {
                // What they print fits into the pipe.
                if let Some(status) = client.try_wait().expect("the state of a child") {
                    break status;
                }
                assert!(clock.elapsed() < DEADLINE, "client {number} is still flushing");
                thread::park_timeout(Duration::from_millis(50));
            };
            assert!(status.success(), "client {number} failed ({status}), see above");
            let stdout = client.stdout.take().expect("piped");
            let text = std::io::read_to_string(stdout).expect("text");
            report(number as u64, &text)
        });
        reports.collect()
    }
}

fn report(client: u64, text: &str) -> Report {
    let said: Value =
        serde_json::from_str(text.trim()).unwrap_or_else(|error| panic!("{error}: {text}"));
    let receipt = &said["receipt"];
    let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("no number: {said}"));
    assert_eq!(receipt["accepted"], receipt["acknowledged"], "client {client}: {receipt}");
    Report { client, spans: number(&said["spans"]), rows: number(&receipt["rows"]) }
}
