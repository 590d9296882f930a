//! References, what is behind them, and which attachment is uploaded when.

use std::time::{Duration, Instant};

use serde_json::json;

use super::queue::{LANES, What};
use super::*;
use crate::budget::Budget;
use crate::clock;
use crate::event::Event;
use crate::inbox::DropReason;

fn bytes(name: &str) -> Attachment {
    Attachment::from_bytes(name, "text/plain", &b"content"[..])
}

fn keys(event: &Event) -> Vec<Uuid> {
    event.attachments.iter().flat_map(|claims| claims.iter().map(|claim| claim.key)).collect()
}

#[test]
fn a_reference_says_nothing_of_the_content() {
    let attachment = bytes("a \"name\" ü.txt");
    let reference = serde_json::to_value(&attachment).expect("serializes");
    let expected = json!({
        "type": "braintrust_attachment",
        "filename": "a \"name\" ü.txt",
        "content_type": "text/plain",
        "key": attachment.key().to_string(),
    });
    assert_eq!(reference, expected);
    assert_eq!(AttachmentReference::of(&reference), Some(attachment.reference()));
    let external = ExternalAttachment::new("a.pdf", "application/pdf", "https://host/a.pdf");
    let reference = serde_json::to_value(&external).expect("serializes");
    assert_eq!(reference["type"], "external_attachment");
    assert!(Event::new().input(&external).attachments.is_none());
    for other in [json!(null), json!({"type": "text"}), json!({"type": "braintrust_attachment"})] {
        assert_eq!(AttachmentReference::of(&other), None);
    }
}

/// Whichever way a reference gets into a value, the event finds the attachment.
#[test]
fn no_way_of_serializing_loses_an_attachment() {
    let direct = bytes("direct");
    assert_eq!(keys(&Event::new().input(&direct)), [direct.key()]);
    let nested = bytes("nested");
    let event = Event::new().metadata(&[(&nested, 1)]);
    assert_eq!(keys(&event), [nested.key()]);

    // `json!` has serialized it, and dropped the handle, long before there is an event.
    let early = bytes("early");
    let key = early.key();
    let value = json!({"deep": [{"file": early}]});
    drop(early);
    let event = Event::new().output(&value);
    let claims = event.attachments.as_ref().expect("a claim");
    assert_eq!(claims.len(), 1);
    assert_eq!(claims[0].attachment.as_ref().map(Attachment::key), Some(key));

    // As text inside of a text as well: the reference is there for whoever parses it.
    let text = serde_json::to_string(&bytes("text")).expect("serializes");
    assert_eq!(keys(&Event::new().input(&text)).len(), 1);

    // An event that is dropped lets it go; a later one knows that it is gone.
    drop(event);
    let event = Event::new().output(&value);
    assert!(event.attachments.as_ref().expect("a claim")[0].attachment.is_none());
}

#[test]
fn a_value_without_attachments_has_no_claims() {
    let _any = serde_json::to_string(&bytes("any")).expect("serializes");
    let foreign = json!({
        "type": "braintrust_attachment", "filename": "f", "content_type": "t",
        "key": "0190f7a0-0000-7000-8000-000000000000",
    });
    assert!(Event::new().input(&foreign).output("text").attachments.is_none());
}

#[test]
fn attachments_inside_of_a_json_attachment_go_along() {
    let inner = bytes("inner");
    let outer = Attachment::from_json("outer.json", &json!({"file": inner}));
    assert_eq!(outer.nested().iter().map(Attachment::key).collect::<Vec<_>>(), [inner.key()]);
    assert_eq!(outer.reference().content_type(), "application/json");
}

#[test]
fn each_client_uploads_an_attachment_once_and_again_after_a_failure() {
    let attachment = bytes("once");
    let (one, other) = (ClientId::default(), ClientId::default());
    assert!(is_due(attachment.key(), one));
    assert!(assign(&attachment, one));
    assert!(!assign(&attachment, one) && !is_due(attachment.key(), one));
    assert!(is_due(attachment.key(), other) && assign(&attachment, other));
    unassign(attachment.key(), one);
    assert!(is_due(attachment.key(), one) && !is_due(attachment.key(), other));
}

#[test]
fn a_file_is_looked_at_when_it_is_attached() {
    let directory = tempfile::TempDir::new().expect("a directory");
    let path = directory.path().join("Picture.PNG");
    assert!(Attachment::from_file(&path).is_err(), "there is none yet");
    std::fs::write(&path, b"png").expect("written");
    let attachment = Attachment::from_file(&path).expect("a file");
    let reference = attachment.reference();
    assert_eq!((reference.filename(), reference.content_type()), ("Picture.PNG", "image/png"));
    assert_eq!(attachment.leased_bytes(), OVERHEAD_BYTES, "a file is leased as it is read");
    let renamed = attachment.clone().filename("other").content_type("image/x");
    assert_ne!(renamed.key(), attachment.key());
    let error = Attachment::from_file(directory.path()).expect_err("a directory");
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{error}");
}

/// A queue with this many attachments of which every `file`th is a file.
struct World {
    queue: Queue,
    budget: Arc<Budget>,
    now: Instant,
    running: Vec<(u64, Step)>,
    fates: Vec<Fate>,
    _directory: tempfile::TempDir,
}

impl World {
    fn new(attachments: u64, file: u64) -> Self {
        let directory = tempfile::TempDir::new().expect("a directory");
        let path = directory.path().join("file");
        std::fs::write(&path, b"content").expect("written");
        let budget = Budget::new(1 << 20);
        let mut queue = Queue::new(7);
        for sequence in 1..=attachments {
            let attachment = match sequence % file {
                0 => Attachment::from_file(&path).expect("a file"),
                _ => bytes("memory"),
            };
            let lease = budget.try_admit(attachment.leased_bytes()).expect("room");
            queue.add(Upload { sequence, attachment, lease });
        }
        let (running, fates) = (Vec::new(), Vec::new());
        Self { queue, budget, now: clock::now(), running, fates, _directory: directory }
    }

    fn turn(&mut self) {
        while let Some(started) = self.queue.start(self.now) {
            self.running.push(started);
            assert!(self.running.len() <= LANES);
        }
    }

    fn finish(&mut self, at: usize, verdict: Verdict) {
        let (number, _) = self.running.remove(at);
        self.fates.extend(self.queue.finished(number, verdict, self.now));
    }

    fn settled(&self) -> (Vec<u64>, Vec<(u64, DropReason)>) {
        let (mut uploaded, mut failed) = (Vec::new(), Vec::new());
        for fate in &self.fates {
            match fate {
                Fate::Uploaded { sequence } => uploaded.push(*sequence),
                Fate::Failed { failed: gone, .. } => failed.push((gone.sequence, gone.reason)),
            }
        }
        (uploaded, failed)
    }
}

fn busy(after: Option<Duration>) -> Verdict {
    Verdict::Retry { after, detail: "busy".into(), is_uploaded: false }
}

#[test]
fn files_leave_a_lane_to_what_is_in_memory() {
    let mut world = World::new(40, 1);
    let attachment = bytes("memory");
    let lease = world.budget.try_admit(attachment.leased_bytes()).expect("room");
    world.queue.add(Upload { sequence: 41, attachment, lease });
    world.turn();
    let files = world.running.iter().filter(|(_, step)| match &step.what {
        What::Upload(attachment) => attachment.is_file(),
        _ => false,
    });
    assert_eq!((files.count(), world.running.len()), (LANES - 1, LANES));
}

#[test]
fn eight_tries_with_growing_delays_and_then_the_server_is_told() {
    let mut world = World::new(1, 2);
    let started = world.now;
    for _ in 0..8 {
        world.now = world.queue.wake().unwrap_or(world.now).max(world.now);
        world.turn();
        assert!(matches!(world.running[0].1.what, What::Upload(_)));
        world.finish(0, busy(None));
    }
    assert!(world.fates.is_empty(), "not before the server was told");
    world.turn();
    assert!(matches!(&world.running[0].1.what, What::Report(text) if text.contains("busy")));
    assert!(world.budget.used_bytes() <= OVERHEAD_BYTES, "its bytes are let go by then");
    world.finish(0, busy(None));
    assert_eq!(world.settled().1, [(1, DropReason::Unreachable)]);
    world.fates.clear();
    assert!(world.queue.is_idle() && world.budget.used_bytes() == 0);
    assert!(world.now - started < Duration::from_secs(64));
}

#[test]
fn retry_after_is_honoured_and_a_finished_upload_is_not_repeated() {
    let mut world = World::new(1, 2);
    world.turn();
    let verdict = Verdict::Retry {
        after: Some(Duration::from_secs(9)),
        detail: "busy".into(),
        is_uploaded: true,
    };
    world.finish(0, verdict);
    world.now += Duration::from_secs(8);
    world.turn();
    assert!(world.running.is_empty());
    world.now = world.queue.wake().expect("a try");
    world.turn();
    assert!(matches!(world.running[0].1.what, What::Complete));
    world.finish(0, Verdict::Done);
    assert_eq!(world.settled().0, [1]);
}

#[test]
fn what_no_repeat_would_change_is_not_repeated() {
    for (reason, told) in [(DropReason::TooLarge, true), (DropReason::Unauthorized, false)] {
        let mut world = World::new(1, 2);
        world.turn();
        world.finish(0, Verdict::Stop { reason, detail: "no".into() });
        world.turn();
        assert_eq!(world.running.len(), usize::from(told));
        if told {
            world.finish(0, Verdict::Done);
        }
        assert_eq!(world.settled().1, [(1, reason)]);
    }
}

proptest::proptest! {
    /// Each attachment is settled once, holds its lease until then, and no longer.
    #[test]
    fn every_attachment_is_settled_once(
        answers in proptest::collection::vec((0..LANES, 0..5u8), 0..200),
        cut in proptest::bool::ANY,
    ) {
        let mut world = World::new(20, 3);
        for (which, answer) in answers {
            world.now += Duration::from_millis(300);
            world.turn();
            if which >= world.running.len() {
                continue;
            }
            world.finish(which, match answer {
                0 | 1 => Verdict::Done,
                2 => busy(None),
                3 => busy(Some(Duration::from_secs(1))),
                _ => Verdict::Stop { reason: DropReason::Rejected, detail: "no".into() },
            });
        }
        if cut {
            let rest = world.queue.abandon(DropReason::Shutdown);
            world.fates.extend(rest);
        }
        while !world.queue.is_idle() {
            world.turn();
            if world.running.is_empty() {
                world.now = world.queue.wake().expect("nothing is stranded");
                continue;
            }
            world.finish(0, Verdict::Done);
        }
        let (uploaded, failed) = world.settled();
        let mut all: Vec<u64> = failed.iter().map(|(sequence, _)| *sequence).collect();
        all.extend(uploaded);
        all.sort_unstable();
        proptest::prop_assert_eq!(all, (1..=20).collect::<Vec<u64>>());
        world.fates.clear();
        proptest::prop_assert_eq!(world.budget.used_bytes(), 0);
    }
}
