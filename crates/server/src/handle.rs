//! A running collector, from outside.

use std::net::SocketAddr;
use std::time::Duration;

use crate::error::ShutdownError;
use crate::lifecycle::Lifecycle;

/// A running collector. Dropping it stops the collector without waiting; what was acknowledged is
/// stored either way.
#[derive(Debug)]
pub struct Handle {
    pub(crate) url: String,
    pub(crate) address: SocketAddr,
    pub(crate) first_key: Option<String>,
    pub(crate) lifecycle: Lifecycle,
}

impl Handle {
    /// Base URL for clients on this machine, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Address in force, with the real port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The key that was made at this start, because one is needed and there was none. It is stored
    /// hashed, so this is the only chance to show it.
    #[must_use]
    pub fn first_key(&self) -> Option<&str> {
        self.first_key.as_deref()
    }

    /// Waits until the collector has stopped and released the data directory, for whatever reason;
    /// an embedded one also stops when a server asks for the directory.
    ///
    /// # Cancel safety
    /// Only waits.
    pub async fn stopped(&self) {
        self.lifecycle.stopped().await;
    }

    /// Stops the collector: no new connections, requests get `grace` to finish, then the store
    /// is closed and the data directory released. Returns at once if it has already stopped.
    ///
    /// # Errors
    /// [`ShutdownError::Deadline`] if requests had to be cut off; the collector has stopped all
    /// the same.
    ///
    /// # Cancel safety
    /// The stop goes on when the future is dropped.
    pub async fn shutdown(&self, grace: Duration) -> Result<(), ShutdownError> {
        self.lifecycle.stop_within(grace);
        self.lifecycle.stopped().await;
        if self.lifecycle.was_killed() { Err(ShutdownError::Deadline) } else { Ok(()) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.lifecycle.abandon();
    }
}
