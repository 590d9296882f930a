//! Where spans, waits and requests are drawn.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tidegate_analysis::tracks::{Group, Item, Placed, Tracks};
use tidegate_model::profile::{Cause, Line};

use crate::build::{Build, anything, request};

/// What is on a track, with its start and end.
type Drawn = Vec<(Item, u64, u64)>;

fn drawn(build: &Build) -> Vec<(String, Drawn)> {
    let tracks = Tracks::of(&build.profile());
    let items = |items: &[Placed]| items.iter().map(|i| (i.item, i.start_us, i.end_us)).collect();
    tracks.iter().map(|track| (track.name(), items(track.items))).collect()
}

#[test]
fn cases_take_the_lowest_free_slot_and_children_are_clipped() {
    let mut build = Build::sdk();
    build.root(7, 0, 50);
    build.root(3, 10, 30);
    build.root(4, 30, 90);
    // Before its root, and after it.
    build.span(3, "task", 5, 20);
    build.span(3, "score", 25, 45);
    // In parallel: neither contains the other.
    build.span(4, "llm", 40, 60);
    build.span(4, "llm", 50, 70);
    build.span(4, "tool", 62, 64);
    build.wait(Cause::Flush, Some(7), 50, 60);
    build.wait(Cause::Gate, None, 0, 10);
    build.line(Line::Request(request(1, 2, 10, 20, 40)));
    let expected = [
        ("upload lane 2", vec![(Item::Request(0), 20, 40)]),
        ("task slot 0", vec![(Item::Span(0), 0, 50), (Item::Wait(0), 50, 60)]),
        (
            "task slot 1",
            vec![
                (Item::Span(1), 10, 30),
                (Item::Span(3), 10, 20),
                (Item::Span(4), 25, 30),
                (Item::Span(2), 30, 90),
                (Item::Span(5), 40, 60),
                (Item::Span(7), 62, 64),
            ],
        ),
        ("task slot 1 (parallel 1)", vec![(Item::Span(6), 50, 70)]),
        ("waits between cases", vec![(Item::Wait(1), 0, 10)]),
    ];
    assert_eq!(drawn(&build), expected.map(|(name, items)| (name.to_owned(), items)));
}

#[test]
fn a_trace_without_its_root_is_not_clipped() {
    let mut build = Build::sdk();
    build.span(1, "task", 5, 20);
    build.span(1, "score", 20, 45);
    assert_eq!(drawn(&build)[0].1, [(Item::Span(0), 5, 20), (Item::Span(1), 20, 45)]);
}

#[test]
fn the_number_of_tracks_beside_each_other_is_bounded() {
    let mut build = Build::sdk();
    build.root(1, 0, 1_000);
    // Each ends after the one before: no two can share a track.
    for step in 0..100 {
        build.span(1, "llm", step, 500 + step);
    }
    let tracks = Tracks::of(&build.profile());
    assert_eq!(tracks.iter().count(), 64);
    let last = tracks.iter().last().expect("tracks");
    assert_eq!((last.parallel, last.items.len()), (63, 37));
    assert!(last.items.iter().all(|item| item.end_us <= 563), "clipped to the first of them");
}

proptest! {
    #[test]
    fn everything_is_drawn_once_and_nested(build in anything()) {
        let profile = build.profile();
        let tracks = Tracks::of(&profile);
        let mut seen = BTreeSet::new();
        for track in tracks.iter() {
            for (position, a) in track.items.iter().enumerate() {
                prop_assert!(seen.insert(a.item));
                for b in &track.items[position + 1..] {
                    prop_assert!(a.start_us <= b.start_us);
                    let is_apart = b.start_us >= a.end_us;
                    let is_inside = b.end_us <= a.end_us;
                    prop_assert!(is_apart || is_inside, "{:?} {:?}", a, b);
                }
            }
        }
        let all = profile.spans.len() + profile.waits.len() + profile.requests.len();
        prop_assert_eq!(seen.len(), all);
    }

    #[test]
    fn as_many_slots_as_cases_at_once(roots in prop::collection::vec((0_u64..50, 1_u64..20), 1..20)) {
        let mut build = Build::sdk();
        for (trace, (start, length)) in (1..).zip(&roots) {
            build.root(trace, *start, start + length);
        }
        let at = |t: u64| roots.iter().filter(move |(start, length)| *start <= t && t < start + length);
        let most = (0..70).map(|t| at(t).count()).max().unwrap_or(0);
        let tracks = Tracks::of(&build.profile());
        prop_assert_eq!(tracks.iter().count(), most, "each root on a track of its own slot");
        for (slot, track) in (0..).zip(tracks.iter()) {
            prop_assert_eq!((track.group, track.number, track.parallel), (Group::Slots, slot, 0));
            prop_assert!(track.items.is_sorted_by(|a, b| a.end_us <= b.start_us));
        }
    }
}
