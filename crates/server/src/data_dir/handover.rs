//! Waiting for a data directory that somebody else holds.

use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::Holder;
use crate::options::Role;

/// Answers whether this process is the holder that the token belongs to.
pub(crate) const HELLO_PATH: &str = "/internal/hello";
/// Asks an embedded holder to release the data directory.
pub(crate) const HANDOVER_PATH: &str = "/internal/handover";
/// Carries [`Holder::token`].
pub(crate) const TOKEN_HEADER: &str = "x-tidegate-token";

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
                if call(&holder, HANDOVER_PATH).await {
                    self.leaving = Some(holder.token);
                }
            } else if call(&holder, HELLO_PATH).await {
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
async fn call(holder: &Holder, path: &'static str) -> bool {
    matches!(timeout(CALL_TIMEOUT, post(holder, path)).await, Ok(Some(StatusCode::OK)))
}

async fn post(holder: &Holder, path: &'static str) -> Option<StatusCode> {
    let authority = holder.url.strip_prefix("http://")?;
    let stream = TcpStream::connect(authority).await.ok()?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    let request = Request::post(path)
        .header("host", authority)
        .header(TOKEN_HEADER, &holder.token)
        .body(Empty::<Bytes>::new())
        .ok()?;
    tokio::select! {
        reply = sender.send_request(request) => reply.ok().map(|reply| reply.status()),
        // The connection ends only after the reply or with an error.
        _ = connection => None,
    }
}
