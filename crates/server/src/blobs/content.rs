//! Reading uploaded bytes, a piece at a time.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};

#[cfg(feature = "s3")]
use super::bucket::Object;

/// Bytes of a file read at a time.
const READ_BYTES: usize = 128 << 10;

/// Pieces of the bytes, in order.
type Pieces = BoxStream<'static, io::Result<Bytes>>;

/// The bytes of an upload, not read yet.
#[derive(Debug)]
pub(crate) struct Content {
    pub(super) length: u64,
    pub(super) source: Source,
}

#[derive(Debug)]
pub(super) enum Source {
    File(File),
    #[cfg(feature = "s3")]
    Object(Object),
}

impl Content {
    /// In bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Reads `count` bytes from `start` on, both within the length. What ends early is an error, so
    /// that nobody takes a part for the whole.
    pub(crate) fn pieces(self, start: u64, count: u64) -> Pieces {
        match self.source {
            Source::File(file) => file_pieces(file, start, count).boxed(),
            #[cfg(feature = "s3")]
            Source::Object(object) => object.pieces(start, count).boxed(),
        }
    }

    /// Reads all, or the first `limit` bytes, into memory.
    pub(crate) async fn bytes(self, limit: u64) -> io::Result<Vec<u8>> {
        let count = self.length.min(limit);
        let mut data = Vec::with_capacity(usize::try_from(count).map_err(io::Error::other)?);
        let mut pieces = self.pieces(0, count);
        while let Some(piece) = pieces.try_next().await? {
            data.extend_from_slice(&piece);
        }
        Ok(data)
    }
}

/// Where a file is read next, and how much is left.
struct Rest {
    file: File,
    seek: Option<u64>,
    left: u64,
}

fn file_pieces(
    file: File,
    start: u64,
    count: u64,
) -> impl stream::Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold(Rest { file, seek: Some(start), left: count }, |mut rest| async move {
        if rest.left == 0 {
            return Ok(None);
        }
        let read = tokio::task::spawn_blocking(move || {
            if let Some(start) = rest.seek.take() {
                rest.file.seek(SeekFrom::Start(start))?;
            }
            let want = usize::try_from(rest.left).unwrap_or(READ_BYTES).min(READ_BYTES);
            let mut piece = vec![0; want];
            rest.file.read_exact(&mut piece)?;
            rest.left -= want as u64;
            Ok::<_, io::Error>(Some((Bytes::from(piece), rest)))
        });
        read.await.map_err(io::Error::other)?
    })
}
