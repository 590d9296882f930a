//! What became of everything that was accepted, in numbers.

use std::collections::BTreeMap;

use serde::Serialize;

/// Why records were dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DropReason {
    /// The byte budget was full, and the policy is to drop or the wait for room ran out.
    BudgetFull,
    /// The server could not be reached for as long as `give_up_after`.
    Unreachable,
    /// The server refused the key (401 or 403).
    Unauthorized,
    /// The server refused this very row (400 and its like).
    Rejected,
    /// The row alone is larger than the server takes.
    TooLarge,
    /// The client was shut down before the record was delivered.
    Shutdown,
    /// Every record had to be in the spool first ([`crate::Config::durable`]), and the spool
    /// could not be written.
    SpoolFailed,
    /// The file of an attachment could not be read, or had changed since it was attached.
    Unreadable,
    /// Nobody held an attachment any more when a reference to it was recorded.
    Released,
}

impl DropReason {
    /// Whether the same row may be delivered another time, so that it is worth keeping.
    pub(crate) fn may_pass(self) -> bool {
        matches!(self, Self::BudgetFull | Self::Unreachable | Self::Unauthorized | Self::Shutdown)
    }

    /// Says what happened and what to do about it, for messages.
    #[must_use]
    pub fn explain(self) -> &'static str {
        match self {
            Self::BudgetFull => {
                "the byte budget is full (raise BRAINTRUST_FLUSH_BACKPRESSURE_BYTES or use policy block)"
            }
            Self::Unreachable => "the server could not be reached (check BRAINTRUST_APP_URL)",
            Self::Unauthorized => "the server refused the key (check BRAINTRUST_API_KEY)",
            Self::Rejected => "the server rejected the rows",
            Self::TooLarge => "a row is larger than the server accepts",
            Self::Shutdown => "the client was shut down before they were delivered",
            Self::SpoolFailed => {
                "the spool cannot be written (check the disk and TIDEGATE_DATA_DIR)"
            }
            Self::Unreadable => "the file cannot be read as it was when it was attached",
            Self::Released => {
                "the attachment was gone before its reference was recorded (keep it until then)"
            }
        }
    }
}

/// Counts of records; what was accepted is always the sum of the others.
///
/// `accepted = acknowledged + spooled + dropped + pending`, exactly and at every instant. A
/// record is one start, log or end event; `rows` counts what they became on the server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// Records that `log()`, a span's start or its end handed over.
    pub accepted: u64,
    /// Records that a server confirmed with a 2xx.
    pub acknowledged: u64,
    /// Distinct rows among the acknowledged records: the number to compare with a store.
    pub rows: u64,
    /// Records kept in the spool for a later process or `tidegate spool drain`.
    pub spooled: u64,
    /// Records not settled yet.
    pub pending: u64,
    /// Records lost, by reason.
    pub dropped: BTreeMap<DropReason, u64>,
    /// Attachments, which are uploaded beside their rows. Boxed, since receipts are parts of errors.
    #[serde(skip_serializing_if = "Attachments::is_none")]
    pub attachments: Box<Attachments>,
}

/// Counts of attachments: `accepted = uploaded + failed + pending`, at every instant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Attachments {
    /// Attachments that records referred to, each counted once.
    pub accepted: u64,
    /// Those that a server has whole.
    pub uploaded: u64,
    /// Those that are waiting or under way.
    pub pending: u64,
    /// Those that are given up, by reason. Their rows are not concerned.
    pub failed: BTreeMap<DropReason, u64>,
}

impl Attachments {
    /// Number of attachments that are given up, for any reason.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.failed.values().sum()
    }

    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Receipt {
    /// Number of records lost for any reason.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.dropped.values().sum()
    }

    /// Whether every accepted record was acknowledged, and every attachment uploaded.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.acknowledged == self.accepted && self.attachments.uploaded == self.attachments.accepted
    }
}

/// Settled records since the start.
#[derive(Debug, Clone, Default)]
pub(super) struct Totals {
    acknowledged: u64,
    rows: u64,
    spooled: u64,
    dropped: BTreeMap<DropReason, u64>,
    uploaded: u64,
    failed: BTreeMap<DropReason, u64>,
}

/// How far two sequences have come: of records and of attachments.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Watermark {
    pub(super) records: u64,
    pub(super) attachments: u64,
}

impl Watermark {
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            records: self.records - before.records,
            attachments: self.attachments - before.attachments,
        }
    }

    /// Both sequences grow together, so one comparison of either decides.
    pub(super) fn is_beyond(self, other: Self) -> bool {
        self.records > other.records || self.attachments > other.attachments
    }
}

/// Takes away what another count has of each reason.
fn minus(
    counts: &BTreeMap<DropReason, u64>,
    other: &BTreeMap<DropReason, u64>,
) -> BTreeMap<DropReason, u64> {
    let mut counts = counts.clone();
    for (reason, count) in other {
        *counts.entry(*reason).or_default() -= count;
    }
    counts.retain(|_, count| *count > 0);
    counts
}

impl Totals {
    fn settled(&self) -> u64 {
        self.acknowledged + self.spooled + self.dropped.values().sum::<u64>()
    }

    pub(super) fn minus(&self, other: &Self) -> Self {
        Self {
            acknowledged: self.acknowledged - other.acknowledged,
            rows: self.rows - other.rows,
            spooled: self.spooled - other.spooled,
            dropped: minus(&self.dropped, &other.dropped),
            uploaded: self.uploaded - other.uploaded,
            failed: minus(&self.failed, &other.failed),
        }
    }

    pub(super) fn add(&mut self, outcome: Outcome, records: u64, rows: u64) {
        match outcome {
            Outcome::Acknowledged => {
                self.acknowledged += records;
                self.rows += rows;
            }
            Outcome::Spooled => self.spooled += records,
            Outcome::Dropped(reason) => *self.dropped.entry(reason).or_default() += records,
        }
    }

    pub(super) fn add_attachment(&mut self, failed: Option<DropReason>) {
        match failed {
            None => self.uploaded += 1,
            Some(reason) => *self.failed.entry(reason).or_default() += 1,
        }
    }

    /// What became of as many as were accepted.
    pub(super) fn receipt(self, accepted: Watermark) -> Receipt {
        let failed: u64 = self.failed.values().sum();
        let attachments = Box::new(Attachments {
            accepted: accepted.attachments,
            uploaded: self.uploaded,
            pending: accepted.attachments - self.uploaded - failed,
            failed: self.failed.clone(),
        });
        Receipt {
            accepted: accepted.records,
            pending: accepted.records - self.settled(),
            acknowledged: self.acknowledged,
            rows: self.rows,
            spooled: self.spooled,
            dropped: self.dropped,
            attachments,
        }
    }
}

/// What became of some records of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Acknowledged,
    /// Kept for a later process.
    Spooled,
    Dropped(DropReason),
}
