//! Who may do what: API keys, and the rule for requests without one.

pub(crate) mod admin;
mod origin;
mod rate;
mod secret;
mod session;
mod sign_in;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use axum::http::{HeaderMap, Method, header};
use jiff::Timestamp;
use tokio::sync::watch;

use crate::clock;
use crate::store::{Scope, Store, StoreError, StoredKey};

use rate::Bucket;
pub(crate) use secret::random_hex;
use secret::{generate, hash};
use session::Sessions;
pub(crate) use session::{COOKIE, LIFETIME_SECONDS, Session};
use sign_in::Door;
pub(crate) use sign_in::SignInError;

/// What a route lets its caller do, and so what the caller's key must allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// No key is needed.
    Open,
    Read,
    Write,
    /// Only whoever can read the lock file of the data directory: its token takes the place of a
    /// key.
    Internal,
}

/// A key in use.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) stored: StoredKey,
    usage: Arc<Usage>,
}

/// What was made of a key since the start. It outlives changes to the key.
#[derive(Debug, Default)]
struct Usage {
    /// Unix seconds of the last request; 0 for none.
    last: AtomicI64,
    bucket: Bucket,
}

/// The keys of a store, by hash. All of them are in memory: a request costs no query, and whatever
/// changes them goes through here, so a change counts from the next request on.
#[derive(Debug)]
pub(crate) struct Keys {
    /// Whether a request needs one.
    needed: bool,
    /// Requests per second and key; all without a key count as one.
    rate: Option<NonZeroU32>,
    keyless: Bucket,
    known: RwLock<HashMap<[u8; 32], Arc<Key>>>,
    sessions: Sessions,
    door: Door,
    /// Told of whenever a key was made or revoked, or a session ended.
    changed: watch::Sender<()>,
}

/// Who sent a request, by what it brought.
#[derive(Debug, Clone)]
pub(crate) enum Identity {
    /// Whoever has this key.
    Key(Arc<Key>),
    /// A browser that showed this key, and its session.
    Session(Arc<Key>, Session),
    /// Nobody in particular, where no key is needed.
    Anybody,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Missing,
    Unknown,
    Revoked,
    /// The session is over, or was none.
    SessionOver,
    /// The key may read only.
    ReadOnly,
    /// More requests than the rate allows; in so many seconds there may be another.
    TooMany {
        retry_after: u64,
    },
    /// A page of another origin, acting with what its reader has.
    ForeignOrigin,
}

/// A key to be made.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) name: Option<String>,
    pub(crate) scope: Scope,
    /// Id of the only project it opens.
    pub(crate) project: Option<String>,
}

impl Keys {
    /// Reads the keys; makes the first one, returned as text, if one is needed and none is valid.
    pub(crate) async fn load(
        store: &dyn Store,
        needed: bool,
    ) -> Result<(Self, Option<String>), StoreError> {
        let keys = Self::of(needed, store.keys().await?, &store.signing_secret().await?);
        if !needed || keys.all().iter().any(|key| key.stored.revoked.is_none()) {
            return Ok((keys, None));
        }
        let wanted = Wanted { name: Some("first".into()), scope: Scope::Write, project: None };
        let (key, first) = stored(wanted)?;
        if store.add_key(key.clone(), true).await? {
            keys.put(key);
            return Ok((keys, Some(first)));
        }
        // Another collector on the same store was faster.
        keys.reload(store).await?;
        Ok((keys, None))
    }

    fn of(needed: bool, stored: Vec<StoredKey>, secret: &[u8; 64]) -> Self {
        let known = stored.into_iter().map(|key| (key.sha256, Key::of(key))).collect();
        Self {
            needed,
            rate: None,
            keyless: Bucket::default(),
            known: RwLock::new(known),
            sessions: Sessions::new(secret),
            door: Door::default(),
            changed: watch::Sender::default(),
        }
    }

    /// Whether requests need a key.
    pub(crate) fn needed(&self) -> bool {
        self.needed
    }

    /// Tells of changes after which somebody may no longer be who they were.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Limits each key to so many requests per second.
    pub(crate) fn limited(self, rate: Option<NonZeroU32>) -> Self {
        Self { rate, ..self }
    }

    /// Decides about a request; `None` is a caller who needs no key here.
    pub(crate) fn check(
        &self,
        headers: &HeaderMap,
        method: &Method,
        access: Access,
    ) -> Result<Option<Arc<Key>>, Refusal> {
        match self.identify(headers, method)? {
            Identity::Key(key) | Identity::Session(key, _) => {
                if key.stored.scope == Scope::Read && access == Access::Write {
                    return Err(Refusal::ReadOnly);
                }
                self.count(&key.usage.bucket)?;
                key.usage.last.store(clock::now().as_second(), Ordering::Relaxed);
                Ok(Some(key))
            }
            Identity::Anybody => self.count(&self.keyless).map(|()| None),
        }
    }

    /// Finds out who sends a request, by its `Authorization` or else its cookie. Counts for nothing.
    pub(crate) fn identify(
        &self,
        headers: &HeaderMap,
        method: &Method,
    ) -> Result<Identity, Refusal> {
        let valid = |key: Arc<Key>| match key.stored.revoked {
            Some(_) => Err(Refusal::Revoked),
            None => Ok(key),
        };
        let shown = bearer(headers);
        if let Some(key) = shown.and_then(|key| self.find(&hash(key))) {
            return valid(key).map(Identity::Key);
        }
        let mut refusal = if shown.is_some() { Refusal::Unknown } else { Refusal::Missing };
        // A request that says who it is means that, whatever cookies come along.
        if !headers.contains_key(header::AUTHORIZATION)
            && let Some(cookie) = session::cookie(headers)
        {
            if let Some((key, session)) = self.find_session(cookie) {
                let key = valid(key)?;
                if !method.is_safe() && !origin::is_same(headers) {
                    return Err(Refusal::ForeignOrigin);
                }
                return Ok(Identity::Session(key, session));
            }
            refusal = Refusal::SessionOver;
        }
        match self.needed {
            true => Err(refusal),
            // Nobody has to know anything here, so what a browser sends for a page from
            // elsewhere must not count as the user's own wish.
            false if origin::is_foreign(headers) => Err(Refusal::ForeignOrigin),
            false => Ok(Identity::Anybody),
        }
    }

    fn find_session(&self, cookie: &str) -> Option<(Arc<Key>, Session)> {
        let session = self.sessions.read(cookie, clock::now().as_second())?;
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        // A signed one names a key that there is; there are few of them.
        let key = known.values().find(|key| key.stored.id == session.key_id).cloned()?;
        Some((key, session))
    }

    fn count(&self, bucket: &Bucket) -> Result<(), Refusal> {
        let Some(rate) = self.rate else { return Ok(()) };
        bucket
            .take(rate, clock::monotonic())
            .map_err(|retry_after| Refusal::TooMany { retry_after })
    }

    /// Makes a key; its text is returned here and never again.
    pub(crate) async fn create(
        &self,
        store: &dyn Store,
        wanted: Wanted,
    ) -> Result<(StoredKey, String), StoreError> {
        let (key, text) = stored(wanted)?;
        store.add_key(key.clone(), false).await?;
        self.put(key.clone());
        Ok((key, text))
    }

    /// Revokes a key for good: the next request with it is refused. `None` if there is none of
    /// that id.
    pub(crate) async fn revoke(
        &self,
        store: &dyn Store,
        id: String,
    ) -> Result<Option<StoredKey>, StoreError> {
        let revoked = store.revoke_key(id).await?;
        if let Some(key) = &revoked {
            self.put(key.clone());
        }
        Ok(revoked)
    }

    /// Reads all keys again, as another process changed some.
    pub(crate) async fn reload(&self, store: &dyn Store) -> Result<(), StoreError> {
        for key in store.keys().await? {
            let known = self.find(&key.sha256);
            // One that was revoked here stays so, whatever was read before that.
            if known.is_none_or(|known| known.stored.revoked.is_none()) {
                self.put(key);
            }
        }
        Ok(())
    }

    /// All keys, revoked ones included, oldest first.
    pub(crate) fn list(&self) -> Vec<StoredKey> {
        let mut keys: Vec<_> = self
            .all()
            .iter()
            .map(|key| StoredKey {
                last_used: key.used().or_else(|| key.stored.last_used.clone()),
                ..key.stored.clone()
            })
            .collect();
        keys.sort_by(|a, b| (&a.created, &a.id).cmp(&(&b.created, &b.id)));
        keys
    }

    /// Stores when keys were used since the last call.
    pub(crate) async fn store_used(&self, store: &dyn Store) -> Result<(), StoreError> {
        let used: Vec<_> = self
            .all()
            .iter()
            .filter_map(|key| {
                let used = key.used().filter(|used| key.stored.last_used.as_ref() != Some(used))?;
                Some((Arc::clone(key), used))
            })
            .collect();
        if used.is_empty() {
            return Ok(());
        }
        let rows = used.iter().map(|(key, used)| (key.stored.id.clone(), used.clone())).collect();
        store.touch_keys(rows).await?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for (key, used) in used {
            // Unless it was revoked meanwhile, which made another entry.
            if let Some(entry) = known.get_mut(&key.stored.sha256)
                && Arc::ptr_eq(entry, &key)
            {
                let stored = StoredKey { last_used: Some(used), ..key.stored.clone() };
                *entry = Arc::new(Key { stored, usage: Arc::clone(&key.usage) });
            }
        }
        Ok(())
    }

    fn find(&self, sha256: &[u8; 32]) -> Option<Arc<Key>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(sha256).cloned()
    }

    fn all(&self) -> Vec<Arc<Key>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.values().cloned().collect()
    }

    fn put(&self, key: StoredKey) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let usage = known.get(&key.sha256).map(|before| Arc::clone(&before.usage));
        let usage = usage.unwrap_or_default();
        known.insert(key.sha256, Arc::new(Key { stored: key, usage }));
        drop(known);
        self.changed.send_replace(());
    }
}

/// A fresh key as it is stored, and its text.
fn stored(wanted: Wanted) -> Result<(StoredKey, String), StoreError> {
    let text = generate()?;
    let key = StoredKey {
        id: uuid::Uuid::now_v7().to_string(),
        sha256: hash(&text),
        name: wanted.name,
        scope: wanted.scope,
        project: wanted.project,
        created: clock::now_text(),
        revoked: None,
        last_used: None,
    };
    Ok((key, text))
}

impl Key {
    fn of(stored: StoredKey) -> Arc<Self> {
        Arc::new(Self { stored, usage: Arc::default() })
    }

    /// When it was last used since the start, as ISO 8601.
    fn used(&self) -> Option<String> {
        let seconds = self.usage.last.load(Ordering::Relaxed);
        let used = Timestamp::from_second(seconds).ok().filter(|_| seconds > 0)?;
        Some(format!("{used:.3}"))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim();
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (k.parse().expect("name"), v.parse().expect("value"))).collect()
    }

    fn stored(text: &str, scope: Scope, revoked: bool) -> StoredKey {
        StoredKey {
            id: text.into(),
            sha256: hash(text),
            name: None,
            scope,
            project: None,
            created: String::new(),
            revoked: revoked.then(String::new),
            last_used: None,
        }
    }

    fn keys(needed: bool) -> Keys {
        let keys = [
            stored("good", Scope::Write, false),
            stored("old", Scope::Write, true),
            stored("reader", Scope::Read, false),
        ];
        Keys::of(needed, keys.into(), &[7; 64])
    }

    fn check(keys: &Keys, pairs: &[(&'static str, &str)]) -> Result<(), Refusal> {
        keys.check(&headers(pairs), &Method::POST, Access::Write).map(drop)
    }

    #[test]
    fn without_need_for_a_key_only_revoked_ones_and_strangers_are_refused() {
        let keys = keys(false);
        assert_eq!(check(&keys, &[]), Ok(()));
        assert_eq!(check(&keys, &[("authorization", "Bearer any")]), Ok(()));
        assert_eq!(check(&keys, &[("authorization", "Bearer old")]), Err(Refusal::Revoked));
        assert_eq!(check(&keys, &[("authorization", "Bearer reader")]), Err(Refusal::ReadOnly));
        for host in ["127.0.0.1:8787", "[::1]:8787", "localhost", "x.localhost:1", "10.0.0.3:80"] {
            assert_eq!(check(&keys, &[("host", host)]), Ok(()), "{host}");
        }
        for foreign in [
            [("host", "rebound.example:8787"), ("accept", "*/*")],
            [("host", "127.0.0.1:8787"), ("origin", "https://evil.example")],
            [("host", "127.0.0.1:8787"), ("origin", "null")],
            [("host", "localhost.evil.example"), ("accept", "*/*")],
        ] {
            assert_eq!(check(&keys, &foreign), Err(Refusal::ForeignOrigin), "{foreign:?}");
        }
        let page = [("origin", "https://app.example"), ("authorization", "bearer good")];
        assert_eq!(check(&keys, &page), Ok(()));
    }

    #[test]
    fn with_need_for_a_key_only_known_ones_pass() {
        let keys = keys(true);
        for (given, expected) in [
            ("Bearer good", Ok(())),
            ("Bearer  good ", Ok(())),
            ("Bearer bad", Err(Refusal::Unknown)),
            ("Bearer old", Err(Refusal::Revoked)),
            ("Bearer reader", Err(Refusal::ReadOnly)),
            ("Bearer ", Err(Refusal::Missing)),
            ("Basic good", Err(Refusal::Missing)),
        ] {
            assert_eq!(check(&keys, &[("authorization", given)]), expected, "{given}");
        }
        assert_eq!(check(&keys, &[]), Err(Refusal::Missing));
        let reader = headers(&[("authorization", "Bearer reader")]);
        let caller = keys.check(&reader, &Method::GET, Access::Read).expect("reading is allowed");
        assert_eq!(caller.expect("a key").stored.id, "reader");
    }

    #[test]
    fn a_key_is_used_when_it_passes() {
        let keys = keys(true);
        check(&keys, &[("authorization", "Bearer good")]).expect("passes");
        check(&keys, &[("authorization", "Bearer old")]).expect_err("refused");
        let used: Vec<_> = keys.list().into_iter().map(|key| (key.id, key.last_used)).collect();
        assert!(used.iter().all(|(id, used)| used.is_some() == (id == "good")), "{used:?}");
    }
}
