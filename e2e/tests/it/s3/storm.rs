//! Collectors are killed and their bucket goes away, again and again, while clients upload.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tidegate_testkit::s3::{self, Gate};
use tidegate_testkit::{ServerProcess, built_binary, fixed_port};

use super::{Place, announced, check, content, digest, is_others, put};

const CLIENTS: u64 = 4;
const DEADLINE: Duration = Duration::from_secs(180);
/// Confirmed uploads between two disturbances.
const PROGRESS: usize = 6;
/// The largest goes in parts.
const LENGTHS: [usize; 4] = [1_000, 300_000, 9_000_000, 70_000];

/// A collector that comes back on its port, with another data directory.
struct Member<'a> {
    place: &'a Place,
    address: String,
    running: Option<(ServerProcess, TempDir)>,
    /// On stderr, by those that were killed.
    said: Vec<String>,
}

impl<'a> Member<'a> {
    fn start(place: &'a Place) -> Self {
        let address = format!("127.0.0.1:{}", fixed_port());
        let mut member = Self { place, address, running: None, said: Vec::new() };
        member.start_again();
        member
    }

    fn start_again(&mut self) {
        let data = TempDir::new().expect("a temporary directory");
        let (url, place) = (self.place.url(), self.place);
        let options = ["--database", &place.database, "--blobs", &url];
        let environment = &place.environment;
        let server = ServerProcess::start_with(
            &self.address,
            &built_binary(),
            data.path(),
            &options,
            environment,
        );
        self.running = Some((server.unwrap_or_else(|error| panic!("{error}")), data));
    }

    fn kill(&mut self) {
        let (server, _data) = self.running.take().expect("a running collector");
        self.said.extend(server.unread_lines());
        server.kill();
    }
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.said.extend(self.running.iter().flat_map(|(server, _)| server.unread_lines()));
            let (address, said) = (&self.address, self.said.join("\n"));
            writeln!(io::stderr(), "--- collectors at {address}\n{said}").ok();
        }
    }
}

/// What clients have seen.
#[derive(Default)]
struct Seen {
    confirmed: AtomicUsize,
    failed: AtomicUsize,
    stop: AtomicBool,
}

impl Seen {
    #[expect(clippy::disallowed_methods, reason = "waits for real processes")]
    fn wait_for(&self, counter: &AtomicUsize, more: usize) {
        let (enough, end) = (counter.load(Ordering::SeqCst) + more, Instant::now() + DEADLINE);
        while counter.load(Ordering::SeqCst) < enough {
            assert!(Instant::now() < end, "clients are stuck");
            thread::park_timeout(Duration::from_millis(10));
        }
    }
}

/// Uploads one after another, each until it is confirmed. Every second one has the bytes of another
/// client's. Returns keys and seeds.
fn client(number: u64, urls: &[String; 2], seen: &Seen) -> Vec<(String, u64)> {
    let mut confirmed = Vec::new();
    for upload in 0_u64.. {
        let seed =
            if upload.is_multiple_of(2) { upload } else { upload * CLIENTS + number + 1_000 };
        let (key, bytes) = (format!("c{number}-{upload}"), bytes(seed));
        for url in urls.iter().cycle().skip(usize::from(number.is_multiple_of(2))) {
            if seen.stop.load(Ordering::SeqCst) {
                return confirmed;
            }
            let reply = announced(url, &key).and_then(|path| put(url, &path, &bytes));
            match reply {
                Ok(reply) if reply.status == 200 => break,
                Ok(reply) => assert_eq!(reply.status, 503, "{}", reply.text),
                // Killed, or not there yet.
                Err(_) => {}
            }
            seen.failed.fetch_add(1, Ordering::SeqCst);
            thread::park_timeout(Duration::from_millis(20));
        }
        confirmed.push((key, seed));
        seen.confirmed.fetch_add(1, Ordering::SeqCst);
    }
    confirmed
}

fn bytes(seed: u64) -> Vec<u8> {
    let at = usize::try_from(seed % LENGTHS.len() as u64).expect("small");
    content(seed, LENGTHS[at])
}

#[test]
fn what_was_confirmed_is_there_whatever_is_killed_or_away() {
    if is_others() {
        return;
    }
    let mut gate = Gate::before(s3::shared());
    let place = Place::behind(&gate);
    let mut members = [Member::start(&place), Member::start(&place)];
    let urls = [0, 1].map(|at: usize| format!("http://{}", members[at].address));
    let seen = Seen::default();
    let confirmed: Vec<(String, u64)> = thread::scope(|scope| {
        let (urls, seen) = (&urls, &seen);
        let clients: Vec<_> =
            (0..CLIENTS).map(|number| scope.spawn(move || client(number, urls, seen))).collect();
        // Stops the clients even if this panics, which the scope would wait for.
        let stopping = Stopping(seen);
        for round in 0..6 {
            seen.wait_for(&seen.confirmed, PROGRESS);
            let member = &mut members[round % 2];
            match round % 3 {
                0 => {
                    gate.refuse();
                    seen.wait_for(&seen.failed, 3);
                    gate.open();
                }
                1 => {
                    member.kill();
                    seen.wait_for(&seen.failed, 1);
                    member.start_again();
                }
                _ => {
                    // Killed while it writes to the bucket.
                    gate.hang_after(500_000);
                    gate.wait_until_hanging(DEADLINE);
                    member.kill();
                    gate.refuse();
                    gate.open();
                    member.start_again();
                }
            }
        }
        seen.wait_for(&seen.confirmed, PROGRESS);
        drop(stopping);
        clients.into_iter().flat_map(|client| client.join().expect("no panic")).collect()
    });

    assert!(confirmed.len() >= 7 * PROGRESS, "{}", confirmed.len());
    let mut lengths = BTreeMap::new();
    for (at, (key, seed)) in confirmed.iter().enumerate() {
        let bytes = bytes(*seed);
        check(&urls[at % 2], key, &bytes);
        lengths.insert(digest(&bytes), bytes.len() as u64);
    }
    // What is under a final name is whole, confirmed or not.
    for object in place.objects() {
        let hash = &object.key[3..67];
        if let Some(bytes) = lengths.remove(hash) {
            assert_eq!(object.bytes, bytes, "{}", object.key);
        }
        assert!(LENGTHS.contains(&usize::try_from(object.bytes).expect("small")));
    }
    assert!(lengths.is_empty(), "not in the bucket: {lengths:?}");
}

struct Stopping<'a>(&'a Seen);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::SeqCst);
    }
}
