//! Signatures of URLs that let whoever has one upload or download one blob for a while.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How long a URL works, in seconds.
const LIFETIME_SECONDS: i64 = 3_600;

/// Signs with a secret of the store, so that URLs survive a restart.
pub(crate) struct Signer(Hmac<Sha256>);

/// Why a signed URL does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Its time is over.
    Expired,
    /// It is not ours, or for something else.
    Forged,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

impl Signer {
    pub(crate) fn new(secret: &[u8; 64]) -> Self {
        Self(Hmac::new(&(*secret).into()))
    }

    /// Returns the expiry, in unix seconds, and the signature of a URL that works from now on.
    pub(crate) fn sign(&self, method: &str, key: &str, now: i64) -> (i64, String) {
        let expires = now.saturating_add(LIFETIME_SECONDS);
        let signature = self.mac(method, key, expires).finalize().into_bytes();
        let hex = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        (expires, hex)
    }

    /// Checks what [`Signer::sign`] returned, in a time that does not depend on the signature.
    pub(crate) fn check(
        &self,
        method: &str,
        key: &str,
        expires: i64,
        signature: &str,
        now: i64,
    ) -> Result<(), Refused> {
        let bytes = from_hex(signature).ok_or(Refused::Forged)?;
        self.mac(method, key, expires).verify_slice(&bytes).map_err(|_| Refused::Forged)?;
        if now > expires { Err(Refused::Expired) } else { Ok(()) }
    }

    fn mac(&self, method: &str, key: &str, expires: i64) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        // The key comes last: it alone may contain anything.
        mac.update(format!("blob\n{method}\n{expires}\n{key}").as_bytes());
        mac
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    digits.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_signed_counts_until_it_expires() {
        let signer = Signer::new(&[7; 64]);
        let (expires, signature) = signer.sign("PUT", "k", 1_000);
        assert_eq!(signer.check("PUT", "k", expires, &signature, expires), Ok(()));
        let late = signer.check("PUT", "k", expires, &signature, expires + 1);
        assert_eq!(late, Err(Refused::Expired));
        let mut other = signature.clone();
        other.replace_range(0..1, if other.starts_with('0') { "1" } else { "0" });
        let upper = signature.to_uppercase();
        for (method, key, expires, signature) in [
            ("GET", "k", expires, &signature),
            ("PUT", "K", expires, &signature),
            ("PUT", "k", expires + 1, &signature),
            ("PUT", "k", expires, &other),
            ("PUT", "k", expires, &upper),
            ("PUT", "k", expires, &String::new()),
            ("PUT", "k", expires, &"é".repeat(32)),
        ] {
            let checked = signer.check(method, key, expires, signature, 1_000);
            assert_eq!(checked, Err(Refused::Forged), "{method} {key} {expires} {signature}");
        }
        let foreign = Signer::new(&[8; 64]);
        assert!(foreign.check("PUT", "k", expires, &signature, 1_000).is_err());
    }
}
