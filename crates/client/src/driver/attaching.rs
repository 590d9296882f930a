//! Attachments at the async edge: what the queue starts is run here, and what becomes of it is
//! entered into the ledger.

use std::collections::HashMap;
use std::future;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::{Id, JoinSet};

use super::{Shared, Transport};
use crate::attachment::{self, Fate, Queue, Verdict};
use crate::clock;
use crate::inbox::{DropReason, Refusal};

/// Attachments under way, and those that wait.
pub(super) struct Attaching {
    queue: Queue,
    tasks: JoinSet<Verdict>,
    numbers: HashMap<Id, u64>,
}

impl Attaching {
    pub(super) fn new(seed: u64) -> Self {
        // Another seed than that of the rows, or both would come back together.
        let queue = Queue::new(seed.rotate_left(32));
        Self { queue, tasks: JoinSet::new(), numbers: HashMap::new() }
    }

    /// Takes in what was recorded and starts what is due.
    pub(super) fn turn<T: Transport>(&mut self, shared: &Shared, transport: &Arc<T>, now: Instant) {
        self.take(shared);
        while let Some((number, step)) = self.queue.start(now) {
            let (transport, budget) = (Arc::clone(transport), Arc::clone(&shared.budget));
            let task = self.tasks.spawn(async move { transport.attach(step, &budget).await });
            self.numbers.insert(task.id(), number);
        }
    }

    fn take(&mut self, shared: &Shared) {
        let (uploads, refusals) = shared.inbox.take_attachments();
        for upload in uploads {
            self.queue.add(upload);
        }
        for Refusal { about, message } in refusals {
            self.queue.report(about, message);
        }
    }

    pub(super) fn wake(&self) -> Option<Instant> {
        self.queue.wake()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_idle()
    }

    /// The next step that ends.
    ///
    /// # Cancel safety
    /// What has ended is still there at the next call.
    pub(super) async fn next(&mut self) -> (u64, Verdict) {
        loop {
            let (id, verdict) = match self.tasks.join_next_with_id().await {
                Some(Ok(ended)) => ended,
                // A bug in the transport must not strand the attachment.
                Some(Err(error)) => {
                    let (after, detail) = (None, error.to_string());
                    (error.id(), Verdict::Retry { after, detail, is_uploaded: false })
                }
                None => future::pending().await,
            };
            if let Some(number) = self.numbers.remove(&id) {
                return (number, verdict);
            }
        }
    }

    pub(super) fn finished(&mut self, number: u64, verdict: Verdict, shared: &Shared) {
        if let Some(fate) = self.queue.finished(number, verdict, clock::now()) {
            settle(fate, shared);
        }
    }

    /// Gives up what is left.
    pub(super) fn abandon(&mut self, reason: DropReason, shared: &Shared) {
        self.take(shared);
        self.tasks.abort_all();
        for fate in self.queue.abandon(reason) {
            settle(fate, shared);
        }
    }
}

fn settle(fate: Fate, shared: &Shared) {
    match fate {
        Fate::Uploaded { sequence } => shared.inbox.settle_attachment(sequence, None),
        Fate::Failed { about, failed } => {
            // Another record of it may try again.
            attachment::unassign(about.key, shared.inbox.client);
            shared.inbox.settle_attachment(failed.sequence, Some(failed.reason));
            let detail = match failed.detail.as_str() {
                "" => about.filename.as_str(),
                detail => detail,
            };
            shared.notices.attachments_lost(1, failed.reason, Some(detail));
        }
    }
}
