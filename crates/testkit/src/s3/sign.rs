//! Signatures of requests, version 4, as far as the requests of tests need them: without a body,
//! with paths and queries that are encoded already.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::REGION;

/// The server compares signatures, not ages.
const DAY: &str = "20260101";
const TIME: &str = "20260101T000000Z";

/// Who signs.
#[derive(Debug, Clone)]
pub(super) struct Credentials {
    pub(super) id: String,
    pub(super) secret: String,
}

impl Credentials {
    /// The header lines of a signed request. `query` is in the order of its names.
    pub(super) fn sign(&self, method: &str, host: &str, path: &str, query: &str) -> Vec<String> {
        let body = hex(&Sha256::digest(b""));
        let names = "host;x-amz-content-sha256;x-amz-date";
        let canonical = format!(
            "{method}\n{path}\n{query}\nhost:{host}\nx-amz-content-sha256:{body}\nx-amz-date:{TIME}\n\n{names}\n{body}"
        );
        let scope = format!("{DAY}/{REGION}/s3/aws4_request");
        let hash = hex(&Sha256::digest(canonical));
        let text = format!("AWS4-HMAC-SHA256\n{TIME}\n{scope}\n{hash}");
        let signature = hex(&mac(&self.key(), &text));
        let id = &self.id;
        vec![
            format!("x-amz-content-sha256: {body}"),
            format!("x-amz-date: {TIME}"),
            format!(
                "authorization: AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}"
            ),
        ]
    }

    fn key(&self) -> Vec<u8> {
        let secret = format!("AWS4{}", self.secret).into_bytes();
        [DAY, REGION, "s3", "aws4_request"].iter().fold(secret, |key, part| mac(&key, part))
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").ok();
        text
    })
}
