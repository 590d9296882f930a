//! Showing a key to begin a session.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, Method};
use tokio::sync::Semaphore;

use super::secret::hash;
use super::session::{self, Session};
use super::{Identity, Key, Keys, Refusal, origin};
use crate::clock;
use crate::store::StoreError;

/// How long a wrong key keeps its place at the door.
const PENALTY: Duration = Duration::from_millis(250);
/// Keys looked at at once: with [`PENALTY`], 32 wrong ones per second, whoever sends them.
const LOOKED_AT: usize = 8;
/// Those that wait for a place, a second's worth of places: more are sent away.
const WAITING: usize = 32;

/// Where keys are shown. Whoever tries keys out waits for all that do; a right key waits about a
/// second at most, and costs nobody a place.
#[derive(Debug)]
pub(super) struct Door {
    places: Semaphore,
    queue: Semaphore,
}

impl Default for Door {
    fn default() -> Self {
        Self { places: Semaphore::new(LOOKED_AT), queue: Semaphore::new(WAITING) }
    }
}

/// Why there is no session.
#[derive(Debug)]
pub(crate) enum SignInError {
    /// The key is not one, or what asks is a page of another origin.
    Refused(Refusal),
    /// Too many try at once.
    Crowded,
    Store(StoreError),
}

impl Keys {
    /// Begins a session with a key: the text of the cookie, the key and the session.
    ///
    /// # Cancel safety
    /// A dropped future gives its place back.
    pub(crate) async fn sign_in(
        &self,
        headers: &HeaderMap,
        text: &str,
    ) -> Result<(String, Arc<Key>, Session), SignInError> {
        // Or a page from elsewhere could make the browser somebody else's, who then watches.
        if origin::is_other(headers) {
            return Err(SignInError::Refused(Refusal::ForeignOrigin));
        }
        let queued = self.door.queue.try_acquire().map_err(|_| SignInError::Crowded)?;
        let place = self.door.places.acquire().await.map_err(|_| SignInError::Crowded)?;
        drop(queued);
        let refusal = match self.find(&hash(text.trim())) {
            Some(key) if key.stored.revoked.is_none() => {
                let (token, session) = self
                    .sessions
                    .begin(&key.stored.id, clock::now().as_second())
                    .map_err(SignInError::Store)?;
                return Ok((token, key, session));
            }
            Some(_) => Refusal::Revoked,
            None => Refusal::Unknown,
        };
        tokio::time::sleep(PENALTY).await;
        drop(place);
        Err(SignInError::Refused(refusal))
    }

    /// Ends the session of a request, if it has one.
    pub(crate) fn sign_out(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if origin::is_other(headers) {
            return Err(Refusal::ForeignOrigin);
        }
        let now = clock::now().as_second();
        if let Some(session) =
            session::cookie(headers).and_then(|cookie| self.sessions.read(cookie, now))
        {
            self.sessions.end(&session, now);
            self.changed.send_replace(());
        }
        Ok(())
    }

    /// Whether who they were when a request began is who they still are.
    pub(crate) fn is_still(&self, headers: &HeaderMap, method: &Method, who: &Identity) -> bool {
        match (self.identify(headers, method), who) {
            (Ok(Identity::Key(now)), Identity::Key(then))
            | (Ok(Identity::Session(now, _)), Identity::Session(then, _)) => {
                now.stored.id == then.stored.id
            }
            (Ok(Identity::Anybody), Identity::Anybody) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::StoredKey;
    use super::*;
    use crate::store::Scope;

    fn keys() -> Keys {
        let key = StoredKey {
            id: "id".into(),
            sha256: hash("good"),
            name: None,
            scope: Scope::Write,
            project: None,
            created: String::new(),
            revoked: None,
            last_used: None,
        };
        Keys::of(true, vec![key], &[7; 64])
    }

    #[tokio::test(start_paused = true)]
    async fn wrong_keys_are_slow_and_a_right_one_is_not() {
        let keys = Arc::new(keys());
        let begin = tokio::time::Instant::now();
        let mut tries = tokio::task::JoinSet::new();
        for _ in 0..LOOKED_AT + WAITING {
            let keys = Arc::clone(&keys);
            tries.spawn(async move {
                let tried = keys.sign_in(&HeaderMap::new(), "wrong").await.map(drop);
                assert!(matches!(tried, Err(SignInError::Refused(Refusal::Unknown))));
            });
            // Into the places first, then into the queue.
            tokio::task::yield_now().await;
        }
        let crowded = keys.sign_in(&HeaderMap::new(), "good").await.map(drop);
        assert!(matches!(crowded, Err(SignInError::Crowded)), "{crowded:?}");
        while let Some(tried) = tries.join_next().await {
            tried.expect("refused");
        }
        // 40 wrong ones, 8 at a time.
        assert_eq!(begin.elapsed(), PENALTY * 5);
        let (token, key, session) =
            keys.sign_in(&HeaderMap::new(), " good ").await.expect("signed in");
        assert_eq!(begin.elapsed(), PENALTY * 5);
        assert_eq!((&*key.stored.id, &*session.key_id), ("id", "id"));
        assert!(!token.contains("good"));
    }
}
