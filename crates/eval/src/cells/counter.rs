//! Which cells there are, in the order of the data, and which of them belong to this part.

use std::collections::HashMap;
use std::sync::Arc;

use super::hash::{self, CaseHash, Key, OrderHash};
use super::session::{Cell, Session};

/// Counts off the cells in the order of the data.
#[derive(Debug)]
pub(crate) struct Counter {
    session: Arc<Session>,
    /// How often each case has occurred.
    occurrences: HashMap<Key, u64>,
    order: OrderHash,
    index: u64,
    own: u64,
}

impl Counter {
    pub(super) fn new(session: Arc<Session>) -> Self {
        let (occurrences, order) = (HashMap::new(), OrderHash::default());
        Self { session, occurrences, order, index: 0, own: 0 }
    }

    /// The next case: its trials that belong to this part, with their cells.
    pub(crate) fn next(&mut self, case: CaseHash, trials: u32) -> Vec<(u32, Cell)> {
        let occurrence = self.occurrences.entry(case.case).or_default();
        let mut cells = Vec::new();
        for trial in 0..trials {
            let key = hash::cell(case, *occurrence, trial, self.session.task_version());
            self.order.add(key);
            if self.session.has_index(self.index) {
                cells.push((trial, Cell { key, index: self.index, case }));
            }
            self.index += 1;
        }
        *occurrence += 1;
        self.own += cells.len() as u64;
        cells
    }

    /// The data has ended, and not by an error.
    pub(crate) fn ended(&self) {
        self.session.counted(self.index, self.own, self.order.key());
    }
}
