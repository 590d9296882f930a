//! A 2xx means stored: SIGKILL at random points loses no acknowledged row.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use tidegate_testkit::{post, rows};

use crate::support::{body, experiment, serve};

/// `cargo xtask soak` sets more.
#[expect(clippy::disallowed_methods, reason = "the one setting of these tests")]
fn kill_points() -> u32 {
    let points = std::env::var("TIDEGATE_KILL_POINTS").ok();
    points.map_or(5, |points| points.parse().expect("a number of kill points"))
}

const WRITERS: usize = 3;
const ROWS_PER_REQUEST: usize = 20;

#[test]
fn kill_right_after_a_2xx_keeps_every_row_of_the_request() {
    let data = TempDir::new().expect("a directory");
    let server = serve(data.path(), &[]);
    let experiment = experiment(server.url());
    let ids = |from: usize| (from..from + 50).map(|n| format!("row-{n}"));
    let reply = post(server.url(), "/logs3", &[], &body(&experiment, ids(0)));
    assert_eq!(reply.expect("an answer").status, 200);
    server.kill();
    for round in 1..4 {
        let server = serve(data.path(), &[]);
        assert_eq!(rows(server.url(), "experiment", &experiment).len(), round * 50);
        let reply = post(server.url(), "/logs3", &[], &body(&experiment, ids(round * 50)));
        assert_eq!(reply.expect("an answer").status, 200);
        server.kill();
    }
}

#[test]
fn kill_at_random_points_under_load_keeps_every_acknowledged_row() {
    let data = TempDir::new().expect("a directory");
    let mut acknowledged: HashSet<String> = HashSet::new();
    let mut experiment_id = None;
    for point in 0..kill_points() {
        let server = serve(data.path(), &[]);
        let experiment = experiment_id.get_or_insert_with(|| experiment(server.url())).clone();
        let stored = stored_ids(server.url(), &experiment);
        let lost: Vec<_> = acknowledged.difference(&stored).collect();
        assert!(lost.is_empty(), "{} acknowledged rows are gone: {lost:?}", lost.len());

        let confirmed = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (url, experiment) = (server.url().to_owned(), experiment.clone());
                let (confirmed, stop) = (Arc::clone(&confirmed), Arc::clone(&stop));
                thread::spawn(move || {
                    for request in 0.. {
                        if stop.load(Ordering::Relaxed) {
                            return;
                        }
                        let ids: Vec<String> = (0..ROWS_PER_REQUEST)
                            .map(|row| format!("{point}-{writer}-{request}-{row}"))
                            .collect();
                        match post(&url, "/logs3", &[], &body(&experiment, ids.clone())) {
                            Ok(reply) if reply.status == 200 => {
                                confirmed.lock().expect("not poisoned").extend(ids);
                            }
                            _ => return,
                        }
                    }
                })
            })
            .collect();
        // Not to synchronize, but to die at another moment each time.
        thread::park_timeout(Duration::from_millis(u64::from(point * 37 % 150) + 5));
        server.kill();
        stop.store(true, Ordering::Relaxed);
        writers.into_iter().for_each(|writer| writer.join().expect("no panic"));
        acknowledged.extend(confirmed.lock().expect("not poisoned").drain(..));
    }
    assert!(!acknowledged.is_empty(), "the load never reached the server");
    let server = serve(data.path(), &[]);
    let stored = stored_ids(server.url(), &experiment_id.expect("registered"));
    assert!(acknowledged.is_subset(&stored));
}

fn stored_ids(url: &str, experiment: &str) -> HashSet<String> {
    let rows = rows(url, "experiment", experiment);
    rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
}
