//! `tidegate serve --record-requests --simulate-latency` shows what a client makes of a slow network:
//! the upload regression of the npm package, and its fix, with the workload that it was measured with.

use std::io::BufReader;

use tempfile::TempDir;
use tidegate_analysis::explain::{Cause, Explanation, explain};
use tidegate_analysis::profile::Profile;

use crate::clients::{Client, World};
use crate::stored::Stored;

/// 40 cases of a root, a task, eight steps and a scorer.
const SPANS: usize = 440;

/// Runs the workload and explains what the server recorded of it.
fn record(client: Client) -> Explanation {
    let place = TempDir::new().expect("a directory");
    let path = place.path().join("requests.jsonl");
    let file = path.to_str().expect("a path");
    let world =
        World::start_with(&["--record-requests", file, "--simulate-latency", "250ms+4ms/row"]);
    let finished = world.run(client, "seed", "").success();
    assert!(finished.stdout.contains("exact"), "{}", finished.stdout);
    let stored = Stored::experiment(world.url(), "js-project", "seed");
    stored.check_every_row();
    assert_eq!(stored.len(), SPANS);
    world.stop();
    let file = std::fs::File::open(path).expect("the file");
    let profile = Profile::read(BufReader::new(file)).expect("a profile");
    for request in &profile.requests {
        let held_us = request.first_byte_us.expect("an answer") - request.start_us;
        assert!(held_us >= 250_000 + 4_000 * u64::from(request.rows), "{request:?}");
        assert_eq!(request.status, Some(200));
    }
    explain(&profile)
}

fn causes(explanation: &Explanation) -> Vec<Cause> {
    explanation.diagnosis.iter().map(|finding| finding.cause).collect()
}

#[test]
fn uploads_of_a_package_with_the_regression_never_overlap() {
    let explanation = record(Client::NPM_3_1);
    let uploads = &explanation.shape.uploads;
    assert_eq!((uploads.overlapping_pairs, uploads.peak_in_flight), (0, 1), "{uploads:?}");
    assert_eq!(causes(&explanation)[0], Cause::SerialUploads, "{:?}", explanation.diagnosis);
}

#[test]
fn uploads_of_a_package_with_the_fix_overlap() {
    let explanation = record(Client::NPM_3_3);
    let uploads = &explanation.shape.uploads;
    // The first row alone, and when it is answered all others in five requests at once.
    assert_eq!((uploads.requests, uploads.overlapping_pairs), (6, 10), "{uploads:?}");
    assert!(!causes(&explanation).contains(&Cause::SerialUploads), "{:?}", explanation.diagnosis);
}
