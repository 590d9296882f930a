//! Who may do what: API keys, and the rule for requests without one.

use std::collections::HashMap;
use std::fmt::Write as _;

use axum::http::{HeaderMap, Uri, header};
use sha2::{Digest, Sha256};

use crate::clock;
use crate::store::{Store, StoreError, StoredKey};

/// What a route lets its caller do, and so what the caller's key must allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// No key is needed.
    Open,
    Read,
    Write,
}

/// The keys of a store, by hash.
#[derive(Debug)]
pub(crate) struct Keys {
    /// Whether a request needs one.
    needed: bool,
    /// Hash to whether the key was revoked.
    known: HashMap<[u8; 32], bool>,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Missing,
    Unknown,
    Revoked,
    /// A page in a browser on this machine, acting for a stranger.
    ForeignOrigin,
}

impl Keys {
    /// Reads the keys; makes the first one, returned as text, if one is needed and none exists.
    pub(crate) async fn load(
        store: &dyn Store,
        needed: bool,
    ) -> Result<(Self, Option<String>), StoreError> {
        let mut stored = store.keys().await?;
        let mut first = None;
        if needed && stored.iter().all(|key| key.revoked) {
            let text = generate()?;
            let key = StoredKey {
                id: uuid::Uuid::now_v7().to_string(),
                sha256: hash(&text),
                created: clock::now_text(),
                revoked: false,
            };
            store.add_key(key.clone()).await?;
            stored.push(key);
            first = Some(text);
        }
        let known = stored.into_iter().map(|key| (key.sha256, key.revoked)).collect();
        Ok((Self { needed, known }, first))
    }

    /// Decides about a request.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let known = bearer(headers).map(|key| self.known.get(&hash(key)).copied());
        match known {
            Some(Some(false)) => Ok(()),
            Some(Some(true)) => Err(Refusal::Revoked),
            Some(None) if self.needed => Err(Refusal::Unknown),
            None if self.needed => Err(Refusal::Missing),
            // Nobody has to know anything here, so what a browser sends for a page from
            // elsewhere must not count as the user's own wish.
            _ if is_foreign(headers) => Err(Refusal::ForeignOrigin),
            _ => Ok(()),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim();
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

/// Whether the request comes from a web page that is not ours: by its `Origin`, or, after DNS
/// rebinding, by a `Host` that is a public name.
fn is_foreign(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).map(|host| host.to_str().unwrap_or_default());
    let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
    let foreign_host = host.is_some_and(|host| !is_local(host));
    let foreign_origin = origin.is_some_and(|origin| {
        let authority = origin.parse::<Uri>().ok().and_then(|uri| uri.authority().cloned());
        !authority.is_some_and(|authority| is_local(authority.as_str()))
    });
    foreign_host || foreign_origin
}

/// Whether `host[:port]` can only mean this machine or an address, not a name anybody can own.
fn is_local(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<std::net::IpAddr>().is_ok()
        || host.eq_ignore_ascii_case("localhost")
        || host.to_ascii_lowercase().ends_with(".localhost")
        // How a container reaches the loopback address of its host.
        || host.eq_ignore_ascii_case("host.docker.internal")
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// Makes a new key: 256 random bits, so a plain hash is enough to store it safely.
fn generate() -> Result<String, StoreError> {
    random_hex::<32>().map(|hex| format!("tg-{hex}"))
}

/// Returns `N` random bytes as hex.
pub(crate) fn random_hex<const N: usize>() -> Result<String, StoreError> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
        hex
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (k.parse().expect("name"), v.parse().expect("value"))).collect()
    }

    #[test]
    fn without_need_for_a_key_only_revoked_ones_and_strangers_are_refused() {
        let keys =
            Keys { needed: false, known: [(hash("good"), false), (hash("old"), true)].into() };
        assert_eq!(keys.check(&headers(&[])), Ok(()));
        assert_eq!(keys.check(&headers(&[("authorization", "Bearer any")])), Ok(()));
        assert_eq!(keys.check(&headers(&[("authorization", "Bearer old")])), Err(Refusal::Revoked));
        for host in ["127.0.0.1:8787", "[::1]:8787", "localhost", "x.localhost:1", "10.0.0.3:80"] {
            assert_eq!(keys.check(&headers(&[("host", host)])), Ok(()), "{host}");
        }
        for foreign in [
            [("host", "rebound.example:8787"), ("accept", "*/*")],
            [("host", "127.0.0.1:8787"), ("origin", "https://evil.example")],
            [("host", "127.0.0.1:8787"), ("origin", "null")],
            [("host", "localhost.evil.example"), ("accept", "*/*")],
        ] {
            assert_eq!(keys.check(&headers(&foreign)), Err(Refusal::ForeignOrigin), "{foreign:?}");
        }
        let page = headers(&[("origin", "https://app.example"), ("authorization", "bearer good")]);
        assert_eq!(keys.check(&page), Ok(()));
    }

    #[test]
    fn with_need_for_a_key_only_known_ones_pass() {
        let keys =
            Keys { needed: true, known: [(hash("good"), false), (hash("old"), true)].into() };
        for (given, expected) in [
            ("Bearer good", Ok(())),
            ("Bearer  good ", Ok(())),
            ("Bearer bad", Err(Refusal::Unknown)),
            ("Bearer old", Err(Refusal::Revoked)),
            ("Bearer ", Err(Refusal::Missing)),
            ("Basic good", Err(Refusal::Missing)),
        ] {
            assert_eq!(keys.check(&headers(&[("authorization", given)])), expected, "{given}");
        }
        assert_eq!(keys.check(&headers(&[])), Err(Refusal::Missing));
    }

    #[test]
    fn keys_are_long_and_differ() {
        let (one, two) = (generate().expect("random"), generate().expect("random"));
        assert_eq!(one.len(), 67);
        assert_ne!(one, two);
    }
}
