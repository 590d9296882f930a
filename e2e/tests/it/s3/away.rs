//! While the bucket is away, files wait and rows do not.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use tidegate_testkit::s3::{self, Gate};
use tidegate_testkit::{get, rows, send};

use super::{
    PATIENCE, Place, announce, check, content, find, is_away, is_others, log, put, upload,
};

#[test]
fn without_its_bucket_a_collector_takes_rows_and_says_so_of_files() {
    if is_others() {
        return;
    }
    let mut gate = Gate::before(s3::shared());
    let place = Place::behind(&gate);
    let collector = place.start();
    let url = collector.url();
    let (before, small, large) = (content(1, 100_000), content(2, 100_000), content(3, 9_000_000));
    upload(url, "before", &before);
    let (small_path, large_path) = (announce(url, "small"), announce(url, "large"));
    let download = find(url, "before");

    gate.refuse();
    is_away(&put(url, &small_path, &small).expect("an answer"));
    is_away(&put(url, &large_path, &large).expect("an answer"));
    is_away(&send(url, "GET", &download, &[], b"", PATIENCE).expect("an answer"));
    assert_eq!(log(url, "meanwhile").status, 200);
    assert_eq!(rows(url, "experiment", "e").len(), 1);
    assert_eq!(get(url, "/ping").status, 200);

    gate.open();
    // The same URLs, and no restart.
    for (path, bytes) in [(&small_path, &small), (&large_path, &large)] {
        let reply = put(url, path, bytes).expect("an answer");
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    for (key, bytes) in [("before", &before), ("small", &small), ("large", &large)] {
        check(url, key, bytes);
    }
    place.holds(&[&before, &small, &large]);
    assert!(s3::shared().unfinished(&place.bucket).is_empty());
}

#[test]
fn a_bucket_that_somebody_removed_is_away() {
    if is_others() {
        return;
    }
    let place = Place::new();
    let collector = place.start();
    let url = collector.url();
    let paths = ["small", "large"].map(|key| announce(url, key));
    s3::shared().remove_bucket(&place.bucket);
    for (path, length) in paths.iter().zip([1_000, 9_000_000]) {
        is_away(&put(url, path, &content(1, length)).expect("an answer"));
    }
    assert_eq!(log(url, "meanwhile").status, 200);
}

#[test]
fn a_bucket_that_never_answers_is_given_up() {
    if is_others() {
        return;
    }
    let mut gate = Gate::before(s3::shared());
    let place = Place::behind(&gate);
    let collector = place.start();
    let url = collector.url();
    let (before, small, large) = (content(1, 100_000), content(2, 100_000), content(3, 9_000_000));
    upload(url, "before", &before);
    let (small_path, large_path) = (announce(url, "small"), announce(url, "large"));
    let download = find(url, "before");

    gate.hang();
    thread::scope(|scope| {
        let asked = [
            scope.spawn(|| put(url, &small_path, &small)),
            scope.spawn(|| put(url, &large_path, &large)),
            scope.spawn(|| send(url, "GET", &download, &[], b"", PATIENCE)),
        ];
        for row in 0..20 {
            assert_eq!(log(url, &format!("r{row}")).status, 200);
        }
        assert_eq!(rows(url, "experiment", "e").len(), 20);
        for reply in asked {
            is_away(&reply.join().expect("no panic").expect("an answer"));
        }
    });

    gate.open();
    for (path, bytes) in [(&small_path, &small), (&large_path, &large)] {
        let reply = put(url, path, bytes).expect("an answer");
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    for (key, bytes) in [("before", &before), ("small", &small), ("large", &large)] {
        check(url, key, bytes);
    }
}

#[test]
fn an_upload_whose_bucket_stops_answering_in_the_middle_is_given_up() {
    if is_others() {
        return;
    }
    let mut gate = Gate::before(s3::shared());
    let place = Place::behind(&gate);
    let collector = place.start();
    let url = collector.url();
    let large = content(1, 20_000_003);
    let path = announce(url, "large");
    gate.hang_after(9 << 20);
    is_away(&put(url, &path, &large).expect("an answer"));
    // What was received is not kept for a client that does not come back.
    assert_eq!(collector.under_way(), 0);

    gate.open();
    place.holds(&[]);
    let reply = put(url, &path, &large).expect("an answer");
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(collector.under_way(), 0);
    check(url, "large", &large);
    place.holds(&[&large]);
}

#[test]
fn a_download_that_loses_its_bucket_is_never_taken_for_whole() {
    if is_others() {
        return;
    }
    let mut gate = Gate::before(s3::shared());
    let place = Place::behind(&gate);
    let collector = place.start();
    let url = collector.url();
    // More than sockets and the collector hold.
    let large = content(1, 40_000_000);
    upload(url, "large", &large);
    let path = find(url, "large");
    let address = url.strip_prefix("http://").expect("a URL");
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = vec![0; 1_000];
    stream.read_exact(&mut answer).expect("its beginning");
    assert!(answer.starts_with(b"HTTP/1.1 200 "));

    gate.refuse();
    // Its end is an error or comes early: the length was announced.
    stream.read_to_end(&mut answer).ok();
    assert!(answer.len() < large.len(), "{} bytes came", answer.len());
    gate.open();
    check(url, "large", &large);
}

#[test]
fn what_hangs_goes_on_when_the_network_is_back() {
    if is_others() {
        return;
    }
    let mut gate = Gate::before(s3::shared());
    let place = Place::behind(&gate);
    let collector = place.start();
    let url = collector.url();
    let large = content(1, 20_000_000);
    let path = announce(url, "large");
    gate.hang_after(9 << 20);
    thread::scope(|scope| {
        let upload = scope.spawn(|| put(url, &path, &large));
        gate.wait_until_hanging(Duration::from_secs(60));
        // Nobody sees a part of it.
        place.holds(&[]);
        gate.open();
        let reply = upload.join().expect("no panic").expect("an answer");
        assert_eq!(reply.status, 200, "{}", reply.text);
    });
    check(url, "large", &large);
    place.holds(&[&large]);
}
