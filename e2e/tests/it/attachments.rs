//! Files in traces and datasets: uploaded by one process and read back by another, byte for byte.

use serde_json::{Value, json};

use crate::clients::{Client, World};
use crate::stored::Stored;

/// SHA-256 of what the programs upload.
const DIGEST: &str = "7746f603692a686cd64102485f55a005fd9521e026974d885676c0a486c0b2ae";

#[test]
fn attachments_come_back_as_they_went() {
    check(Client::NPM, Client::PyPi);
}

#[test]
fn attachments_of_an_older_package_come_back_as_they_went() {
    check(Client::NPM_3_3, Client::NPM);
}

#[test]
fn attachments_of_python_come_back_as_they_went() {
    check(Client::PyPi, Client::NPM_3_3);
}

/// `writer` uploads; it and another client read.
fn check(writer: Client, other: Client) {
    let world = World::start();
    let sent = world.report(writer, "attachments", "files write");
    assert_eq!(sent["digest"], DIGEST);

    let stored = Stored::logs(world.url(), "files");
    let [row] = stored.rows() else { panic!("one row: {:#?}", stored.rows()) };
    let reference = &row["input"]["nested"][0];
    assert!(reference["key"].is_string(), "{reference}");
    let expected = json!({
        "type": "braintrust_attachment",
        "filename": "a name ü.bin",
        "content_type": "application/octet-stream",
        "key": reference["key"],
    });
    assert_eq!(reference, &expected);
    for reader in [writer, other] {
        let read = world.report(reader, "attachments", &format!("files {reference}"));
        let whole: Value = json!({"digest": DIGEST, "fromDataset": DIGEST, "status": "done"});
        assert_eq!(read, whole, "{reader:?} reads what {writer:?} wrote");
    }
}
