//! Runs for programs that are not async.

use std::future::Future;
use std::io;

use tokio::runtime::Builder;

/// Runs a future on a runtime and a thread of its own, and waits for it. Works inside of another
/// runtime as well, whose thread it blocks.
///
/// # Errors
/// The operating system refused a thread.
///
/// # Panics
/// As the future does.
#[doc(hidden)]
pub fn block_on<F: Future<Output: Send> + Send>(future: F) -> io::Result<F::Output> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    std::thread::scope(|scope| {
        // A runtime may be neither entered nor dropped on a thread that is inside of another one.
        let run = move || runtime.block_on(future);
        let run = std::thread::Builder::new().spawn_scoped(scope, run)?;
        run.join().map_err(|panic| std::panic::resume_unwind(panic))
    })
}
