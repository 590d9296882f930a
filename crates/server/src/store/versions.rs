//! Going back to an earlier state of a dataset.

use tidegate_model::XactId;

use super::Answer;

/// What going back takes, or took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Restoration {
    /// Rows that were otherwise then, or are gone since.
    pub(crate) restored: i64,
    /// Rows that were not there then.
    pub(crate) deleted: i64,
    /// The transaction that did it; `None` if there was nothing to do, and for a preview.
    pub(crate) xact: Option<XactId>,
}

/// The part of [`Store`](super::Store) about earlier states. The same promises hold.
pub(crate) trait VersionStore {
    /// Counts what [`VersionStore::restore`] would do now.
    fn preview_restore(&self, dataset_id: String, version: XactId) -> Answer<'_, Restoration>;

    /// Makes a dataset's rows what they were after a transaction, by writes of one new one: the
    /// states in between can still be read.
    ///
    /// # Errors
    /// [`StoreError::RestoreTooLarge`](super::StoreError::RestoreTooLarge) beyond what one
    /// transaction may take.
    fn restore(&self, dataset_id: String, version: XactId) -> Answer<'_, Restoration>;
}
