//! A collector that cannot use its bucket does not start, and says why and what to do.

use std::process::Command;

use tempfile::TempDir;
use tidegate_testkit::s3::{self, Gate};
use tidegate_testkit::{Finished, built_binary, run};

use super::{Environment, PATIENCE, Place, check, is_others, upload};

fn serve(options: &[&str], environment: &Environment) -> Finished {
    let data = TempDir::new().expect("a temporary directory");
    let mut command = Command::new(built_binary());
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data.path()).args(options);
    s3::configure(&mut command, environment);
    run(&mut command, PATIENCE)
}

/// Asserts that it does not start, names the place, and shows no secret.
fn refused(place: &Place, url: &str, environment: &Environment, said: &[&str]) {
    let finished = serve(&["--database", &place.database, "--blobs", url], environment);
    assert_eq!(finished.status.code(), Some(3), "{}", finished.stderr);
    let stderr = &finished.stderr;
    assert!(stderr.contains(url), "{stderr}");
    for said in said {
        assert!(stderr.contains(said), "no {said:?} in {stderr}");
    }
    let secret = environment.iter().find(|(name, _)| *name == "AWS_SECRET_ACCESS_KEY");
    assert!(secret.is_none_or(|(_, secret)| !stderr.contains(secret)), "{stderr}");
    let lines: Vec<&str> = stderr.lines().collect();
    let [error, hint] = lines[..] else { panic!("an error and a hint: {stderr}") };
    assert!(error.starts_with("error: ") && hint.starts_with("hint: "), "{stderr}");
}

#[test]
fn what_cannot_be_used_is_named_with_the_next_step() {
    if is_others() {
        return;
    }
    let place = Place::new();
    let right = &place.environment;
    refused(
        &place,
        "s3://no-such-bucket/files",
        right,
        &["the bucket does not exist", "make the bucket", "AWS_ENDPOINT_URL"],
    );
    let (server, variable) = (s3::shared(), "AWS_SECRET_ACCESS_KEY");
    let wrong = server.environment_with_wrong_secret();
    refused(&place, &place.url(), &wrong, &["SignatureDoesNotMatch: The request", variable]);
    let strange = server.environment_without_rights();
    refused(&place, &place.url(), &strange, &["AccessDenied", "may get, put, delete", variable]);
    let with = |name: &'static str, value: &str| {
        let others = right.iter().filter(|(other, _)| *other != name).cloned();
        others.chain([(name, value.to_owned())]).collect::<Environment>()
    };
    for (name, value) in [
        ("AWS_ENDPOINT_URL", "127.0.0.1:9000"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:99999"),
        ("AWS_REGION", "us\neast"),
        ("AWS_SECRET_ACCESS_KEY", "from a file\n"),
    ] {
        refused(&place, &place.url(), &with(name, value), &[name, "correct that variable"]);
    }
    let mut gate = Gate::before(server);
    gate.refuse();
    refused(&place, &place.url(), &gate.environment(), &["AWS_ENDPOINT_URL"]);
    for wrong in ["http://127.0.0.1/bucket", "s3://bucket/files?key=x"] {
        let finished = serve(&["--database", &place.database, "--blobs", wrong], right);
        assert_eq!(finished.status.code(), Some(2), "{}", finished.stderr);
        let stderr = &finished.stderr;
        assert!(stderr.contains(wrong) && stderr.contains("s3://BUCKET/PREFIX"), "{stderr}");
    }
    place.holds(&[]);
    // Nothing of that stands in the way.
    upload(place.start().url(), "k", b"bytes");
}

#[test]
fn a_prefix_belongs_to_one_database() {
    if is_others() {
        return;
    }
    let place = Place::new();
    let collector = place.start();
    upload(collector.url(), "k", b"bytes");
    let other = Place { bucket: place.bucket.clone(), ..Place::new() };
    refused(
        &other,
        &place.url(),
        &place.environment,
        &["another database keeps its files there", "another prefix"],
    );
    check(collector.url(), "k", b"bytes");
    place.holds(&[b"bytes"]);
    // Beside it there is room.
    let beside = format!("s3://{}/other", place.bucket);
    let other = super::Collector::start(&other.database, &beside, &place.environment);
    upload(other.url(), "k", b"others");
    check(other.url(), "k", b"others");
    check(collector.url(), "k", b"bytes");
}

#[test]
fn a_bucket_without_a_database_is_wrong_usage() {
    if is_others() {
        return;
    }
    let environment = s3::shared().environment();
    let refused = serve(&["--blobs", "s3://bucket/files"], &environment);
    assert_eq!(refused.status.code(), Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("--database"), "{}", refused.stderr);
    let variable = [environment, vec![("TIDEGATE_BLOBS", "s3://bucket/files".into())]].concat();
    let refused = serve(&[], &variable);
    assert_eq!(refused.status.code(), Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("TIDEGATE_BLOBS"), "{}", refused.stderr);
}
