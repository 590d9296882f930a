//! Profiles of runs, kept with their experiments. The bytes are files; see [`crate::blobs`].

use super::Answer;

/// A profile to be kept.
#[derive(Debug)]
pub(crate) struct NewProfile {
    /// Of the upload that it is, should it be the experiment's first.
    pub(crate) key: String,
    pub(crate) experiment_id: String,
    pub(crate) file: String,
    pub(crate) bytes: u64,
    pub(crate) created_us: i64,
}

/// What became of one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    /// The file of the one before it, which may belong to nobody now.
    pub(crate) replaced: Option<String>,
}

/// The part of a store that knows profiles.
pub(crate) trait ProfileStore {
    /// Keeps a profile with its experiment, in place of the one before; `None` if there is no such
    /// experiment. `held` is dropped when that is durable, or will never be.
    fn put_profile(&self, profile: NewProfile, held: Box<dyn Send>) -> Answer<'_, Option<Stored>>;

    /// Finds the file of an experiment's profile.
    fn profile_file(&self, experiment_id: String) -> Answer<'_, Option<String>>;
}
