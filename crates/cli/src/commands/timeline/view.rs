//! What a picture of a profile shows, whether it becomes text or SVG.

use std::collections::BTreeMap;

use tidegate_analysis::explain::Explanation;
use tidegate_analysis::profile::Profile;
use tidegate_model::profile::{Cause, Request, Source};

use super::track::{Measure, Track};

/// A profile as a picture. All times are microseconds since its left end.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct View {
    pub(super) wall_us: u64,
    /// Ordered by number.
    pub(super) lanes: Vec<Lane>,
    pub(super) tracks: Vec<Track>,
}

/// Requests that one lane has carried, in the order of their start; none overlaps another.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lane {
    pub(super) number: u32,
    pub(super) requests: Vec<Request>,
}

/// How a request ended, as far as a picture tells it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Accepted,
    /// Accepted, after others that were not.
    Retried,
    Failed,
}

impl Ending {
    pub(super) fn of(request: &Request) -> Self {
        match (request.status, request.attempt) {
            (Some(200..=299), 0) => Self::Accepted,
            (Some(200..=299), _) => Self::Retried,
            _ => Self::Failed,
        }
    }
}

impl View {
    /// Shows the part of a profile that was explained: of that of a server, which begins before
    /// its client, from the first request on.
    pub(super) fn of(profile: &Profile, explanation: &Explanation) -> Self {
        let since = |us: u64| us.saturating_sub(explanation.start_us);
        let interval = |start_us, end_us| (since(start_us), since(end_us));
        let waiting = |cause: Cause| {
            let waits = profile.waits.iter().filter(move |wait| wait.cause == cause);
            waits.map(move |wait| interval(wait.start_us, wait.end_us))
        };
        let roots = profile.spans.iter().filter(|span| span.root);
        let mut tracks = Vec::new();
        if !profile.queue.is_empty() {
            let steps =
                profile.queue.iter().map(|at| (since(at.at_us), at.pending_bytes)).collect();
            let mut pending = Track::of_steps("pending", Measure::Bytes, steps);
            pending.limit = profile.header.budget_bytes;
            tracks.push(pending);
        }
        // A collector does not see who waits, nor what for.
        if profile.header.source != Source::Server {
            tracks.push(Track::of_intervals("gate", Measure::Waiting, waiting(Cause::Gate)));
            let flush = Track::of_intervals("flush", Measure::Waiting, waiting(Cause::Flush));
            tracks.extend(Some(flush).filter(|flush| flush.most() > 0));
            let cases = roots.map(|span| interval(span.start_us, span.end_us));
            let cases = Track::of_intervals("cases", Measure::Running, cases);
            tracks.extend(Some(cases).filter(|cases| cases.most() > 0));
        }
        let requests = profile.requests.iter().map(|request| Request {
            queued_us: since(request.queued_us),
            start_us: since(request.start_us),
            first_byte_us: request.first_byte_us.map(since),
            end_us: since(request.end_us),
            ..*request
        });
        Self { wall_us: explanation.wall_us, lanes: lanes(requests), tracks }
    }

    /// All requests in the order of their start.
    pub(super) fn requests(&self) -> Vec<&Request> {
        let mut all: Vec<&Request> = self.lanes.iter().flat_map(|lane| &lane.requests).collect();
        all.sort_by_key(|request| (request.start_us, request.end_us, request.number));
        all
    }
}

/// A file may break its promise that requests of a lane do not overlap; each stretch of time then
/// has as many lines as it needs, and no bar hides another.
fn lanes(requests: impl Iterator<Item = Request>) -> Vec<Lane> {
    let mut by_number: BTreeMap<u32, Vec<Request>> = BTreeMap::new();
    for request in requests {
        by_number.entry(request.lane).or_default().push(request);
    }
    let mut lanes = Vec::new();
    for (number, mut requests) in by_number {
        requests.sort_by_key(|request| (request.start_us, request.end_us, request.number));
        let first = lanes.len();
        for request in requests {
            let ended = |lane: &Lane| {
                lane.requests.last().is_none_or(|last| last.end_us <= request.start_us)
            };
            match lanes[first..].iter_mut().find(|lane| ended(lane)) {
                Some(lane) => lane.requests.push(request),
                None => lanes.push(Lane { number, requests: vec![request] }),
            }
        }
    }
    lanes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_a_lane_that_overlap_all_the_same_get_lines_of_their_own() {
        let request = |number, lane, start_us, end_us| Request {
            number,
            lane,
            attempt: 0,
            rows: 1,
            bytes: 1,
            sent_bytes: 1,
            queued_us: start_us,
            start_us,
            first_byte_us: None,
            end_us,
            status: Some(200),
        };
        let found = lanes(
            [
                request(1, 4, 0, 10),
                request(2, 0, 3, 9),
                request(3, 4, 5, 12),
                request(4, 4, 10, 20),
            ]
            .into_iter(),
        );
        let numbers: Vec<(u32, Vec<u64>)> = found
            .iter()
            .map(|lane| (lane.number, lane.requests.iter().map(|r| r.number).collect()))
            .collect();
        assert_eq!(numbers, [(0, vec![2]), (4, vec![1, 4]), (4, vec![3])]);
    }
}
