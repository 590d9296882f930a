//! What uploads did while somebody waited for them.

use super::sweep::Moment;

/// Times in microseconds, each instant weighted with the part of it, 0 to 1, in which producers
/// or the end of the run waited for uploads. What uploads do beside running cases costs nobody
/// anything and is not counted.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    /// Waiting at the gate, for a flush, or in the tail.
    pub(super) blocked_us: f64,
    /// Of that, with at least one request under way.
    pub(super) busy_us: f64,
    /// Of that, with one request alone under way while rows of later ones waited.
    pub(super) serial_us: f64,
    /// Blocked although nothing that would succeed at its first try was under way: failing
    /// requests, repeats, or the pause after a failure.
    pub(super) lost_us: f64,
    /// Requests one after another: each counts as its part of those under way beside it. Eight
    /// at the same time are one, eight in a row are eight. Without waits for a flush, which force
    /// rounds, and without failed requests and repeats.
    pub(super) rounds: f64,
    /// Bytes of these requests.
    pub(super) bytes: f64,
}

impl Uploads {
    pub(super) fn add(&mut self, moment: &Moment<'_>) {
        let (blocked, uploads) = (moment.producers.blocked(), moment.uploads);
        let us = moment.us * blocked.all;
        self.blocked_us += us;
        if uploads.in_flight > 0 {
            let unforced = moment.us * blocked.without_flush;
            self.busy_us += us;
            self.rounds += unforced * uploads.requests_per_us / f64::from(uploads.in_flight);
            self.bytes += unforced * uploads.bytes_per_us;
        }
        if uploads.in_flight == 1 && uploads.waiting > 0 {
            self.serial_us += us;
        }
        let is_failing = uploads.in_flight > 0 && uploads.sound == 0;
        if is_failing || uploads.is_back_off() {
            self.lost_us += us;
        }
    }
}
