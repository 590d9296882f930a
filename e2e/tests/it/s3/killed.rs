//! Collectors that are killed while they write to the bucket.

use std::thread;
use std::time::Duration;

use tidegate_testkit::s3::{self, Gate};

use super::{Place, announce, check, content, is_others, put};

#[test]
fn a_collector_killed_in_the_middle_of_an_upload_leaves_no_object() {
    if is_others() {
        return;
    }
    // In parts, after one has been sent whole; and with one request.
    for (length, passes, in_parts) in [(20_000_003, 9 << 20, 1), (2_000_000, 1_000_000, 0)] {
        let mut gate = Gate::before(s3::shared());
        let place = Place::behind(&gate);
        let (one, two) = (place.start(), place.start());
        let (bytes, path) = (content(1, length), announce(one.url(), "k"));
        let url = one.url();
        gate.hang_after(passes);
        thread::scope(|scope| {
            let upload = scope.spawn(|| put(url, &path, &bytes));
            gate.wait_until_hanging(Duration::from_secs(60));
            let pid = one.server.pid().to_string();
            let killed = std::process::Command::new("kill").args(["-9", &pid]).status();
            assert!(killed.expect("kill").success());
            upload.join().expect("no panic").expect_err("nobody answers");
        });
        // What is in the buffers of sockets is lost as well.
        gate.refuse();
        gate.open();
        place.holds(&[]);
        assert_eq!(s3::shared().unfinished(&place.bucket).len(), in_parts);
        one.lose();

        // The client repeats it, with another collector or with its successor.
        let repeated = put(two.url(), &path, &bytes).expect("an answer");
        assert_eq!(repeated.status, 200, "{}", repeated.text);
        check(place.start().url(), "k", &bytes);
        place.holds(&[&bytes]);
    }
}
