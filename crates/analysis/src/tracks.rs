//! A profile laid out for drawing: what runs at the same time lies on different tracks, and on
//! one track everything is properly nested.
//!
//! Cases get slots: in the order of their starts, each takes the lowest slot that is free. What
//! happens inside of a case lies on the tracks of its slot, clipped to the root span of its
//! trace, which a child may outlive. Spans of one slot that overlap without one containing the
//! other, such as parallel calls of a model, go to further tracks of the slot. Profiles do not
//! say which span is the parent of which, so a span that lies inside of another in time is drawn
//! inside of it.
//!
//! ```
//! use tidegate_analysis::profile::Profile;
//! use tidegate_analysis::tracks::{Group, Tracks};
//! let file = r#"{"header":{"format":"tidegate-profile","version":1,"name":"demo","source":"sdk","started_unix_us":0}}
//! {"span":{"trace":1,"root":true,"kind":"eval","name":"eval","start_us":0,"end_us":90,"records":3,"bytes":512}}
//! {"span":{"trace":2,"root":true,"kind":"eval","name":"eval","start_us":10,"end_us":50,"records":3,"bytes":512}}
//! {"span":{"trace":3,"root":true,"kind":"eval","name":"eval","start_us":60,"end_us":99,"records":3,"bytes":512}}
//! "#;
//! let tracks = Tracks::of(&Profile::read(file.as_bytes())?);
//! let slots: Vec<_> = tracks.iter().map(|track| (track.number, track.items.len())).collect();
//! assert_eq!(slots, [(0, 1), (1, 2)], "the third case runs where the second has ended");
//! assert!(tracks.iter().all(|track| track.group == Group::Slots));
//! # Ok::<(), tidegate_analysis::profile::ProfileError>(())
//! ```

mod slots;

use std::cmp::Reverse;

use crate::profile::Profile;

/// Most tracks of one slot or lane. What overlaps even more is clipped on the last of them.
const MAX_PARALLEL: usize = 64;

/// What tracks are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Upload lanes, with their requests.
    Lanes,
    /// Task slots, with the spans of cases and the waits inside of them.
    Slots,
    /// Waits outside of any case, such as those for the admission of the next one.
    Waits,
}

/// A position in one of the lists of a [`Profile`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// In [`Profile::spans`].
    Span(u32),
    /// In [`Profile::waits`].
    Wait(u32),
    /// In [`Profile::requests`].
    Request(u32),
}

/// Something with a place on a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// What.
    pub item: Item,
    /// When it starts, on the profile's clock; clipped.
    pub start_us: u64,
    /// When it ends; clipped, never before the start.
    pub end_us: u64,
    group: Group,
    number: u32,
    parallel: u16,
    /// Of what has the same bounds, the lower one contains the higher.
    rank: u8,
}

impl Placed {
    fn new(group: Group, number: u32, item: Item, start_us: u64, end_us: u64, rank: u8) -> Self {
        let end_us = end_us.max(start_us);
        Self { item, start_us, end_us, group, number, parallel: 0, rank }
    }

    fn row(&self) -> (Group, u32) {
        (self.group, self.number)
    }

    /// Containers sort before what they contain.
    fn order(&self) -> impl Ord + use<> {
        (self.start_us, Reverse(self.end_us), self.rank, self.item)
    }
}

/// One track.
#[derive(Debug, Clone, Copy)]
pub struct Track<'a> {
    /// What it is of.
    pub group: Group,
    /// Number of the lane or slot, from 0.
    pub number: u32,
    /// 0 for the first track of a lane or slot, more for those beside it.
    pub parallel: u16,
    /// What lies on it, by start; what contains something comes before it. Any two of them
    /// either do not overlap, or one contains the other.
    pub items: &'a [Placed],
}

impl Track<'_> {
    /// What the track is called, such as `upload lane 3` or `task slot 0 (parallel 1)`.
    #[must_use]
    pub fn name(&self) -> String {
        let number = self.number;
        let name = match self.group {
            Group::Lanes => format!("upload lane {number}"),
            Group::Slots => format!("task slot {number}"),
            Group::Waits => "waits between cases".to_owned(),
        };
        if self.parallel == 0 { name } else { format!("{name} (parallel {})", self.parallel) }
    }
}

/// All tracks of a profile; takes 32 bytes for each span, wait and request.
#[derive(Debug, Clone, Default)]
pub struct Tracks(Vec<Placed>);

impl Tracks {
    /// Lays a profile out, in O(n log n): lanes, then slots, then waits between cases.
    #[must_use]
    pub fn of(profile: &Profile) -> Self {
        let mut placed =
            Vec::with_capacity(profile.requests.len() + profile.spans.len() + profile.waits.len());
        for (position, request) in (0..).zip(&profile.requests) {
            let item = Item::Request(position);
            let (start, end) = (request.start_us, request.end_us);
            placed.push(Placed::new(Group::Lanes, request.lane, item, start, end, 0));
        }
        slots::place(profile, &mut placed);
        placed.sort_unstable_by_key(|item| (item.row(), item.order()));
        spread(&mut placed);
        placed.sort_unstable_by_key(|item| (item.row(), item.parallel, item.order()));
        Self(placed)
    }

    /// The tracks, in the order of groups, numbers and parallels.
    pub fn iter(&self) -> impl Iterator<Item = Track<'_>> {
        let tracks = self.0.chunk_by(|a, b| a.row() == b.row() && a.parallel == b.parallel);
        tracks.filter_map(|items| {
            let Placed { group, number, parallel, .. } = *items.first()?;
            Some(Track { group, number, parallel, items })
        })
    }
}

/// Gives everything that neither contains nor is contained another parallel track: the first
/// on which it is alone, or inside of what is open there.
fn spread(placed: &mut [Placed]) {
    // Ends of what is open, by parallel track; each inside of the one before.
    let mut open: Vec<Vec<u64>> = Vec::new();
    for row in placed.chunk_by_mut(|a, b| a.row() == b.row()) {
        open.clear();
        for item in row {
            let fits = open.iter_mut().position(|ends| {
                while ends.pop_if(|end| *end <= item.start_us).is_some() {}
                ends.last().is_none_or(|end| *end >= item.end_us)
            });
            let at = fits.unwrap_or_else(|| {
                if open.len() < MAX_PARALLEL {
                    open.push(Vec::new());
                }
                open.len() - 1
            });
            if let Some(end) = open[at].last() {
                item.end_us = item.end_us.min(*end);
            }
            item.parallel = u16::try_from(at).unwrap_or(u16::MAX);
            open[at].push(item.end_us);
        }
    }
}
