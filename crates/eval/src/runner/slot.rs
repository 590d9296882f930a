//! The right to run a task.

use tokio::sync::OwnedSemaphorePermit;

use crate::adaptive::Ticket;

/// Given back when it is dropped.
pub(crate) struct Slot {
    _permit: OwnedSemaphorePermit,
    /// With a limit that adapts.
    _ticket: Option<Ticket>,
}

impl Slot {
    pub(super) fn new(permit: OwnedSemaphorePermit, ticket: Option<Ticket>) -> Self {
        Self { _permit: permit, _ticket: ticket }
    }
}
