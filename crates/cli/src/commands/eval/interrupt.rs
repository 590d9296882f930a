//! Ctrl-C and SIGTERM: the first one stops politely, the second one at once.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::cases::Stop;
use crate::exit::Failure;
use crate::printer::Printer;

/// Signals that have come so far. Dropping it stops listening, though not the default of a signal.
pub(crate) struct Interrupt {
    stop: Stop,
    count: watch::Receiver<u32>,
    _listener: Arc<JoinSet<()>>,
}

impl Interrupt {
    pub(crate) fn listen(printer: &Printer) -> Result<Self, Failure> {
        let (interrupt, terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let (stop, (send, count)) = (Stop::default(), watch::channel(0));
        let mut listener = JoinSet::new();
        listener.spawn(listen(interrupt, terminate, send, stop.clone(), *printer));
        Ok(Self { stop, count, _listener: Arc::new(listener) })
    }

    /// Set by the first signal.
    pub(crate) fn stop(&self) -> Stop {
        self.stop.clone()
    }

    pub(crate) fn is_set(&self) -> bool {
        self.stop.is_set()
    }

    /// # Cancel safety
    /// Dropping it has no effect.
    pub(crate) async fn first(&self) {
        self.at_least(1).await;
    }

    /// # Cancel safety
    /// Dropping it has no effect.
    pub(crate) async fn second(&self) {
        self.at_least(2).await;
    }

    async fn at_least(&self, signals: u32) {
        let mut count = self.count.clone();
        if count.wait_for(|count| *count >= signals).await.is_err() {
            // The listener never ends before this.
            std::future::pending::<()>().await;
        }
    }
}

async fn listen(
    mut interrupt: Signal,
    mut terminate: Signal,
    count: watch::Sender<u32>,
    stop: Stop,
    printer: Printer,
) {
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if !stop.is_set() {
            printer.say(
                "interrupted: cases under way end, no further one starts; again to stop at once",
            );
        }
        stop.set();
        count.send_modify(|count| *count += 1);
    }
}
