//! Reading an object, piece by piece.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, Stream};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tokio::sync::Semaphore;

use super::{REQUEST_DEADLINE, fault, in_time};

/// Bytes read with one request, and such requests at once for one reader: what keeps up with a
/// network that answers late.
pub(super) const READ_BYTES: u64 = 1 << 20;
const READ_AHEAD: usize = 2;
/// Readers that may do so at once, since each holds that much while its client takes nothing: 96 MiB
/// in all. Those beyond them hold as little as one of a file does.
pub(super) const WIDE_READERS: usize = 32;
pub(super) const NARROW_BYTES: u64 = 128 << 10;

/// An object to read.
#[derive(Debug)]
pub(in crate::blobs) struct Object {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) place: Path,
    pub(super) wide: Arc<Semaphore>,
}

impl Object {
    /// As [`Content::pieces`](crate::blobs::Content::pieces). Each piece is a request of its own, so
    /// that a slow reader holds none open.
    pub(in crate::blobs) fn pieces(
        self,
        start: u64,
        count: u64,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send {
        let wide = Arc::clone(&self.wide).try_acquire_owned().ok();
        let (size, at_once) =
            if wide.is_some() { (READ_BYTES, READ_AHEAD) } else { (NARROW_BYTES, 1) };
        let end = start + count;
        let object = Arc::new(self);
        let starts = stream::iter((0..count.div_ceil(size)).map(move |n| start + n * size));
        let pieces = starts.map(move |start| {
            let object = Arc::clone(&object);
            async move { object.piece(start, end.min(start + size)).await }
        });
        pieces.buffered(at_once).inspect(move |_| {
            // Held until the reader is done.
            let _: &Option<_> = &wide;
        })
    }

    async fn piece(&self, start: u64, end: u64) -> io::Result<Bytes> {
        let read = in_time(REQUEST_DEADLINE, async {
            self.store.get_range(&self.place, start..end).await.map_err(fault)
        });
        let piece = read.await?;
        if piece.len() as u64 != end - start {
            return Err(io::Error::other("the object is shorter than it was"));
        }
        Ok(piece)
    }
}
