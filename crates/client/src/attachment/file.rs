//! Attachments that are files: looked at when they are made, read when they are uploaded.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::budget::{Budget, Lease};

/// Read, leased and handed to the connection at a time; less of a small budget.
const PIECE_BYTES: u64 = 128 << 10;
const LEAST_PIECE_BYTES: u64 = 4 << 10;

/// A file as it was when it was attached.
#[derive(Debug)]
pub(super) struct FileSource {
    path: PathBuf,
    length: u64,
    modified: Option<SystemTime>,
}

impl FileSource {
    pub(super) fn inspect(path: &Path) -> io::Result<Self> {
        // Looked at before it is opened, which would wait for ever for who writes to a pipe.
        if !fs::metadata(path)?.is_file() {
            let text = "only a regular file can be attached";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        // Opened, so that one that must not be read is found now.
        let found = File::open(path)?.metadata()?;
        // Absolute: the program may change its directory before the upload.
        let path = std::path::absolute(path)?;
        Ok(Self { path, length: found.len(), modified: found.modified().ok() })
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// What is wrong with the file, in words that name it.
    fn fault(&self, what: impl std::fmt::Display) -> io::Error {
        io::Error::other(format!("{}: {what}", self.path.display()))
    }

    fn check(&self, now: &Metadata) -> io::Result<()> {
        if now.len() == self.length && now.modified().ok() == self.modified {
            return Ok(());
        }
        Err(self.fault("the file has changed since it was attached"))
    }

    fn open(&self) -> io::Result<File> {
        let file = File::open(&self.path).map_err(|error| self.fault(error))?;
        self.check(&file.metadata().map_err(|error| self.fault(error))?)?;
        Ok(file)
    }

    /// Reads the file, a leased piece at a time, until all of it or an error is handed over, or
    /// nobody wants it any more.
    pub(super) async fn read(
        self: Arc<Self>,
        budget: &Arc<Budget>,
        pieces: mpsc::Sender<io::Result<Bytes>>,
    ) -> io::Result<()> {
        let source = Arc::clone(&self);
        let mut file = blocking(move || source.open()).await?;
        let piece = budget.share(16, LEAST_PIECE_BYTES, PIECE_BYTES);
        let mut left = self.length;
        while left > 0 {
            let want = left.min(piece);
            let lease = budget.admit_first(want).await;
            left -= want;
            let (source, is_last) = (Arc::clone(&self), left == 0);
            let read = blocking(move || {
                let mut data = vec![0_u8; usize::try_from(want).unwrap_or(0)];
                file.read_exact(&mut data).map_err(|error| match error.kind() {
                    io::ErrorKind::UnexpectedEof => {
                        source.fault("the file has changed since it was attached")
                    }
                    _ => source.fault(error),
                })?;
                if is_last {
                    // Before the last piece goes, so that no other file is ever taken for it.
                    source.check(&file.metadata()?)?;
                }
                Ok((data, file))
            });
            let data;
            (data, file) = read.await?;
            let data = Bytes::from_owner(Leased { data, _lease: lease });
            if pieces.send(Ok(data)).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// A piece that holds its bytes of the budget until the connection has let go of it.
struct Leased {
    data: Vec<u8>,
    _lease: Lease,
}

impl AsRef<[u8]> for Leased {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// The type of a file by its extension, where that leaves no doubt.
pub(super) fn content_type(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "txt" | "log" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "html" | "htm" => "text/html",
        "json" => "application/json",
        "jsonl" | "ndjson" => "application/x-ndjson",
        "xml" => "application/xml",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "gz" => "application/gzip",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "ogg" => "audio/ogg",
        "flac" => "audio/flac",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        _ => "application/octet-stream",
    }
}
