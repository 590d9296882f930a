//! Ending a run from outside.

use std::future::{self, Future};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use futures_util::FutureExt as _;

/// What [`Eval::stop_when`](crate::Eval::stop_when) waits for, if anything.
pub(crate) struct Stop(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Stop {
    pub(crate) fn never() -> Self {
        Self(None)
    }

    /// A panic counts as a wish to stop: nobody could express one any more.
    pub(crate) fn when(wish: impl Future<Output = ()> + Send + 'static) -> Self {
        let wish = AssertUnwindSafe(wish).catch_unwind().map(drop);
        Self(Some(Box::pin(wish)))
    }

    /// Resolves once, when the run is to stop.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub(crate) async fn wished(&mut self) {
        match &mut self.0 {
            Some(wish) => wish.await,
            None => future::pending().await,
        }
        self.0 = None;
    }
}
