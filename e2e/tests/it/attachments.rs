//! Files in traces and datasets: uploaded by one process and read back by another, byte for byte.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_client::{
    Attachment, AttachmentReference, Config, Dataset, DatasetOptions, DatasetRecord, Event,
};

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

const MINUTE: Duration = Duration::from_secs(60);

/// What the programs upload.
fn content() -> Vec<u8> {
    (0..300_000_u32).map(|at| ((at.wrapping_mul(31)).wrapping_add(at >> 8)) as u8).collect()
}

/// Our SDK writes and JavaScript reads, and the reverse.
#[tokio::test]
async fn attachments_of_rust_are_read_by_javascript_and_theirs_by_rust() {
    let world = World::start();
    let config = Config::default().app_url(world.url()).api_key("any");
    let ours = tidegate_client::Client::new(config).expect("a client");
    let make = |name: &str| Attachment::from_bytes(name, "application/octet-stream", content());
    let file = make("a name ü.bin");
    let logger = ours.init_logger("files").await.expect("a logger");
    logger.log(Event::new().input(&json!({"nested": [file]})).output("seen"));
    let dataset = Dataset::init(&ours, DatasetOptions::new("files", "files"));
    let dataset = dataset.await.expect("a dataset");
    let record = DatasetRecord::new().id("f").input(&make("case.bin")).expected("seen");
    dataset.insert(record).await;
    let receipt = ours.flush(MINUTE).await.expect("stored");
    assert_eq!((receipt.attachments.accepted, receipt.attachments.uploaded), (2, 2));
    let reference = json!(file.reference());
    let read = world.report(Client::NPM, "attachments", &format!("files {reference}"));
    let whole: Value = json!({"digest": DIGEST, "fromDataset": DIGEST, "status": "done"});
    assert_eq!(read, whole);

    world.report(Client::NPM, "attachments", "theirs write");
    let stored = Stored::logs(world.url(), "theirs");
    let [row] = stored.rows() else { panic!("one row: {:#?}", stored.rows()) };
    let reference = AttachmentReference::of(&row["input"]["nested"][0]).expect("a reference");
    let bytes = ours.attachment(reference).bytes(1 << 20, MINUTE).await.expect("read");
    assert!(bytes == content());
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
