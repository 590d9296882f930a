//! Attachments: bytes beside a row, which holds only a reference to them.
//!
//! ```text
//! event.input(&value) -> reference in the JSON, handle in the event   (event, registry)
//!   -> leased with its record                                         (recorder)
//!   -> waits for one of four lanes                                    (queue: pure)
//!   -> POST /attachment -> signed URL -> POST /attachment/status      (upload)
//! client.attachment(reference) -> bytes                               (stored)
//! ```

mod file;
mod queue;
mod registry;
mod stored;
mod upload;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Serialize, Serializer};
use tidegate_model::wire::uploads::{AttachmentRef, ExternalRef};
use uuid::Uuid;

use crate::json::Json;
use file::FileSource;
#[cfg(test)]
pub(crate) use queue::What;
pub(crate) use queue::{Fate, Queue, Step, Upload, Verdict};
pub(crate) use registry::{
    Claim, Claims, ClientId, any_serialized, assign, claims_in, is_due, refers_to, unassign,
};
pub use stored::{AttachmentReference, AttachmentStatus, DownloadError, StoredAttachment};

/// Something that is uploaded beside a row: a picture, a recording, a long document.
///
/// It stands anywhere inside of `input`, `output`, `expected` or `metadata`, and serializes to a
/// reference that says nothing of its content. Whichever way it got into a value that is
/// recorded, `serde_json::json!` included, the client that records it uploads it, at most once,
/// in the background: [`Client::flush`](crate::Client::flush) waits for it and
/// [`Receipt::attachments`](crate::Receipt) counts it. Serializing one elsewhere only writes the
/// reference.
///
/// Clones are the same attachment. The bytes of one in memory count against
/// [`Config::budget_bytes`](crate::Config::budget_bytes) from the record on until they are
/// uploaded; a file is read as it is uploaded, and never held as a whole.
///
/// ```
/// use serde_json::json;
/// use tidegate_client::{Attachment, Event};
///
/// let picture = Attachment::from_bytes("cat.png", "image/png", vec![0x89, b'P', b'N', b'G']);
/// let event = Event::new().input(&json!({"question": "What is this?", "picture": picture}));
/// ```
#[derive(Clone)]
pub struct Attachment(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    about: Arc<About>,
    data: Data,
    /// Attachments inside of the content.
    nested: Vec<Attachment>,
}

/// What is said of an attachment before and without its bytes.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub(crate) key: Uuid,
    pub(crate) filename: String,
    pub(crate) content_type: String,
}

#[derive(Debug, Clone)]
enum Data {
    Memory(Bytes),
    File(Arc<FileSource>),
}

/// What the record of an attachment costs beside its bytes: names, and its place in queues.
pub(crate) const OVERHEAD_BYTES: u64 = 512;

impl fmt::Debug for Attachment {
    /// Without the bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.about, f)
    }
}

impl Attachment {
    fn new(filename: String, content_type: String, data: Data, nested: Vec<Self>) -> Self {
        let about = Arc::new(About { key: registry::new_key(), filename, content_type });
        Self(Arc::new(Inner { about, data, nested }))
    }

    /// Makes one of bytes in memory.
    #[must_use]
    pub fn from_bytes(
        filename: impl Into<String>,
        content_type: impl Into<String>,
        bytes: impl Into<Bytes>,
    ) -> Self {
        Self::new(filename.into(), content_type.into(), Data::Memory(bytes.into()), Vec::new())
    }

    /// Makes one of a file, which is read when it is uploaded. Its name is that of the file, and
    /// its type follows from a well-known extension, else it is `application/octet-stream`.
    ///
    /// The file has to stay as it is until it is uploaded: one that has changed or is gone by then
    /// is not uploaded, and both the row's attachment and the receipt say so.
    ///
    /// # Errors
    /// There is no such file, it cannot be read, or it is no regular file.
    pub fn from_file(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let source = FileSource::inspect(path)?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let content_type = file::content_type(path).to_owned();
        Ok(Self::new(name.unwrap_or_default(), content_type, Data::File(source.into()), Vec::new()))
    }

    /// Makes one of a value as JSON: for what is too large to stand in a row, where it would be
    /// indexed and shown. A value that cannot be serialized becomes a text that says so.
    #[must_use]
    pub fn from_json<T: Serialize + ?Sized>(filename: impl Into<String>, value: &T) -> Self {
        let json = Json::or_text(value);
        // What it refers to goes along: nobody else will see these references.
        let nested = claims_in(json.bytes()).into_iter().filter_map(|claim| claim.attachment);
        let (nested, bytes) = (nested.collect(), Bytes::copy_from_slice(json.bytes()));
        Self::new(filename.into(), "application/json".to_owned(), Data::Memory(bytes), nested)
    }

    /// Sets another file name. The result is an attachment of its own.
    #[must_use]
    pub fn filename(self, filename: impl Into<String>) -> Self {
        let Inner { about, data, nested } = Arc::unwrap_or_clone(self.0);
        Self::new(filename.into(), about.content_type.clone(), data, nested)
    }

    /// Sets another content type. The result is an attachment of its own.
    #[must_use]
    pub fn content_type(self, content_type: impl Into<String>) -> Self {
        let Inner { about, data, nested } = Arc::unwrap_or_clone(self.0);
        Self::new(about.filename.clone(), content_type.into(), data, nested)
    }

    /// The reference that stands in rows.
    #[must_use]
    pub fn reference(&self) -> AttachmentReference {
        let About { key, filename, content_type } = &*self.0.about;
        AttachmentReference::Stored {
            filename: filename.clone(),
            content_type: content_type.clone(),
            key: key.to_string(),
        }
    }

    /// Attachments inside of the content, which are uploaded with it.
    pub(crate) fn nested(&self) -> &[Self] {
        &self.0.nested
    }

    pub(crate) fn about(&self) -> &Arc<About> {
        &self.0.about
    }

    pub(crate) fn key(&self) -> Uuid {
        self.0.about.key
    }

    fn in_memory_bytes(&self) -> u64 {
        match &self.0.data {
            Data::Memory(bytes) => bytes.len() as u64,
            Data::File(_) => 0,
        }
    }

    fn is_file(&self) -> bool {
        matches!(self.0.data, Data::File(_))
    }

    /// What it takes of the byte budget until it is uploaded.
    pub(crate) fn leased_bytes(&self) -> u64 {
        OVERHEAD_BYTES + self.in_memory_bytes()
    }
}

impl Serialize for Attachment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        registry::serialized(self);
        let About { key, filename, content_type } = &*self.0.about;
        let mut text = Uuid::encode_buffer();
        let key = &*key.hyphenated().encode_lower(&mut text);
        AttachmentRef::new(filename, content_type, key).serialize(serializer)
    }
}

/// A reference to something that is somewhere else already, under a URL that the server, or
/// whoever reads the row, can open. Nothing is uploaded.
///
/// ```
/// use tidegate_client::{Event, ExternalAttachment};
/// let page = ExternalAttachment::new("a.pdf", "application/pdf", "https://example.com/a.pdf");
/// let event = Event::new().input(&page);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalAttachment {
    filename: String,
    content_type: String,
    url: String,
}

impl ExternalAttachment {
    /// Makes a reference.
    #[must_use]
    pub fn new(
        filename: impl Into<String>,
        content_type: impl Into<String>,
        url: impl Into<String>,
    ) -> Self {
        Self { filename: filename.into(), content_type: content_type.into(), url: url.into() }
    }
}

impl Serialize for ExternalAttachment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { filename, content_type, url } = self;
        ExternalRef::new(filename, content_type, url).serialize(serializer)
    }
}

#[cfg(test)]
mod tests;
