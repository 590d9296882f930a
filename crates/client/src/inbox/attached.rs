//! Attachments on their way from records to the uploader, and in the ledger.

use std::sync::Arc;

use super::{Inbox, lock};
use crate::attachment::{About, Attachment, Upload};
use crate::budget::Lease;
use crate::inbox::DropReason;

/// An attachment that was given up before it got here, for the server to be told.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) about: Arc<About>,
    pub(crate) message: String,
}

/// Refusals that wait for the uploader; of further ones only the ledger knows.
const MOST_REFUSALS: usize = 1_000;

impl Inbox {
    /// Accepts an attachment. Call it before its record is pushed, which wakes the uploader.
    /// After [`Inbox::close`] it is counted as failed, and `false` comes back.
    pub(crate) fn attach(&self, attachment: Attachment, lease: Lease) -> bool {
        let mut queue = lock(&self.queue);
        queue.last_attachment += 1;
        let sequence = queue.last_attachment;
        let closed = queue.closed;
        let mut ledger = lock(&self.ledger);
        if closed {
            ledger.settle_attachment(sequence, Some(DropReason::Shutdown));
        } else {
            ledger.unsettled.insert(sequence);
            queue.attachments.push(Upload { sequence, attachment, lease });
        }
        !closed
    }

    /// Counts an attachment that was never admitted. The server is told why, unless there is
    /// nobody to be told by.
    pub(crate) fn refuse_attachment(&self, reason: DropReason, refusal: Option<Refusal>) {
        let mut queue = lock(&self.queue);
        queue.last_attachment += 1;
        let sequence = queue.last_attachment;
        if queue.refusals.len() < MOST_REFUSALS && !queue.closed {
            queue.refusals.extend(refusal);
        }
        lock(&self.ledger).settle_attachment(sequence, Some(reason));
    }

    /// Takes all attachments, and what was refused.
    pub(crate) fn take_attachments(&self) -> (Vec<Upload>, Vec<Refusal>) {
        let mut queue = lock(&self.queue);
        (std::mem::take(&mut queue.attachments), std::mem::take(&mut queue.refusals))
    }

    /// Settles an attachment: uploaded, or failed for a reason.
    pub(crate) fn settle_attachment(&self, sequence: u64, failed: Option<DropReason>) {
        lock(&self.ledger).settle_attachment(sequence, failed);
    }
}

impl super::Ledger {
    fn settle_attachment(&mut self, sequence: u64, failed: Option<DropReason>) {
        self.unsettled.remove(&sequence);
        self.totals.add_attachment(failed);
        for flush in &mut self.flushes {
            if sequence > flush.watermark.attachments {
                flush.beyond.add_attachment(failed);
            }
        }
    }
}
