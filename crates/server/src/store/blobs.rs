//! What a store knows of uploaded bytes. The bytes themselves are elsewhere; see [`crate::blobs`].

use tidegate_model::XactId;

use super::Answer;

/// What an upload is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A file that rows refer to.
    Attachment,
    /// Rows too large for a request body.
    Overflow,
    /// The code of functions; see [`FunctionStore`](super::FunctionStore).
    Bundle,
    /// The profile of an experiment's run; see [`ProfileStore`](super::ProfileStore).
    Profile,
}

/// How far an upload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Announced; nothing is complete yet.
    Uploading,
    /// The bytes are there.
    Done,
    /// The client gave up, and says why.
    Failed(String),
}

/// An upload.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    pub(crate) key: String,
    pub(crate) purpose: Purpose,
    /// Id of the project that the maker's key was limited to.
    pub(crate) project: Option<String>,
    /// Id of the maker's key.
    pub(crate) maker: Option<String>,
    pub(crate) filename: String,
    pub(crate) content_type: String,
    pub(crate) progress: Progress,
    /// Name of the file, once the upload is complete.
    pub(crate) file: Option<String>,
    pub(crate) bytes: Option<u64>,
    /// The transaction that took the rows of an overflow in.
    pub(crate) xact: Option<XactId>,
    pub(crate) created_us: i64,
}

/// The part of a store that knows uploads.
pub(crate) trait BlobStore {
    /// Returns the secret of this store that signs URLs.
    fn signing_secret(&self) -> Answer<'_, [u8; 64]>;

    /// Stores an upload to come, or changes the names of one of the same purpose and project, which
    /// counts as new from then on. Returns what is stored now, which may be another.
    fn announce_blob(&self, blob: Blob) -> Answer<'_, Blob>;

    /// Finds an upload.
    fn blob(&self, key: String) -> Answer<'_, Option<Blob>>;

    /// Says that the bytes are in a file; `false` if nobody announced the upload. `held` is dropped
    /// when that is durable, or will never be, whether or not the answer is waited for.
    fn complete_blob(
        &self,
        key: String,
        file: String,
        bytes: u64,
        held: Box<dyn Send>,
    ) -> Answer<'_, bool>;

    /// Says that an upload failed; `false` if nobody announced it.
    fn fail_blob(&self, key: String, error: String) -> Answer<'_, bool>;

    /// Says that the rows of an overflow are stored, and forgets its file.
    fn consume_blob(&self, key: String, xact: XactId) -> Answer<'_, ()>;

    /// Forgets up to `limit` overflows from before a time and returns the names of their files.
    fn expire_overflows(&self, before_us: i64, limit: u32) -> Answer<'_, Vec<Option<String>>>;

    /// Looks at the next `limit` uploads after a key, in the order of keys, for attachments that
    /// were announced before a time and that no row names.
    fn unnamed_blobs(&self, after: String, before_us: i64, limit: u32) -> Answer<'_, Unnamed>;

    /// Forgets those of the attachments that no row names at this moment and that were announced
    /// before a time; `None` if so much was written since `place` that it cannot be said quickly.
    /// Returns the names of their files.
    fn forget_blobs(
        &self,
        keys: Vec<String>,
        before_us: i64,
        place: IndexPlace,
    ) -> Answer<'_, Option<Vec<Option<String>>>>;

    /// Returns those of the files that belong to no upload.
    fn unnamed_files(&self, files: Vec<String>) -> Answer<'_, Vec<String>>;
}

/// Attachments that no row names.
#[derive(Debug)]
pub(crate) struct Unnamed {
    /// Up to where the rows were looked at; `None` while they are not known, and then no key is.
    pub(crate) place: Option<IndexPlace>,
    pub(crate) keys: Vec<String>,
    /// The last key looked at; `None` if there was none.
    pub(crate) last: Option<String>,
}

/// A state of the index of rows, to which what was written since can be added. That of a store whose
/// index says by itself what it lacks is the default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct IndexPlace {
    /// Entry of the journal of changes.
    pub(crate) journal: i64,
    /// Number of an earlier state of a row, and the transaction that ended it.
    pub(crate) earlier: i64,
    pub(crate) earlier_until: i64,
}
