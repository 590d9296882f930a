//! Waiting for a data directory that somebody else holds.

use std::time::Duration;

use hyper::StatusCode;
use tokio::time::{Instant, sleep};

use super::{Holder, call};
use crate::options::Role;

/// Answers whether this process is the holder that the token belongs to.
pub(crate) const HELLO_PATH: &str = "/internal/hello";
/// Asks an embedded holder to release the data directory.
pub(crate) const HANDOVER_PATH: &str = "/internal/handover";
/// Makes, lists and revokes keys.
pub(crate) const KEYS_PATH: &str = "/internal/keys";

/// How long a directory that is starting up or being handed over is waited for.
const DEADLINE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);
const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// What to do about a locked directory.
pub(super) enum Verdict {
    /// Try the lock again.
    Again,
    /// Give up; the holder, if it answered, keeps the directory.
    Occupied(Option<Holder>),
}

/// One wait for one directory.
pub(super) struct Waiting {
    role: Role,
    since: Instant,
    /// Token of the holder that agreed to go: asking once is enough.
    leaving: Option<String>,
}

impl Waiting {
    pub(super) fn new(role: Role) -> Self {
        Self { role, since: Instant::now(), leaving: None }
    }

    /// Looks at the holder's entry, asks it to go where that helps, and otherwise waits a little.
    pub(super) async fn step(&mut self, holder: Option<Holder>) -> Verdict {
        if let Some(holder) = holder.filter(|holder| self.leaving.as_ref() != Some(&holder.token)) {
            if self.role == Role::Serve && holder.role == Role::Embedded {
                // It may be gone or not be listening yet; then the lock tells, next time round.
                if agrees(&holder, HANDOVER_PATH).await {
                    self.leaving = Some(holder.token);
                }
            } else if agrees(&holder, HELLO_PATH).await {
                return Verdict::Occupied(Some(holder));
            }
        }
        if self.since.elapsed() > DEADLINE {
            return Verdict::Occupied(None);
        }
        sleep(POLL).await;
        Verdict::Again
    }
}

/// Sends a request to a holder and returns whether it agreed.
async fn agrees(holder: &Holder, path: &'static str) -> bool {
    let answer = call(holder, path, Vec::new(), CALL_TIMEOUT).await;
    answer.is_ok_and(|(status, _)| status == StatusCode::OK)
}
