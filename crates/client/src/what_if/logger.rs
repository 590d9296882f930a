//! What a replay needs of whoever sends rows. Moments are microseconds of the simulated clock.

use super::workload::{Part, Row};

/// A request to be sent now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Send {
    pub(super) number: u64,
    pub(super) rows: usize,
    pub(super) bytes: u64,
}

pub(super) trait Logger {
    /// Takes a part of a row; `false` if its producer has to wait for room.
    fn record(&mut self, row: u32, what: Row, part: Part, now: u64) -> bool;

    /// Whether a case may start.
    fn is_open(&self) -> bool;

    /// So many producers wait for room.
    fn waiting(&mut self, producers: usize, now: u64);

    /// Begins a flush and returns its ticket. Tickets never fall.
    fn flush(&mut self, now: u64) -> u64;

    fn is_flushed(&self, ticket: u64) -> bool;

    /// A request was answered with success.
    fn replied(&mut self, number: u64, now: u64);

    /// Does what is due.
    fn turn(&mut self, now: u64, sends: &mut Vec<Send>);

    /// When the next turn is due; a moment that has passed means at once.
    fn wake(&self) -> Option<u64>;

    /// Bytes that were recorded and are not settled.
    fn pending_bytes(&self) -> u64;
}
