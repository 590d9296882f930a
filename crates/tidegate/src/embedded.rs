//! The collector inside the program: opened on the data directory, or found in another process.
//!
//! Processes that share a data directory agree through its lock file: the first serves, the
//! others send to it. If the serving process ends, the next upload of another one fails to
//! connect, asks [`Embedded::locate`] again, and that process takes the directory over. A
//! `tidegate serve` that starts later asks the serving process to hand over, and everybody moves
//! to it the same way. Uploads are repeated until acknowledged, so nothing is lost on the way.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tidegate_client::{Locate, LocateError, LocateFuture};
use tidegate_server::{Handle, Options, Role, StartError, read_holder, start};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use crate::error::Error;

/// How long requests that are under way may take when the collector closes.
const CLOSE_GRACE: Duration = Duration::from_secs(5);
/// How long to look for the server that asked us to hand over before serving again ourselves.
const SUCCESSOR_WAIT: Duration = Duration::from_secs(2);
const SUCCESSOR_POLL: Duration = Duration::from_millis(20);

/// A collector on a data directory, in this process or in another one.
#[derive(Debug)]
pub(crate) struct Embedded {
    data_dir: PathBuf,
    /// The collector's own threads: it must answer while the program's runtime is busy, and
    /// after that runtime ended.
    runtime: Option<Runtime>,
    running: Arc<Mutex<Option<Handle>>>,
}

impl Embedded {
    /// Opens the data directory at once, so that a bad one is reported before the run begins.
    pub(crate) fn open(data_dir: &Path) -> Result<Arc<Self>, Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("tidegate-collector")
            .on_thread_start(mute)
            .enable_all()
            .build()
            .map_err(Error::Thread)?;
        let running = Arc::new(Mutex::new(None));
        let embedded =
            Arc::new(Self { data_dir: data_dir.to_owned(), runtime: Some(runtime), running });
        // On a thread of its own: the caller may be inside a runtime, where blocking on another
        // one is not allowed.
        std::thread::scope(|scope| {
            let opening = scope.spawn(|| {
                let runtime = embedded.runtime.as_ref().expect("taken only by the drop");
                runtime.block_on(find_or_serve(&embedded.data_dir, &embedded.running, None))
            });
            opening.join().expect("starting a collector does not panic")
        })?;
        Ok(embedded)
    }

    /// Finishes requests and releases the data directory, if this process serves it.
    pub(crate) async fn close(&self) {
        let Some(runtime) = &self.runtime else { return };
        let running = Arc::clone(&self.running);
        let closing = runtime.spawn(async move {
            if let Some(handle) = running.lock().await.take() {
                // Requests cut off at the deadline come from other processes, whose uploads
                // are repeated elsewhere.
                handle.shutdown(CLOSE_GRACE).await.ok();
            }
        });
        closing.await.ok();
    }
}

impl Locate for Embedded {
    fn locate<'a>(&'a self, failed: Option<&'a str>) -> LocateFuture<'a> {
        Box::pin(async move {
            let Some(runtime) = &self.runtime else { return Err("the collector is closed".into()) };
            let (data_dir, running) = (self.data_dir.clone(), Arc::clone(&self.running));
            let failed = failed.map(str::to_owned);
            let found = runtime
                .spawn(async move { find_or_serve(&data_dir, &running, failed.as_deref()).await });
            match found.await {
                Ok(Ok(url)) => Ok(url),
                Ok(Err(error)) => Err(error.into()),
                Err(error) => Err(LocateError::from(error)),
            }
        })
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A plain drop would block, which panics inside of another runtime.
            runtime.shutdown_background();
        }
    }
}

/// Returns the address of whoever serves the directory; serves it here if nobody does.
async fn find_or_serve(
    data_dir: &Path,
    running: &Mutex<Option<Handle>>,
    failed: Option<&str>,
) -> Result<String, StartError> {
    let mut running = running.lock().await;
    if let Some(handle) = running.take() {
        // One that does not accept any more is about to stop.
        let patience = if failed == Some(handle.url()) { CLOSE_GRACE } else { Duration::ZERO };
        if timeout(patience, handle.stopped()).await.is_err() {
            let url = handle.url().to_owned();
            *running = Some(handle);
            return Ok(url);
        }
        // Only a server that takes over stops our collector, and it takes a moment to come up.
        if let Some(url) = successor(data_dir, handle.url()).await {
            return Ok(url);
        }
    }
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    match start(Options::new(data_dir).listen(listen).role(Role::Embedded)).await {
        Ok(handle) => {
            let url = handle.url().to_owned();
            *running = Some(handle);
            Ok(url)
        }
        Err(StartError::Locked { holder: Some(holder), .. }) => Ok(holder.url),
        Err(error) => Err(error),
    }
}

async fn successor(data_dir: &Path, own_url: &str) -> Option<String> {
    let found = timeout(SUCCESSOR_WAIT, async {
        loop {
            match read_holder(data_dir) {
                Some(holder) if holder.url != own_url => return holder.url,
                _ => sleep(SUCCESSOR_POLL).await,
            }
        }
    });
    found.await.ok()
}

/// What the collector does is its host's to log, but not to record: the record of an upload would
/// be uploaded too, for ever.
fn mute() {
    #[cfg(feature = "tracing-layer")]
    crate::tracing::mute_thread();
}
