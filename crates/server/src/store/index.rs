//! What an index for lists, comparisons and searches keeps of rows, and how questions are answered
//! from it: the part that is the same whichever database holds it.

pub(crate) mod attachments;
pub(crate) mod cases;
pub(crate) mod deltas;
pub(crate) mod extract;
pub(crate) mod grouping;
pub(crate) mod histogram;
pub(crate) mod key;
pub(crate) mod metadata;
pub(crate) mod outline;
pub(crate) mod overview;
pub(crate) mod preview;
pub(crate) mod skeleton;
pub(crate) mod snippets;
pub(crate) mod summary;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod wanted;
pub(crate) mod words;

use std::time::Duration;

use tidegate_analysis::comparison::Trial;

/// How long a read of one object waits until the index has caught up.
pub(crate) const OBJECT_PATIENCE: Duration = Duration::from_secs(10);
/// How long a read of many objects waits: a list that is a little behind beats none.
pub(crate) const LIST_PATIENCE: Duration = Duration::from_secs(3);
/// How long an object has to stay as it is before it is summed up.
pub(crate) const QUIET: Duration = Duration::from_secs(1);

/// Rows after which a piece of work is committed, so that nobody waits long for it.
pub(crate) const STEP_ROWS: usize = 1_000;

/// Bytes of documents read for one page; a page of large rows ends early.
pub(crate) const PAGE_BYTES: usize = 32 << 20;

/// Rows whose text is looked at for one page of a search: of words that are everywhere, phrases may
/// be nowhere.
pub(crate) const LOOKED_AT: usize = 10_000;

/// Hits that a filter of cases takes into account, the newest ones.
pub(crate) const FILTER_HITS: i64 = 200_000;

/// Objects that a search asks for by name. A project with more has most of the rows, so that
/// leaving out those of others costs less than joining as many lists.
pub(crate) const NAMED_OBJECTS: usize = 32;

/// Gives a trial the case key that it has in the index.
pub(crate) fn with_hashed_key(mut trial: Trial) -> Trial {
    trial.case_key = preview::hex(&extract::input_hash(&trial.case_key));
    trial
}
