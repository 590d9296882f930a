//! Waiting until what was recorded is settled.

use std::future::Future;
use std::time::Duration;

use super::Client;
use crate::error::FlushError;
use crate::inbox::{FlushGuard, Receipt};

impl Client {
    /// Waits until everything recorded before the call is settled, attachments included, and
    /// nothing after it.
    ///
    /// The receipt covers what no earlier flush has reported. The deadline covers the whole
    /// call; flushes that overlap share the work.
    ///
    /// # Errors
    /// [`FlushError`] if any record or attachment of the range was lost or is still pending.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing; uploading goes on.
    pub async fn flush(&self, deadline: Duration) -> Result<Receipt, FlushError> {
        if !self.is_mine() {
            return Err(FlushError::Forked { receipt: self.stats() });
        }
        let _waiting = self.waits_for_flush();
        let flushed = self.inner.driver.runtime.spawn(self.flushed(deadline)).await;
        judge(flushed.unwrap_or_else(|_| self.final_receipt()))
    }

    /// As [`Client::flush`], blocking the calling thread; for code outside of async.
    ///
    /// # Errors
    /// As [`Client::flush`].
    pub fn flush_blocking(&self, deadline: Duration) -> Result<Receipt, FlushError> {
        if !self.is_mine() {
            return Err(FlushError::Forked { receipt: self.stats() });
        }
        let _waiting = self.waits_for_flush();
        let (send, receive) = std::sync::mpsc::sync_channel(1);
        let flushed = self.flushed(deadline);
        self.inner.driver.runtime.spawn(async move {
            // The caller waits longer than this can take.
            drop(send.try_send(flushed.await));
        });
        // The sender goes away at once if the thread has ended.
        let receipt = receive.recv_timeout(deadline.saturating_add(Duration::from_millis(100)));
        judge(receipt.unwrap_or_else(|_| self.final_receipt()))
    }

    fn flushed(&self, deadline: Duration) -> impl Future<Output = Receipt> + Send + use<> {
        // Registered now, so that the range ends with the call and not with the first poll.
        let (guard, settled) = FlushGuard::begin(&self.inner.recorder.inbox);
        async move {
            // On the upload thread's clock, since the caller's may be paused by a test. Both
            // outcomes, settled or too late, are told by the receipt.
            drop(tokio::time::timeout(deadline, settled).await);
            guard.finish()
        }
    }

    /// The receipt when the upload thread has ended: everything is settled by then.
    fn final_receipt(&self) -> Receipt {
        FlushGuard::begin(&self.inner.recorder.inbox).0.finish()
    }

    /// Delivers what is pending until the deadline, counts the rest as dropped, and stops the
    /// upload thread; later events are counted as dropped. Blocks the calling thread.
    ///
    /// # Errors
    /// As [`Client::flush`].
    pub fn shutdown(&self, deadline: Duration) -> Result<Receipt, FlushError> {
        if !self.is_mine() {
            return Err(FlushError::Forked { receipt: self.stats() });
        }
        self.inner.driver.stop(deadline);
        judge(self.final_receipt())
    }
}

fn judge(receipt: Receipt) -> Result<Receipt, FlushError> {
    if receipt.lost() > 0 || receipt.attachments.lost() > 0 {
        Err(FlushError::Lost { receipt })
    } else if receipt.pending > 0 || receipt.attachments.pending > 0 {
        Err(FlushError::Deadline { receipt })
    } else {
        Ok(receipt)
    }
}
