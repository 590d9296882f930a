//! From an event to an accepted record: admission by bytes, then the inbox.

use std::sync::Arc;
use std::time::Duration;

use crate::budget::{Budget, Lease};
use crate::clock::WallTime;
use crate::config::Policy;
use crate::event::Event;
use crate::inbox::{DropReason, Inbox};
use crate::notice::Notices;
use crate::record::{Head, Record, Start, wire_bytes};

/// What every span of a client shares.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) notices: Arc<Notices>,
    pub(crate) policy: Policy,
    pub(crate) admit_timeout: Duration,
}

/// A record before it holds its lease.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) head: Arc<Head>,
    pub(crate) start: Option<Start>,
    pub(crate) end: Option<WallTime>,
    pub(crate) event: Event,
}

impl Draft {
    fn wire_bytes(&self) -> u64 {
        wire_bytes(&self.head, self.start.as_ref(), self.end, &self.event)
    }

    fn record(self, lease: Lease) -> Record {
        let Self { head, start, end, event } = self;
        Record { sequence: 0, head, start, end, event, lease }
    }
}

impl Recorder {
    /// Records without an await: under [`Policy::Block`] the calling thread parks while the
    /// budget is full, up to the admission time-out; then the record is counted as dropped.
    pub(crate) fn record(&self, draft: Draft) {
        let bytes = draft.wire_bytes();
        let lease = self.budget.try_admit(bytes).or_else(|| match self.policy {
            Policy::Block => self.budget.admit_blocking(bytes, self.admit_timeout),
            Policy::Drop => None,
        });
        match lease {
            Some(lease) => self.push(draft.record(lease)),
            None => self.refuse(),
        }
    }

    fn push(&self, record: Record) {
        if !self.inbox.push(record) {
            self.notices.lost(1, DropReason::Shutdown, None);
        }
    }

    /// Records, waiting for room under [`Policy::Block`].
    ///
    /// # Cancel safety
    /// A future dropped while it waits has recorded nothing; the event never was accepted.
    pub(crate) async fn record_async(&self, draft: Draft) {
        let bytes = draft.wire_bytes();
        let lease = match (self.budget.try_admit(bytes), self.policy) {
            (Some(lease), _) => lease,
            (None, Policy::Block) => self.budget.admit(bytes).await,
            (None, Policy::Drop) => return self.refuse(),
        };
        self.push(draft.record(lease));
    }

    fn refuse(&self) {
        self.inbox.refuse(DropReason::BudgetFull);
        self.notices.lost(1, DropReason::BudgetFull, None);
    }
}
