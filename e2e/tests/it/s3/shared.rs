//! What one collector took, another serves.

use serde_json::{Value, json};
use tidegate_testkit::{get, post, rows, run, s3, send};

use super::{
    PATIENCE, Place, announce, ask, check, content, digest, is_others, path_of, put, upload,
};
use crate::clients::{Client, DEADLINE, command, reported};
use crate::stored::Stored;

/// A few parts of an upload in parts, and not a whole number of them.
const LARGE: usize = 20_000_003;

#[test]
fn a_large_attachment_comes_back_from_others_after_all_directories_are_lost() {
    if is_others() {
        return;
    }
    let place = Place::new();
    let (one, two) = (place.start(), place.start());
    let large = content(1, LARGE);
    upload(one.url(), "large", &large);
    for (key, length) in [("empty", 0), ("small", 10)] {
        upload(two.url(), key, &content(2, length));
    }
    place.holds(&[&large, &content(2, 0), &content(2, 10)]);
    assert!(s3::shared().unfinished(&place.bucket).is_empty());
    check(two.url(), "large", &large);
    check_parts(two.url(), &large);

    one.lose();
    two.lose();
    let (one, two) = (place.start(), place.start());
    for collector in [&one, &two] {
        check(collector.url(), "large", &large);
        check(collector.url(), "empty", b"");
        check(collector.url(), "small", &content(2, 10));
    }
    check_parts(one.url(), &large);
    place.holds(&[&large, &content(2, 0), &content(2, 10)]);
}

fn check_parts(url: &str, large: &[u8]) {
    let length = large.len();
    let mebibyte = 1 << 20;
    for (range, start, end) in [
        ("bytes=0-0".to_owned(), 0, 1),
        // Over the borders of requests to the bucket.
        (format!("bytes={}-{}", mebibyte - 2, mebibyte * 3 + 1), mebibyte - 2, mebibyte * 3 + 2),
        (format!("bytes={}-", mebibyte * 16), mebibyte * 16, length),
        ("bytes=-5".to_owned(), length - 5, length),
        (format!("bytes={}-{}", length - 1, length + 100), length - 1, length),
    ] {
        let part = ask(url, "GET", "large", &[&format!("range: {range}")]);
        assert_eq!(part.status, 206, "{range}: {}", part.text);
        let said = format!("bytes {start}-{}/{length}", end - 1);
        assert_eq!(part.header("content-range"), Some(&*said));
        assert!(part.bytes == large[start..end], "{range}");
    }
    let beyond = ask(url, "GET", "large", &[&format!("range: bytes={length}-")]);
    assert_eq!(beyond.status, 416, "{}", beyond.text);
    let head = ask(url, "HEAD", "large", &[]);
    assert_eq!((head.status, head.bytes.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(&*length.to_string()));
    assert_eq!(head.header("accept-ranges"), Some("bytes"));
}

#[test]
fn the_same_bytes_are_one_object_whoever_takes_them() {
    if is_others() {
        return;
    }
    let place = Place::new();
    let (one, two) = (place.start(), place.start());
    let (large, small) = (content(3, 9_000_000), content(4, 70_000));
    for (url, key) in [(one.url(), "a"), (two.url(), "b"), (one.url(), "c")] {
        upload(url, &format!("{key}-large"), &large);
        upload(url, &format!("{key}-small"), &small);
    }
    place.holds(&[&large, &small]);
    // The second of a key replaces what its name stands for, and nothing of the others.
    upload(two.url(), "a-small", b"other");
    check(one.url(), "a-small", b"other");
    check(one.url(), "b-small", &small);

    // At once.
    let same = content(5, 12_000_000);
    std::thread::scope(|scope| {
        let urls = [one.url(), two.url(), one.url(), two.url()];
        let uploads: Vec<_> = (0..)
            .zip(urls)
            .map(|(at, url): (u8, &str)| {
                let same = &same;
                scope.spawn(move || upload(url, &format!("same-{at}"), same))
            })
            .collect();
        uploads.into_iter().for_each(|upload| upload.join().expect("uploaded"));
    });
    for at in 0..4 {
        check(two.url(), &format!("same-{at}"), &same);
    }
    place.holds(&[&large, &small, b"other", &same]);
}

#[test]
fn the_published_python_client_writes_to_one_and_reads_from_another() {
    if is_others() {
        return;
    }
    let place = Place::new();
    let (one, two) = (place.start(), place.start());
    let program = |url: &str, variant: &str| {
        reported(run(&mut command(url, Client::PyPi, "attachments", variant), DEADLINE))
    };
    let sent = program(one.url(), "files write");
    let stored = Stored::logs(two.url(), "files");
    let [row] = stored.rows() else { panic!("one row: {:#?}", stored.rows()) };
    let reference = &row["input"]["nested"][0];
    assert!(reference["key"].is_string(), "{reference}");
    for collector in [&two, &one] {
        let read = program(collector.url(), &format!("files {reference}"));
        let whole: Value =
            json!({"digest": sent["digest"], "fromDataset": sent["digest"], "status": "done"});
        assert_eq!(read, whole);
    }
    let objects = place.objects();
    assert_eq!(objects.len(), 1, "one for both: {objects:?}");
    assert!(objects[0].key.contains(sent["digest"].as_str().expect("a digest")));
}

#[test]
fn a_row_of_10_mb_of_python_goes_through_the_bucket_and_leaves_it() {
    if is_others() {
        return;
    }
    let place = Place::new();
    let (one, two) = (place.start(), place.start());
    let finished = run(&mut command(one.url(), Client::PyPi, "overflow", "large"), DEADLINE);
    let sent = reported(finished);
    let stored = Stored::logs(two.url(), "large");
    assert_eq!(stored.len(), 3);
    let text = stored.roots("large")[0]["output"].as_str().expect("a text").to_owned();
    assert_eq!(Some(text.len() as u64), sent["length"].as_u64());
    assert!(text.starts_with(sent["head"].as_str().expect("its start")));
    assert!(text.ends_with(sent["tail"].as_str().expect("its end")));
    place.holds(&[]);
}

#[test]
fn rows_uploaded_to_one_are_named_to_another_once() {
    if is_others() {
        return;
    }
    let place = Place::new();
    let (one, two) = (place.start(), place.start());
    let text = "words ".repeat(2_000_000);
    let body = json!({"api_version": 2, "rows": [
        {"id": "big", "experiment_id": "e", "input": text}]})
    .to_string();
    let announced =
        json!({"content_type": "application/json", "size_bytes": body.len(), "rows": []});
    let announced = post(one.url(), "/logs3/overflow", &[], &announced.to_string());
    let announced = announced.expect("an answer").json();
    let path = path_of(&announced["signedUrl"]);
    assert_eq!(put(one.url(), &path, body.as_bytes()).expect("an answer").status, 200);
    let objects = place.objects();
    let [object] = &objects[..] else { panic!("one object: {objects:?}") };
    let (_, name) = object.key.split_once('/').expect("a group");
    assert_eq!((name.len(), object.bytes), (64, body.len() as u64), "{name}");

    let reference = json!({"rows": {"type": "logs3_overflow", "key": announced["key"]},
        "api_version": 2})
    .to_string();
    let first = post(two.url(), "/logs3", &[], &reference).expect("an answer");
    assert_eq!(first.status, 200, "{}", first.text);
    place.holds(&[]);
    let again = post(one.url(), "/logs3", &[], &reference).expect("an answer");
    assert_eq!((again.status, &again.json()["xact_id"]), (200, &first.json()["xact_id"]));
    let stored = rows(one.url(), "experiment", "e");
    let [row] = &stored[..] else { panic!("{} rows", stored.len()) };
    assert!(row["input"] == text.as_str());
}

#[test]
fn code_pushed_to_one_is_read_from_another() {
    if is_others() {
        return;
    }
    let place = Place::new();
    let (one, two) = (place.start(), place.start());
    let body = json!({"org_id": "o", "runtime_context": {"runtime": "node", "version": "22.0.0"}});
    let slot = post(one.url(), "/function/code", &[], &body.to_string()).expect("an answer").json();
    let code = content(6, 8 << 20);
    let put = put(one.url(), &path_of(&slot["url"]), &code).expect("an answer");
    assert_eq!(put.status, 200, "{}", put.text);
    one.lose();
    let id = slot["bundleId"].as_str().expect("an id");
    let found = get(two.url(), &format!("/function/code/{id}")).json();
    assert_eq!(found["bytes"], code.len());
    let read = send(two.url(), "GET", &path_of(&found["url"]), &[], b"", PATIENCE);
    assert!(read.expect("an answer").bytes == code);
    place.holds(&[&code]);
}

/// Requests one after another, as a profile has them.
fn profile(requests: u64) -> String {
    let header = json!({"header": {"format": "tidegate-profile", "version": 1, "name": "a run",
        "source": "server", "started_unix_us": 0}});
    let mut text = format!("{header}\n");
    for number in 0..requests {
        let (start, end) = (number * 260_000, number * 260_000 + 254_000);
        let line = json!({"request": {"number": number + 1, "lane": 0, "rows": 1, "bytes": 900,
            "sent_bytes": 900, "queued_us": start, "start_us": start, "end_us": end,
            "status": 200}});
        text.push_str(&format!("{line}\n"));
    }
    text
}

#[test]
fn a_profile_kept_by_one_is_explained_by_another() {
    if is_others() {
        return;
    }
    let place = Place::new();
    let (one, two) = (place.start(), place.start());
    let body = json!({"project_name": "p", "experiment_name": "run"}).to_string();
    let made = post(one.url(), "/api/experiment/register", &[], &body).expect("an answer").json();
    let id = made["experiment"]["id"].as_str().expect("an id");
    let path = format!("/api/experiments/{id}/profile");
    for (url, other, requests) in [(one.url(), two.url(), 20), (two.url(), one.url(), 10)] {
        let kept = put(url, &path, profile(requests).as_bytes()).expect("an answer");
        assert_eq!(kept.status, 200, "{}", kept.text);
        assert_eq!(get(other, &path).text, profile(requests));
        let explained = get(other, &path.replace("/profile", "/timeline")).json();
        assert_eq!(explained["wall_us"], (requests - 1) * 260_000 + 254_000);
        assert_eq!(explained["diagnosis"][0]["cause"], "serial_uploads", "{explained}");
        let opened = get(other, &path.replace("/profile", "/speedscope")).json();
        assert_eq!(opened["profiles"][0]["name"], "upload lane 0", "{opened}");
    }
    // What was replaced stays as long as another collector could be about to name it.
    let newest = digest(profile(10).as_bytes());
    let objects = place.objects();
    assert!(objects.iter().any(|object| object.key.contains(&newest)), "{objects:?}");
    assert!(announce(one.url(), "k").starts_with("/attachment/blob/k?"));
}
