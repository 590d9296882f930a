//! A row of 10 MB: larger than a request may be, it takes the way of an overflow upload.

use tidegate_testkit::get;

use crate::clients::{Client, World};
use crate::stored::Stored;

#[test]
fn a_row_of_10_mb_is_stored_whole() {
    check(Client::NPM);
}

#[test]
fn a_row_of_10_mb_of_an_older_package_is_stored_whole() {
    check(Client::NPM_3_3);
}

#[test]
fn a_row_of_10_mb_of_python_is_stored_whole() {
    check(Client::PyPi);
}

fn check(client: Client) {
    let world = World::start();
    // A client overflows beyond the limit that the server announces, and only if it does.
    let limit = get(world.url(), "/version").json()["logs3_payload_max_bytes"].as_u64();
    let limit = limit.expect("a limit");
    let finished = world.run(client, "overflow", "large").success();
    assert_eq!(finished.stderr, "");
    let sent: serde_json::Value = serde_json::from_str(&finished.stdout).expect("a report");
    assert!(sent["length"].as_u64() > Some(limit.max(10_000_000)), "{sent}");

    let stored = Stored::logs(world.url(), "large");
    stored.check_every_row();
    assert_eq!(stored.len(), 3);
    for input in ["before", "after"] {
        assert_eq!(stored.roots(input)[0]["output"], "small");
    }
    let text = stored.roots("large")[0]["output"].as_str().expect("a text");
    assert_eq!(Some(text.len() as u64), sent["length"].as_u64());
    assert!(text.starts_with(sent["head"].as_str().expect("its start")));
    assert!(text.ends_with(sent["tail"].as_str().expect("its end")));
}
