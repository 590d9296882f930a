//! How far the delivery of a body has come.
//!
//! ```text
//! Rows ----------------------------------------------> acknowledged
//!   | larger than the announced limit
//!   v
//! Announce -> Upload (to a signed URL) -> Name ------> acknowledged
//!   |             |                        | unknown to the server
//!   |             +------ any failure -----+--> Announce
//!   | the server has no such way
//!   v
//! Anyway --------------------------------------------> acknowledged, or refused
//! ```

use std::sync::Arc;

use crate::http::Signed;

/// The step of a delivery that is next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The body goes as it is.
    Rows,
    /// Likewise, although it is larger than the server says that it takes: there is no other way.
    Anyway,
    /// The server is asked where the body may be uploaded.
    Announce,
    /// The body is uploaded there.
    Upload(Arc<Signed>),
    /// It is uploaded; the server is told to take it.
    Name(Arc<str>),
}

impl Stage {
    /// Whether the body takes the way of those beyond the limit.
    pub(crate) fn is_overflow(&self) -> bool {
        matches!(self, Self::Announce | Self::Upload(_) | Self::Name(_))
    }

    /// Rows and bytes of the batch that the request of this step carries. Rows count where they
    /// are acknowledged, bytes where they travel, so that sums over requests are right.
    pub(crate) fn carries(&self, rows: usize, bytes: u64) -> (usize, u64) {
        match self {
            Self::Rows | Self::Anyway => (rows, bytes),
            Self::Announce => (0, 0),
            Self::Upload(_) => (0, bytes),
            Self::Name(_) => (rows, 0),
        }
    }

    /// Where a failed step is tried again: a signed URL may be good for one try only.
    pub(crate) fn after_failure(self) -> Self {
        match self {
            Self::Upload(_) => Self::Announce,
            stage => stage,
        }
    }
}
