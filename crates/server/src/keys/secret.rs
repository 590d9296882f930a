//! The secret part of keys.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::store::StoreError;

pub(super) fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// Makes a new key: 256 random bits, so a plain hash is enough to store it safely.
pub(super) fn generate() -> Result<String, StoreError> {
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

    #[test]
    fn keys_are_long_and_differ() {
        let (one, two) = (generate().expect("random"), generate().expect("random"));
        assert_eq!(one.len(), 67);
        assert_ne!(one, two);
    }
}
