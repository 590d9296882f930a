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
    _listener: Arc<JoinSet<()>>,
}

impl Interrupt {
    pub(crate) fn listen(printer: &Printer) -> Result<Self, Failure> {
        let (interrupt, terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let (send, count) = watch::channel(0);
        let mut listener = JoinSet::new();
        listener.spawn(listen(interrupt, terminate, send, *printer));
        Ok(Self { stop: Stop(count), _listener: Arc::new(listener) })
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
        self.stop().after(1).await;
    }

    /// # Cancel safety
    /// Dropping it has no effect.
    pub(crate) async fn second(&self) {
        self.stop().after(2).await;
    }
}

async fn listen(
    mut interrupt: Signal,
    mut terminate: Signal,
    count: watch::Sender<u32>,
    printer: Printer,
) {
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if *count.borrow() == 0 {
            printer.say(
                "interrupted: cases under way end, no further one starts; again to stop at once",
            );
        }
        count.send_modify(|count| *count += 1);
    }
}
