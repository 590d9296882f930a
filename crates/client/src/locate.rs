//! Finding a server whose address may change while the client lives.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

/// Says where the server is, again after a connection to it failed.
///
/// The embedded collector uses this: the process that serves a data directory may end, and
/// another one takes over at another address.
pub trait Locate: Debug + Send + Sync {
    /// Returns the base URL of a server that is all three origins (app, API, proxy).
    ///
    /// `failed` is the address that did not answer, if there was one. Called from the client's
    /// own thread, never concurrently.
    fn locate<'a>(&'a self, failed: Option<&'a str>) -> LocateFuture<'a>;
}

/// The future of [`Locate::locate`]; its error is shown to the user.
pub type LocateFuture<'a> = Pin<Box<dyn Future<Output = Result<String, LocateError>> + Send + 'a>>;

/// Why no server was found.
pub type LocateError = Box<dyn std::error::Error + Send + Sync>;
