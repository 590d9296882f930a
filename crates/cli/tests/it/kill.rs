//! A 2xx means stored: SIGKILL at random points loses no acknowledged row, tears no request apart
//! and leaves a sound database that is served again at once.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tidegate_testkit::{ServerProcess, get, post, rows};

use crate::load::{Content, Load, Writer, contents};
use crate::support::{binary, body, experiment, integrity, serve};

/// `cargo xtask soak` sets more.
#[expect(clippy::disallowed_methods, reason = "a setting of these tests")]
pub(crate) fn setting(name: &str, default: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(default, |set| set.parse().unwrap_or_else(|_| panic!("{name}: a number")))
}

const WRITERS: u64 = 4;
/// The database starts anew after as many points, so that checking it stays quick.
const POINTS_PER_DATABASE: u64 = 20;
/// The aim is 2 s; a build without optimization on a busy machine gets more.
const START_LIMIT: Duration = Duration::from_secs(20);

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
    let (points, seed) = (setting("TIDEGATE_KILL_POINTS", 10), setting("TIDEGATE_KILL_SEED", 5));
    // The seed repeats a failure; the slowest start is a figure.
    eprintln!("{points} kill points, TIDEGATE_KILL_SEED={seed}");
    let mut random = Random(seed);
    let (mut slowest, mut acknowledged, mut cut_off) = (Duration::ZERO, 0, 0);
    let mut point = 0;
    while point < points {
        let data = TempDir::new().expect("a directory");
        let mut kept: BTreeMap<String, Content> = BTreeMap::new();
        for _ in 0..POINTS_PER_DATABASE.min(points - point) {
            let server = serve(data.path(), &[]);
            // Another object each time, so that what a point left is read in a moment.
            let object = experiment(server.url());
            let writers = (0..WRITERS).map(|n| Writer::new(&object, n, random.next())).collect();
            let load = Load::start(server.url(), writers);
            // Not to synchronize, but to die at another moment each time.
            std::thread::park_timeout(Duration::from_millis(random.next() % 250));
            server.kill();
            let writers = load.finish();

            let (server, took) = start(data.path());
            slowest = slowest.max(took);
            let found = contents(server.url(), &object);
            let mut expected = BTreeMap::new();
            for writer in writers {
                acknowledged += writer.acknowledged;
                cut_off += usize::from(writer.under_way.is_some());
                expected.extend(writer.settle(&found));
            }
            assert!(found == expected, "point {point}: rows that nobody acknowledged or sent");
            assert_eq!(integrity(data.path()), "ok", "point {point}");
            kept.insert(object, found);
            // At once or after a clean end: the next start meets both.
            if random.next().is_multiple_of(2) {
                server.kill();
            } else {
                assert!(server.terminate().success());
            }
            point += 1;
        }
        let server = serve(data.path(), &[]);
        for (object, content) in kept {
            assert!(contents(server.url(), &object) == content, "{object} has changed since");
        }
    }
    assert!(acknowledged > points as usize, "the load hardly reached the server");
    assert!(cut_off > 0, "no kill met a request");
    eprintln!(
        "{acknowledged} requests acknowledged, {cut_off} cut off, slowest start {} ms",
        slowest.as_millis()
    );
    assert!(slowest <= START_LIMIT, "a start took {slowest:?}");
}

/// Starts the server again and returns how long it took to be ready.
#[expect(clippy::disallowed_methods, reason = "the start is what is measured")]
fn start(data_dir: &Path) -> (ServerProcess, Duration) {
    let began = Instant::now();
    let server = ServerProcess::start(binary(), data_dir, &[]);
    let ready = get(server.url(), "/health/ready");
    assert_eq!(ready.status, 200, "{}", ready.text);
    (server, began.elapsed())
}

/// A small generator (SplitMix64): the same points for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
