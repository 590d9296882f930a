//! Which rows went to the spool, for what comes later from somebody who does not hold their head.

use std::collections::HashSet;

use crate::record::RowKey;

/// Most keys that are remembered: about 6 MB.
const MOST_KEYS: usize = 100_000;

/// Rows of which a part is in the spool. What follows must not be sent before that part is.
#[derive(Debug, Default)]
pub(super) struct Followed {
    keys: HashSet<RowKey>,
    /// There were more than are remembered, so any row may be one of them.
    has_more: bool,
}

impl Followed {
    pub(super) fn insert(&mut self, key: RowKey) {
        match self.keys.len() < MOST_KEYS {
            true => drop(self.keys.insert(key)),
            false => self.has_more = true,
        }
    }

    pub(super) fn contains(&self, key: &RowKey) -> bool {
        self.has_more || self.keys.contains(key)
    }
}
