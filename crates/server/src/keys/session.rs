//! Sessions of the web page: a browser that showed a key once gets a cookie in its place.
//!
//! The cookie holds the id of the key and an expiry, signed; the key itself is in it in no form. What
//! the key may do is looked up at each request, so revoking it ends its sessions at once, and a
//! session lasts through a restart. Signing out ends one before its time, for as long as this
//! process runs: the browser forgets the cookie, and whoever has a copy is refused.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, header};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::secret::random_hex;
use crate::store::StoreError;

/// Name of the cookie.
pub(crate) const COOKIE: &str = "tidegate_session";

/// How long a session lasts, in seconds: a day of work.
pub(crate) const LIFETIME_SECONDS: i64 = 12 * 3_600;

/// Sessions remembered as ended. Each had a key, so only owners of keys could fill it; beyond it
/// those that expire first are forgotten.
const MOST_ENDED: usize = 10_000;

/// Longest cookie that is looked at.
const TOKEN_BYTES: usize = 512;

/// Signs sessions, and knows which were ended.
pub(crate) struct Sessions {
    mac: Hmac<Sha256>,
    /// Expiry of ended sessions by nonce.
    ended: Mutex<HashMap<String, i64>>,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

/// What a valid cookie says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) key_id: String,
    /// Unix seconds.
    pub(crate) expires: i64,
    nonce: String,
}

impl Sessions {
    /// Signs with a secret of the store.
    pub(super) fn new(secret: &[u8; 64]) -> Self {
        Self { mac: Hmac::new(&(*secret).into()), ended: Mutex::default() }
    }

    /// Begins a session of a key: the text of the cookie and what it says.
    pub(super) fn begin(&self, key_id: &str, now: i64) -> Result<(String, Session), StoreError> {
        let expires = now.saturating_add(LIFETIME_SECONDS);
        let session = Session { key_id: key_id.into(), expires, nonce: random_hex::<16>()? };
        let signature = self.sign(&session).finalize().into_bytes();
        let signature: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        let token = format!("{key_id}.{expires}.{}.{signature}", session.nonce);
        Ok((token, session))
    }

    /// Reads what [`Sessions::begin`] returned, in a time that does not depend on the signature;
    /// `None` if it is over, or not ours.
    pub(super) fn read(&self, token: &str, now: i64) -> Option<Session> {
        let mut parts = token.rsplitn(4, '.');
        let signature = unhex(parts.next()?)?;
        let nonce = parts.next()?.to_owned();
        let expires = parts.next()?.parse().ok()?;
        let session = Session { key_id: parts.next()?.to_owned(), expires, nonce };
        self.sign(&session).verify_slice(&signature).ok()?;
        let is_over = now >= session.expires || self.lock().contains_key(&session.nonce);
        (!is_over).then_some(session)
    }

    /// Ends a session before its time.
    pub(super) fn end(&self, session: &Session, now: i64) {
        let mut ended = self.lock();
        ended.retain(|_, expires| *expires > now);
        if ended.len() >= MOST_ENDED {
            let first = ended.iter().min_by_key(|(_, expires)| **expires);
            if let Some(nonce) = first.map(|(nonce, _)| nonce.clone()) {
                ended.remove(&nonce);
            }
        }
        ended.insert(session.nonce.clone(), session.expires);
    }

    fn sign(&self, Session { key_id, expires, nonce }: &Session) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        // The first word tells it from everything else that is signed with this secret.
        mac.update(format!("session\n{expires}\n{nonce}\n{key_id}").as_bytes());
        mac
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, i64>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The text of the cookie of a request.
pub(super) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(|line| line.split(';'));
    cookies.find_map(|cookie| {
        let (name, value) = cookie.trim().split_once('=')?;
        (name == COOKIE && !value.is_empty() && value.len() <= TOKEN_BYTES).then_some(value)
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 64] = [7; 64];

    #[test]
    fn only_what_was_signed_counts_until_it_expires() {
        let sessions = Sessions::new(&SECRET);
        let (token, session) = sessions.begin("key-1", 1_000).expect("random");
        assert_eq!(session.expires, 1_000 + LIFETIME_SECONDS);
        assert_eq!(sessions.read(&token, 1_000), Some(session.clone()));
        assert_eq!(sessions.read(&token, session.expires - 1), Some(session.clone()));
        assert_eq!(sessions.read(&token, session.expires), None);
        // Another process with the same store.
        assert_eq!(Sessions::new(&SECRET).read(&token, 1_000), Some(session));
        assert_eq!(Sessions::new(&[8; 64]).read(&token, 1_000), None);
        let parts: Vec<&str> = token.split('.').collect();
        for (at, other) in [(0, "key-2"), (1, "99999999999"), (2, "00"), (3, "00")] {
            let mut forged = parts.clone();
            forged[at] = other;
            assert_eq!(sessions.read(&forged.join("."), 1_000), None, "{at}");
        }
        for bad in ["", ".", "...", "a.b.c.d", &token[1..], &token[..token.len() - 1]] {
            assert_eq!(sessions.read(bad, 1_000), None, "{bad}");
        }
    }

    #[test]
    fn an_ended_session_is_over_and_others_are_not() {
        let sessions = Sessions::new(&SECRET);
        let (one, session) = sessions.begin("key", 0).expect("random");
        let (other, _) = sessions.begin("key", 0).expect("random");
        assert_ne!(one, other);
        sessions.end(&session, 0);
        assert_eq!(sessions.read(&one, 0), None);
        assert!(sessions.read(&other, 0).is_some());
        for number in 0..MOST_ENDED + 10 {
            let now = i64::try_from(number).expect("small");
            let (_, session) = sessions.begin("key", now).expect("random");
            sessions.end(&session, now);
        }
        assert_eq!(sessions.lock().len(), MOST_ENDED);
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let of = |lines: &[&str]| {
            let lines = lines.iter().map(|line| (header::COOKIE, line.parse().expect("a value")));
            cookie(&lines.collect()).map(str::to_owned)
        };
        assert_eq!(of(&["a=b; tidegate_session=x.y; c=d"]), Some("x.y".into()));
        assert_eq!(of(&["a=b", "tidegate_session=x"]), Some("x".into()));
        assert_eq!(of(&["tidegate_sessions=x; xtidegate_session=y; tidegate_session="]), None);
        assert_eq!(of(&[&format!("tidegate_session={}", "x".repeat(600))]), None);
        assert_eq!(of(&[]), None);
    }
}
