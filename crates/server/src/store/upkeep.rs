//! What a store does to stay well: forgetting old logs, giving space back.

use std::fmt;
use std::ops::Range;

use super::Answer;

/// Upkeep of a store, in steps so small that writers hardly notice.
pub(crate) trait UpkeepStore: fmt::Debug + Send + Sync {
    /// The highest number that a row has; numbers grow in the order in which rows are made.
    fn newest_number(&self) -> Answer<'_, i64>;

    /// Among rows of project logs with numbers in a range, the time (in microseconds since 1970)
    /// of the oldest; `None` if there is no such row.
    fn oldest_log(&self, numbers: Range<i64>) -> Answer<'_, Option<i64>>;

    /// Removes at most `limit` rows of project logs in a range that are older than `before_us`,
    /// and returns how many.
    fn expire_logs(&self, numbers: Range<i64>, before_us: i64, limit: u32) -> Answer<'_, usize>;

    /// Gives at most so many unused pages back to the file system, and returns how many more there
    /// are. Some are kept, since the next rows need them.
    fn shrink(&self, pages: u32) -> Answer<'_, u64>;
}
