//! What a forked child meets. `fork` itself needs `unsafe`, so the client is told that it
//! belongs to another process, which is all that a child can see.

use tempfile::TempDir;
use tidegate_model::Destination;

use super::*;
use crate::error::FlushError;
use crate::event::Event;
use crate::ids;
use crate::record::{Head, SpanIds};

/// A client as the child of a fork sees it, and a span that was open at the fork.
fn forked(config: Config) -> (Client, Span) {
    let mut client = Client::new(config).expect("a client");
    let destination = Destination::Experiment("e".into());
    let inner = Arc::get_mut(&mut client.inner).expect("the only handle");
    // The upload thread stays behind, as it does in the parent; the test's end takes it along.
    let recorder = Arc::get_mut(&mut inner.recorder).expect("no span yet");
    let owner = std::mem::replace(&mut recorder.owner, Owner::before_a_fork());
    assert!(owner.is_this_process());
    let place = SpanIds::root(ids::span_id(), ids::trace_id());
    let head = Head::span(Arc::new(destination), "row".into(), place);
    let span = Span::inherited(Arc::clone(&client.inner.recorder), head);
    (client, span)
}

#[test]
fn invariant_9_after_a_fork_the_child_is_refused_and_never_waits() {
    let minute = Duration::from_secs(60);
    let config = Config::default()
        .app_url("http://127.0.0.1:1")
        .policy(Policy::Block)
        .budget_bytes(300)
        .admit_timeout(Duration::MAX)
        .shutdown_timeout(Duration::MAX);
    let (client, span) = forked(config);
    let destination = Destination::Experiment("e".into());
    assert!(!client.start_span(destination, "s").is_recording());
    assert!(!span.child("s").is_recording());
    // More than the budget holds: in the child nobody would ever make room.
    (0..10).for_each(|number| span.log(Event::new().output(&number)));
    assert!(matches!(client.flush_blocking(minute), Err(FlushError::Forked { .. })));
    assert!(matches!(client.shutdown(minute), Err(FlushError::Forked { .. })));
    drop(span);
    drop(client);
}

#[test]
fn invariant_9_after_a_fork_the_child_leaves_the_parents_spool_alone() {
    let spool = TempDir::new().expect("a directory");
    let config = Config::default()
        .app_url("http://127.0.0.1:1")
        .spool_dir(spool.path().to_owned())
        .durable(true);
    let (client, span) = forked(config);
    span.log(Event::new().output(&1));
    span.end();
    let directory = client.inner.shared.journal.as_ref().expect("durable").directory().to_owned();
    assert_eq!(crate::spool::status(&directory).expect("readable").records, 0);
    assert_eq!(client.pending_bytes(), 0, "what is refused holds nothing");
}
