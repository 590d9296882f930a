//! From an event to an accepted record: mask, admission by bytes, spool if wanted, then the inbox.

mod attaching;

use std::io;
use std::sync::{Arc, Once};
use std::time::Duration;

use tidegate_model::profile::Cause;
use tokio::runtime::Handle;

use crate::budget::{Budget, Lease};
use crate::clock::WallTime;
use crate::config::Policy;
use crate::dump::Dumps;
use crate::event::Event;
use crate::inbox::{DropReason, Inbox};
use crate::mask::Mask;
use crate::notice::Notices;
use crate::pipeline::batch::body_of;
use crate::pipeline::row::write_record;
use crate::profile::{Waiting, Waits};
use crate::record::{Head, Record, Start, wire_bytes};
use crate::session::Session;
use crate::spool::{Entry, Journal};
use crate::trace::TraceBuffer;

/// What every span of a client shares.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) notices: Arc<Notices>,
    pub(crate) policy: Policy,
    pub(crate) admit_timeout: Duration,
    pub(crate) mask: Option<Mask>,
    /// Fraction of traces that are recorded.
    pub(crate) sample_ratio: f64,
    /// Present if every record must be in the spool before it is accepted.
    pub(crate) journal: Option<Arc<Journal>>,
    pub(crate) dumps: Dumps,
    pub(crate) owner: Owner,
    pub(crate) waits: Arc<Waits>,
    /// The server, for who needs more of it than that it takes rows; none in tests of the pipeline.
    pub(crate) server: Option<Server>,
}

/// The session, and the thread that its requests run on.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) session: Arc<Session>,
    pub(crate) runtime: Handle,
}

/// The process that made a client. After a fork the child has the client's memory but not its
/// upload thread: what it recorded there would vanish.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner(u32);

impl Owner {
    pub(crate) fn this_process() -> Self {
        Self(std::process::id())
    }

    pub(crate) fn is_this_process(self) -> bool {
        self.0 == std::process::id()
    }

    /// As a forked child sees the owner: Rust has no fork without `unsafe`.
    #[cfg(test)]
    pub(crate) fn before_a_fork() -> Self {
        Self(std::process::id().wrapping_add(1))
    }
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

    fn write(&self, body: &mut Vec<u8>) {
        write_record(&self.head, self.start.as_ref(), self.end, &self.event, body);
    }

    fn record(self, lease: Lease, journal: Option<Entry>) -> Record {
        let Self { head, start, end, event } = self;
        Record { sequence: 0, head, start, end, event, lease, journal }
    }
}

impl Recorder {
    /// Records without an await: while the budget is full the calling thread parks, unless the
    /// policy is to drop, up to the admission time-out; then the record is counted as dropped.
    /// Either way `kept` keeps it.
    pub(crate) fn record(&self, mut draft: Draft, kept: Option<&TraceBuffer>) {
        let bytes = self.prepare(&mut draft);
        let lease = self.budget.try_admit(bytes).or_else(|| match self.policy {
            // In a forked child nothing ever makes room.
            Policy::Block | Policy::Spool if !self.may_record() => None,
            Policy::Block | Policy::Spool => {
                let _waiting = self.waiting(&draft);
                self.budget.admit_blocking(bytes, self.admit_timeout)
            }
            Policy::Drop => None,
        });
        self.settle(draft, lease, kept);
    }

    /// Records, waiting for room unless the policy is to drop; `kept` keeps it in any case.
    ///
    /// # Cancel safety
    /// A future dropped while it waits has recorded nothing; the event never was accepted.
    pub(crate) async fn record_async(&self, mut draft: Draft, kept: Option<&TraceBuffer>) {
        let bytes = self.prepare(&mut draft);
        let lease = match (self.budget.try_admit(bytes), self.policy) {
            (Some(lease), _) => Some(lease),
            (None, Policy::Block | Policy::Spool) => {
                let _waiting = self.waiting(&draft);
                Some(self.budget.admit(bytes).await)
            }
            (None, Policy::Drop) => None,
        };
        self.settle(draft, lease, kept);
    }

    fn settle(&self, mut draft: Draft, lease: Option<Lease>, kept: Option<&TraceBuffer>) {
        if let Some(kept) = kept {
            kept.keep(&draft);
        }
        // One whose attachments alone are too much goes without them.
        let lease = lease.or_else(|| self.without_attachments(&mut draft));
        match lease {
            Some(lease) => self.accept(draft, lease),
            None => self.refuse(&draft, DropReason::BudgetFull, None),
        }
    }

    fn waiting(&self, draft: &Draft) -> Option<Waiting<'_>> {
        self.waits.begin(Cause::Gate, || draft.head.trace())
    }

    /// As [`Recorder::record_async`], but waits for room whatever the policy: for rows that are no
    /// telemetry.
    ///
    /// # Cancel safety
    /// As [`Recorder::record_async`].
    pub(crate) async fn record_waiting(&self, mut draft: Draft) {
        // In a forked child nothing ever makes room.
        if !self.may_record() {
            return;
        }
        let bytes = self.prepare(&mut draft);
        let lease = match self.budget.try_admit(bytes) {
            Some(lease) => lease,
            None => self.budget.admit(bytes).await,
        };
        self.accept(draft, lease);
    }

    /// Whether this is the process that made the client; says so once if it is not.
    pub(crate) fn may_record(&self) -> bool {
        static SAID: Once = Once::new();
        if self.owner.is_this_process() {
            return true;
        }
        SAID.call_once(|| {
            Notices::warn(
                "this process was forked from the one that made the client, and nothing it \
                 records is uploaded: make a client of its own in the child",
            );
        });
        false
    }

    /// Masks, and says what the record costs.
    fn prepare(&self, draft: &mut Draft) -> u64 {
        if let Some(mask) = &self.mask {
            mask.apply(&mut draft.event);
        }
        match draft.event.attachments {
            None => draft.wire_bytes(),
            Some(_) => self.claim(draft) + draft.wire_bytes(),
        }
    }

    fn accept(&self, mut draft: Draft, mut lease: Lease) {
        // A forked child has the parent's segment open: a row it wrote there would shift all
        // that the parent acknowledges later. Asking costs a tenth of a microsecond, so it is
        // asked only here, where the write costs far more.
        if self.journal.is_some() && !self.may_record() {
            return;
        }
        let entry = match self.journal.as_ref().map(|journal| self.write_first(journal, &draft)) {
            None => None,
            Some(Ok(entry)) => Some(entry),
            Some(Err(error)) => {
                return self.refuse(&draft, DropReason::SpoolFailed, Some(&error.to_string()));
            }
        };
        if let Some(claims) = draft.event.attachments.take() {
            self.attach(*claims, &mut lease);
        }
        if !self.inbox.push(draft.record(lease, entry)) {
            self.notices.lost(1, DropReason::Shutdown, None);
        }
    }

    fn write_first(&self, journal: &Journal, draft: &Draft) -> io::Result<Entry> {
        journal.append(1, |body| draft.write(body))
    }

    fn refuse(&self, draft: &Draft, reason: DropReason, detail: Option<&str>) {
        self.inbox.refuse(reason);
        self.notices.lost(1, reason, detail);
        if let Some(claims) = &draft.event.attachments {
            self.refuse_attachments(claims, reason);
        }
        if !self.dumps.is_off() {
            let mut row = Vec::new();
            draft.write(&mut row);
            self.dumps.dropped(&body_of(&[row.into()]));
        }
    }
}
