//! Nothing that the upload thread does is traced into the host.

use std::sync::atomic::AtomicU64;

use tracing::span::{Attributes, Id, Record as Values};
use tracing::{Metadata, Subscriber};

use super::*;

static SEEN: AtomicU64 = AtomicU64::new(0);

/// What a host with a trace layer has for all its threads.
struct Host;

impl Subscriber for Host {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        SEEN.fetch_add(1, Ordering::Relaxed);
        Id::from_u64(1)
    }

    fn event(&self, _: &tracing::Event<'_>) {
        SEEN.fetch_add(1, Ordering::Relaxed);
    }

    fn record(&self, _: &Id, _: &Values<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// As an HTTP stack does.
struct Talkative;

impl Transport for Talkative {
    async fn send(&self, _: Bytes, _: Stage) -> (Reply, Trace) {
        tracing::info_span!("request").in_scope(|| tracing::error!("sending"));
        // As when a name is resolved.
        tokio::task::spawn_blocking(|| tracing::error!("resolving")).await.expect("no panic");
        (Reply::Acknowledged, Trace::default())
    }

    async fn attach(&self, _: Step, _: &Arc<Budget>) -> Verdict {
        Verdict::Done
    }

    fn max_request_bytes(&self) -> u64 {
        6_000_000
    }
}

#[test]
fn invariant_9_nothing_of_the_upload_is_traced_into_the_host() {
    tracing::subscriber::set_global_default(Host).expect("no other test sets one");
    tracing::error!("the host's own");
    assert_eq!(SEEN.swap(0, Ordering::Relaxed), 1, "the host traces");
    let (recorder, shared) = shared(1 << 20);
    let driver = Driver::start(options(1 << 20), Arc::clone(&shared), Arc::new(Talkative));
    let driver = driver.expect("a thread");
    span(&recorder).end();
    assert!(driver.stop(60 * SECOND));
    assert_eq!(shared.inbox.stats().rows, 1);
    assert_eq!(SEEN.load(Ordering::Relaxed), 0);
}
