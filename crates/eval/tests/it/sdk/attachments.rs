//! Attachments of rows: written, kept with them, and read back, against a real collector.

use std::io::Write as _;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tidegate_client::{
    Attachment, AttachmentReference, AttachmentStatus, Dataset, DatasetOptions, DatasetRecord,
    DownloadError, DropReason, Event, ExternalAttachment,
};

use crate::world::{world, world_with};

const MINUTE: Duration = Duration::from_secs(60);
const FIVE_MINUTES: Duration = Duration::from_secs(300);

/// Different in every piece, so that a piece too many, too few or in the wrong place shows.
fn pattern(length: usize) -> Vec<u8> {
    (0..length as u32).map(|at| (at.wrapping_mul(31) ^ (at >> 11)) as u8).collect()
}

fn reference(value: &serde_json::Value) -> AttachmentReference {
    AttachmentReference::of(value).unwrap_or_else(|| panic!("no reference: {value}"))
}

#[tokio::test]
async fn attachments_come_back_from_wherever_they_stood() {
    let world = world().await;
    let logger = world.client.init_logger("service").await.expect("a logger");
    let picture = Attachment::from_bytes("a ü.png", "image/png", pattern(300_000));
    let document = Attachment::from_json("trace.json", &json!({"steps": [1, 2, 3]}));
    let page = ExternalAttachment::new("p.pdf", "application/pdf", "https://example.com/p.pdf");
    let event = Event::new()
        .input(&json!({"nested": [picture]}))
        .output(&document)
        .metadata(&json!({"page": page}));
    let id = logger.log(event).expect("recorded");
    let receipt = logger.flush(MINUTE).await.expect("stored");
    assert_eq!((receipt.attachments.accepted, receipt.attachments.uploaded), (2, 2));

    let rows = world.rows_of("project_logs", &logger.project().id).await;
    let row = rows.iter().find(|row| row["id"] == *id).expect("the row");
    let stored = world.client.attachment(reference(&row["input"]["nested"][0]));
    assert_eq!(stored.reference().filename(), "a ü.png");
    assert_eq!(stored.status().await.expect("known"), AttachmentStatus::Done);
    let bytes = stored.bytes(1 << 20, MINUTE).await.expect("read");
    assert!(bytes == pattern(300_000));
    let error = stored.bytes(1_000, MINUTE).await.expect_err("larger");
    assert!(matches!(error, DownloadError::TooLarge { limit_bytes: 1_000 }), "{error}");
    let stored = world.client.attachment(reference(&row["output"]));
    let bytes = stored.bytes(1 << 20, MINUTE).await.expect("read");
    assert_eq!(&bytes[..], br#"{"steps":[1,2,3]}"#);
    let external = reference(&row["metadata"]["page"]);
    assert!(
        matches!(&external, AttachmentReference::External { url, .. } if url.ends_with("/p.pdf"))
    );

    let dataset = Dataset::init(&world.client, DatasetOptions::new("service", "pictures"));
    let dataset = dataset.await.expect("a dataset");
    let record = DatasetRecord::new().input(&json!({"picture": picture})).expected("a cat");
    dataset.insert(record).await;
    let receipt = world.client.flush(MINUTE).await.expect("stored");
    assert_eq!(receipt.attachments.accepted, 0, "it is there already");
    let mut pages = dataset.fetch();
    let page = pages.next(MINUTE).await.expect("read").expect("a page");
    let stored = world.client.attachment(reference(&page[0].input["picture"]));
    assert!(stored.bytes(1 << 20, MINUTE).await.expect("read") == pattern(300_000));
}

/// 50 MB through a budget of 2 MiB: only pieces are ever in memory, each of them leased.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_fifty_megabytes_is_never_in_memory_as_a_whole() {
    const LENGTH: usize = 50_000_000;
    const BUDGET: u64 = 2 << 20;
    let world = world_with(|config| config.budget_bytes(BUDGET)).await;
    let logger = world.client.init_logger("service").await.expect("a logger");
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("recording.wav");
    let mut file = std::fs::File::create(&path).expect("a file");
    file.write_all(&pattern(LENGTH)).expect("written");
    drop(file);

    let attachment = Attachment::from_file(&path).expect("a file");
    let id = logger.log(Event::new().input(&attachment)).expect("recorded");
    let client = world.client.clone();
    let flushing = logger.flush(FIVE_MINUTES);
    tokio::pin!(flushing);
    let (mut peak, mut looks) = (0, 0_u64);
    let receipt = loop {
        tokio::select! {
            receipt = &mut flushing => break receipt.expect("stored"),
            () = tokio::time::sleep(Duration::from_millis(1)) => {
                let pending = client.pending_bytes();
                assert!(pending <= BUDGET, "{pending} bytes are pending");
                (peak, looks) = (peak.max(pending), looks + 1);
                // Others are not kept out by it.
                if looks.is_multiple_of(10) {
                    logger.log(Event::new().input(&looks));
                }
            }
        }
    };
    assert_eq!(receipt.attachments.uploaded, 1);
    assert!(peak > 4_096, "pieces are leased: {peak} at most in {looks} looks");
    world.flushed().await;
    assert_eq!(client.pending_bytes(), 0);

    let rows = world.rows_of("project_logs", &logger.project().id).await;
    let row = rows.iter().find(|row| row["id"] == *id).expect("the row");
    let stored = world.client.attachment(reference(&row["input"]));
    assert_eq!(stored.reference().content_type(), "audio/wav");
    let copy = directory.path().join("copy.wav");
    let length = stored.save(&copy, FIVE_MINUTES).await.expect("read");
    assert_eq!(length, LENGTH as u64);
    assert!(std::fs::read(&copy).expect("written") == pattern(LENGTH));
    let names = std::fs::read_dir(directory.path()).expect("a directory");
    assert_eq!(names.count(), 2, "no part is left behind");
}

#[tokio::test]
async fn the_status_of_a_row_says_why_its_attachment_is_not_there() {
    let world = world_with(|config| config.on_error(|_| {})).await;
    let logger = world.client.init_logger("service").await.expect("a logger");
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("notes.txt");
    std::fs::write(&path, "as it was").expect("written");
    let attachment = Attachment::from_file(&path).expect("a file");
    std::fs::write(&path, "and as it is").expect("written");
    logger.log(Event::new().input(&attachment));
    let error = logger.flush(MINUTE).await.expect_err("one is lost");
    let failed = &error.receipt().attachments.failed;
    assert_eq!(failed.get(&DropReason::Unreadable), Some(&1));
    assert_eq!((error.receipt().rows, error.receipt().lost()), (1, 0));

    let stored = world.client.attachment(attachment.reference());
    let status = stored.status().await.expect("known");
    let AttachmentStatus::Failed(message) = &status else { panic!("{status:?}") };
    assert!(message.contains("notes.txt: the file has changed"), "{message}");
    let error = stored.bytes(1 << 20, MINUTE).await.expect_err("not there");
    assert!(matches!(error, DownloadError::NotThere(_)), "{error}");
    let target = directory.path().join("target");
    stored.save(&target, MINUTE).await.expect_err("not there");
    assert!(!target.exists());
}
