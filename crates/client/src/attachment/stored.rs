//! Reading what is attached to rows.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidegate_model::wire::uploads::AttachmentReply;
use tokio::sync::mpsc;

use crate::client::Client;
use crate::error::ApiError;
use crate::experiment::encode;
use crate::ids;
use crate::session::{Origin, Session};

/// Pieces of a download that wait for whoever reads.
const PIECES: usize = 4;

/// How a row refers to an attachment.
///
/// ```
/// use serde_json::json;
/// use tidegate_client::AttachmentReference;
///
/// let row = json!({"input": {"picture": {
///     "type": "braintrust_attachment", "filename": "cat.png", "content_type": "image/png",
///     "key": "0f7c…",
/// }}});
/// let reference = AttachmentReference::of(&row["input"]["picture"]).expect("a reference");
/// assert_eq!(reference.filename(), "cat.png");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
#[non_exhaustive]
pub enum AttachmentReference {
    /// To an upload.
    #[serde(rename = "braintrust_attachment")]
    Stored {
        /// Of the uploaded file.
        filename: String,
        /// Of its bytes.
        content_type: String,
        /// By which the server knows it.
        key: String,
    },
    /// To something under a URL of its own.
    #[serde(rename = "external_attachment")]
    External {
        /// Of the file.
        filename: String,
        /// Of its bytes.
        content_type: String,
        /// Where it is.
        url: String,
    },
}

impl AttachmentReference {
    /// Reads a value of a row; `None` if it refers to no attachment.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        Self::deserialize(value).ok()
    }

    /// The name of the file.
    #[must_use]
    pub fn filename(&self) -> &str {
        match self {
            Self::Stored { filename, .. } | Self::External { filename, .. } => filename,
        }
    }

    /// The type of the bytes.
    #[must_use]
    pub fn content_type(&self) -> &str {
        match self {
            Self::Stored { content_type, .. } | Self::External { content_type, .. } => content_type,
        }
    }

    fn path(&self, org: &str) -> String {
        let (what, value) = match self {
            Self::Stored { key, .. } => ("key", key),
            Self::External { url, .. } => ("url", url),
        };
        let (filename, kind) = (encode(self.filename()), encode(self.content_type()));
        let (org, value) = (encode(org), encode(value));
        format!("attachment?filename={filename}&content_type={kind}&org_id={org}&{what}={value}")
    }
}

/// How far the upload of an attachment has come.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachmentStatus {
    /// It is on its way, as far as the server knows.
    Uploading,
    /// It is there.
    Done,
    /// It will not come, for this reason.
    Failed(String),
}

impl fmt::Display for AttachmentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uploading => f.write_str("it is still being uploaded"),
            Self::Done => f.write_str("it is uploaded"),
            Self::Failed(why) => write!(f, "its upload has failed: {why}"),
        }
    }
}

/// An attachment that could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// The server cannot be reached or refuses.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// There is nothing to be read.
    #[error("the attachment is not there: {0}")]
    NotThere(AttachmentStatus),
    /// It is larger than the caller wants.
    #[error("the attachment exceeds {limit_bytes} bytes")]
    TooLarge {
        /// What the caller allowed.
        limit_bytes: u64,
    },
    /// The file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// An attachment of a row that was read; see [`Client::attachment`].
#[derive(Debug, Clone)]
pub struct StoredAttachment {
    client: Client,
    reference: AttachmentReference,
}

impl StoredAttachment {
    pub(crate) fn new(client: Client, reference: AttachmentReference) -> Self {
        Self { client, reference }
    }

    /// What it was read from.
    #[must_use]
    pub fn reference(&self) -> &AttachmentReference {
        &self.reference
    }

    /// Asks how far its upload has come.
    ///
    /// # Errors
    /// [`ApiError`] if the server cannot be reached, refuses, or has never heard of it.
    pub async fn status(&self) -> Result<AttachmentStatus, ApiError> {
        let (session, reference) = (Arc::clone(self.client.session()), self.reference.clone());
        self.client.on_thread(async move { Ok(status(&find(&session, &reference).await?)) }).await
    }

    /// Reads it into memory, up to a length. The deadline covers the whole call.
    ///
    /// # Errors
    /// [`DownloadError`] if it is not there, larger, or cannot be read in time.
    ///
    /// # Cancel safety
    /// Dropping the future ends the download.
    pub async fn bytes(
        &self,
        limit_bytes: u64,
        deadline: Duration,
    ) -> Result<Bytes, DownloadError> {
        let mut pieces = self.pieces(deadline);
        let mut all = BytesMut::new();
        while let Some(piece) = next(pieces.recv().await)? {
            if all.len() as u64 + piece.len() as u64 > limit_bytes {
                return Err(DownloadError::TooLarge { limit_bytes });
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }

    /// Writes it to a file, piece by piece, and returns its length. The file is there whole or not
    /// at all; one that was there before is replaced. The deadline covers the whole call.
    ///
    /// # Errors
    /// As [`StoredAttachment::bytes`], or the file cannot be written.
    ///
    /// # Cancel safety
    /// Dropping the future ends the download and may leave a file with `.part` in its name.
    pub async fn save(
        &self,
        path: impl AsRef<Path>,
        deadline: Duration,
    ) -> Result<u64, DownloadError> {
        let path = path.as_ref().to_owned();
        let mut pieces = self.pieces(deadline);
        // A thread of the client's own: the caller's runtime may have none to spare.
        let saved = self.client.on_thread(async move {
            let written = tokio::task::spawn_blocking(move || {
                let draft = draft_of(&path);
                let written = write(&draft, &mut pieces).and_then(|length| {
                    let renamed = fs::rename(&draft, &path);
                    renamed.map(|()| length).map_err(|source| DownloadError::Write { path, source })
                });
                if written.is_err() {
                    // What cannot be removed either is named by the first error.
                    fs::remove_file(&draft).ok();
                }
                written
            });
            written.await.map_err(|_| ApiError::Shutdown)
        });
        saved.await?
    }

    /// Downloads on the client's own thread.
    fn pieces(&self, deadline: Duration) -> mpsc::Receiver<Result<Bytes, DownloadError>> {
        let (sender, pieces) = mpsc::channel(PIECES);
        let (session, reference) = (Arc::clone(self.client.session()), self.reference.clone());
        let client = self.client.clone();
        let run = async move {
            let download = download(&session, &reference, &sender);
            let ended = tokio::time::timeout(deadline, download).await.unwrap_or_else(|_| {
                let path = "attachment".to_owned();
                Err(ApiError::Deadline { path, deadline }.into())
            });
            // Nobody may be reading any more.
            sender.send(ended.map(|()| END)).await.ok();
        };
        client.spawn(run);
        pieces
    }
}

/// Stands for the end of a download. Without it, what has come is not all: the client was shut down.
const END: Bytes = Bytes::new();

/// The next piece; `None` at the end.
fn next(piece: Option<Result<Bytes, DownloadError>>) -> Result<Option<Bytes>, DownloadError> {
    let piece = piece.ok_or(ApiError::Shutdown)??;
    Ok(Some(piece).filter(|piece| !piece.is_empty()))
}

fn draft_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:08x}.part", ids::random() as u32));
    path.with_file_name(name)
}

fn write(
    path: &Path,
    pieces: &mut mpsc::Receiver<Result<Bytes, DownloadError>>,
) -> Result<u64, DownloadError> {
    let failed = |source| DownloadError::Write { path: path.to_owned(), source };
    let mut file = File::create_new(path).map_err(failed)?;
    let mut length = 0;
    while let Some(piece) = next(pieces.blocking_recv())? {
        file.write_all(&piece).map_err(failed)?;
        length += piece.len() as u64;
    }
    file.sync_data().map_err(failed)?;
    Ok(length)
}

async fn find(
    session: &Session,
    reference: &AttachmentReference,
) -> Result<AttachmentReply, ApiError> {
    let org = session.connected().await?.org.id.clone();
    session.json(Origin::Api, Method::GET, &reference.path(&org), None).await
}

fn status(reply: &AttachmentReply) -> AttachmentStatus {
    match reply.status.upload_status.as_str() {
        "done" => AttachmentStatus::Done,
        "error" => AttachmentStatus::Failed(reply.status.error_message.clone().unwrap_or_default()),
        _ => AttachmentStatus::Uploading,
    }
}

async fn download(
    session: &Session,
    reference: &AttachmentReference,
    pieces: &mpsc::Sender<Result<Bytes, DownloadError>>,
) -> Result<(), DownloadError> {
    let reply = find(session, reference).await?;
    match status(&reply) {
        AttachmentStatus::Done => {}
        status => return Err(DownloadError::NotThere(status)),
    }
    let mut download = session.http().fetch(&reply.download_url).await?;
    while let Some(piece) = download.next().await? {
        if !piece.is_empty() && pieces.send(Ok(piece)).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}
