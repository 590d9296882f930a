//! Errors of requests that the caller waits for.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::inbox::{DropReason, Receipt};
use crate::locate::LocateError;

/// A request to the server that did not give what was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// Nothing answers there, or not in time.
    #[error("cannot reach {origin}")]
    Unreachable {
        /// Scheme, host and port.
        origin: String,
        /// The network error.
        source: reqwest::Error,
    },
    /// No server could be found or started.
    #[error("no collector available")]
    Locate(#[source] LocateError),
    /// 401 or 403.
    #[error("{origin} refused the key")]
    Unauthorized {
        /// Scheme, host and port.
        origin: String,
    },
    /// The key belongs to no organisation of the wanted name, or to none at all.
    #[error("the key has no organisation{}", wanted.as_ref().map(|name| format!(" named {name:?}")).unwrap_or_default())]
    NoOrganisation {
        /// The wanted name, if one was.
        wanted: Option<String>,
    },
    /// Any other status than 2xx.
    #[error("{path} answered {status}: {message}")]
    Status {
        /// HTTP status code.
        status: u16,
        /// Path of the request.
        path: String,
        /// What the server said, shortened.
        message: String,
        /// What the server asked to wait.
        retry_after: Option<Duration>,
    },
    /// The answer is not what the protocol says.
    #[error("unexpected answer from {path}")]
    Decode {
        /// Path of the request.
        path: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The answer is larger than any reply of the protocol.
    #[error("answer from {path} exceeds {limit_bytes} bytes")]
    TooLong {
        /// Path of the request.
        path: String,
        /// The cap.
        limit_bytes: usize,
    },
    /// A read of several pages did not end in time.
    #[error("{path} did not end within {deadline:?}")]
    Deadline {
        /// Path of the requests.
        path: String,
        /// How long all of them together had.
        deadline: Duration,
    },
    /// A page named itself as the next one, so that reading on would never end.
    #[error("{path} repeats a cursor")]
    Stuck {
        /// Path of the requests.
        path: String,
    },
    /// The URL in a setting cannot be used.
    #[error("{url:?} is not an http or https URL")]
    Url {
        /// As it was given.
        url: String,
    },
    /// The client was shut down.
    #[error("the client is shut down")]
    Shutdown,
    /// The client was made before a fork, and this is the child.
    #[error("the client belongs to the process before the fork")]
    Forked,
}

impl ApiError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Deadline { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 429 | 500..),
            _ => false,
        }
    }

    /// What the server asked to wait before the next try.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => {
                "check BRAINTRUST_APP_URL and BRAINTRUST_API_URL, or start a collector with `tidegate serve`"
            }
            Self::Unauthorized { .. } => "check BRAINTRUST_API_KEY",
            Self::NoOrganisation { .. } => "check BRAINTRUST_ORG_NAME",
            Self::Url { .. } => "write it like http://127.0.0.1:8787",
            Self::Locate(_) => "check the data directory (TIDEGATE_DATA_DIR)",
            Self::Deadline { .. } => "the server is slow or the experiment is large; try again",
            Self::Status { .. }
            | Self::Decode { .. }
            | Self::TooLong { .. }
            | Self::Stuck { .. } => "check that the URL is that of a Braintrust-compatible server",
            Self::Shutdown => "keep the client until the last request is done",
            Self::Forked => "make a client of its own in the child",
        }
    }
}

/// A flush after which not everything of its range is stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlushError {
    /// Records or attachments were lost.
    #[error("{}", lost(receipt))]
    Lost {
        /// Counts of the flush's range.
        receipt: Receipt,
    },
    /// The deadline passed first; what is pending may still arrive.
    #[error("{} were still pending at the deadline", pending(receipt))]
    Deadline {
        /// Counts of the flush's range.
        receipt: Receipt,
    },
    /// The client was made before a fork, and this is the child: nothing is uploaded here.
    #[error("the client belongs to the process before the fork; make one in the child")]
    Forked {
        /// Counts of the flush's range, as the parent knew them at the fork.
        receipt: Receipt,
    },
}

impl FlushError {
    /// The counts of the flush's range.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        match self {
            Self::Lost { receipt } | Self::Deadline { receipt } | Self::Forked { receipt } => {
                receipt
            }
        }
    }
}

fn lost(receipt: &Receipt) -> String {
    let attachments = &receipt.attachments;
    let records = format!("{} of {} records were lost", receipt.lost(), receipt.accepted);
    let files =
        format!("{} of {} attachments were not uploaded", attachments.lost(), attachments.accepted);
    let kinds = [(records, &receipt.dropped), (files, &attachments.failed)];
    let kinds = kinds.into_iter().filter(|(_, reasons)| !reasons.is_empty());
    let kinds = kinds.map(|(what, counts)| format!("{what}: {}", reasons(counts)));
    kinds.collect::<Vec<_>>().join("; ")
}

fn pending(receipt: &Receipt) -> String {
    let records = format!("{} of {} records", receipt.pending, receipt.accepted);
    match &receipt.attachments {
        attachments if attachments.pending > 0 => {
            format!("{records} and {} of {} attachments", attachments.pending, attachments.accepted)
        }
        _ => records,
    }
}

fn reasons(counts: &BTreeMap<DropReason, u64>) -> String {
    let reasons: Vec<_> = counts
        .iter()
        .map(|(reason, count)| format!("{count} because {}", reason.explain()))
        .collect();
    reasons.join(", ")
}
