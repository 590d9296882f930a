//! Reading panics of user code.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

/// The text of a panic.
pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "without a message".to_owned()
    }
}

/// Runs user code; a panic becomes an error text.
pub(crate) async fn caught<T>(
    future: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    // Unwind-safe in effect: what the future owned is dropped with it and seen by nobody.
    match AssertUnwindSafe(future).catch_unwind().await {
        Ok(result) => result,
        Err(payload) => Err(format!("panicked: {}", message(&*payload))),
    }
}

/// As [`caught`], for code that does not await.
pub(crate) fn caught_now<T>(code: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    match std::panic::catch_unwind(AssertUnwindSafe(code)) {
        Ok(result) => result,
        Err(payload) => Err(format!("panicked: {}", message(&*payload))),
    }
}
