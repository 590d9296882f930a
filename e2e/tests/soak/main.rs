//! Collectors and their database are killed (`kill -9`) and started again all the time, while client
//! processes send through a balancer: at the end every row is there once, as it was last, and the
//! receipts of the clients say so.
//!
//! `TIDEGATE_SOAK_SECONDS` says how long (60), `TIDEGATE_SOAK_SEED` repeats a script; what the
//! processes make of it is different each time.

mod balancer;
mod clients;
mod clock;
mod expected;
mod fleet;
mod random;

use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::{Mutex, PoisonError};

use serde_json::json;
use tidegate_testkit::post;

use crate::balancer::Balancer;
use crate::clients::Clients;
use crate::clock::Clock;
use crate::expected::check;
use crate::fleet::Fleet;
use crate::random::Random;

const CLIENTS: u64 = 4;
/// Of each client: enough for many requests under way at any moment, little enough that a slow
/// machine can read all of it again at the end.
const ROWS_PER_SECOND: u64 = 150;

#[expect(clippy::disallowed_methods, reason = "the settings of this test")]
fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name}: {error}: {text:?}")))
}

fn seconds() -> u64 {
    setting("TIDEGATE_SOAK_SECONDS").unwrap_or(60)
}

/// Lets a fleet suffer under load, and compares what is left with what was confirmed.
#[expect(clippy::print_stdout, reason = "how to repeat it, and what became of it")]
fn soak(make: impl FnOnce() -> Fleet, seconds: u64) {
    // One at a time: two would only take each other's processor.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let by_chance = || std::hash::RandomState::new().build_hasher().finish();
    let seed = setting("TIDEGATE_SOAK_SEED").unwrap_or_else(by_chance);
    println!("TIDEGATE_SOAK_SEED={seed}");
    let mut fleet = make();
    let body = json!({"name": "soak"}).to_string();
    let project = post(&fleet.urls()[0], "/v1/project", &[], &body).expect("an answer").json();
    let project = project["id"].as_str().expect("an id").to_owned();
    let balancer = Balancer::start(fleet.ports());
    let clients = Clients::start(CLIENTS, balancer.url(), &project, ROWS_PER_SECOND);
    fleet.suffer(seconds, &mut Random::new(seed));
    let clock = Clock::start();
    let reports = clients.stop();
    let flushed = clock.elapsed();
    println!(
        "{:?}, {} connections refused, flushed after {flushed:.1?}; {reports:?}",
        fleet.events,
        balancer.refused()
    );
    println!("{}", fleet.said());
    assert!(reports.iter().all(|report| report.spans > 0), "a client has sent nothing");
    for url in fleet.urls() {
        check(&url, &project, &reports);
    }
}

#[test]
fn one_collector_with_its_file_is_killed_all_the_time() {
    // The other one is what takes long: here one process has all there is.
    soak(Fleet::sqlite, seconds() / 4);
}

#[test]
fn three_collectors_and_their_postgres_are_killed_all_the_time() {
    soak(|| Fleet::postgres(3), seconds());
}
