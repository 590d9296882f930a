//! Files beside rows: attached, uploaded in the background, and read back.
//!
//! ```sh
//! cargo run --example attachments
//! ```

use std::io::Write as _;
use std::time::Duration;

use serde_json::json;
use tidegate::Connection;
use tidegate::client::{Attachment, Event, ExternalAttachment};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let connection = Connection::open()?;
    let logger = connection.client().init_logger("ways-in").await?;

    let directory = tempfile::tempdir()?;
    let path = directory.path().join("question.wav");
    std::fs::write(&path, vec![0; 1_000_000])?;

    // Read from the disk as it is uploaded, never held as a whole.
    let recording = Attachment::from_file(&path)?;
    let pixel = Attachment::from_bytes("pixel.gif", "image/gif", &b"GIF89a"[..]);
    let steps = Attachment::from_json("steps.json", &json!({"tokens": [5, 8, 13]}));
    let manual = ExternalAttachment::new("m.pdf", "application/pdf", "https://example.com/m.pdf");

    // They stand anywhere in a value.
    let event = Event::new()
        .input(&json!({"question": recording, "pictures": [pixel], "manual": manual}))
        .metadata(&json!({"steps": steps}));
    logger.log(event);
    let receipt = logger.flush(MINUTE).await?;

    let mut out = std::io::stdout();
    writeln!(out, "{} row, {} attachments uploaded", receipt.rows, receipt.attachments.uploaded)?;

    // A program that reads the row finds the same reference in it.
    let stored = connection.client().attachment(recording.reference());
    let copy = directory.path().join("copy.wav");
    let bytes = stored.save(&copy, MINUTE).await?;
    writeln!(out, "{} came back with {bytes} bytes", stored.reference().filename())?;
    Ok(())
}
