//! Compressed request bodies, with the same limits as plain ones.

use std::io::{ErrorKind, Read};

use axum::http::{HeaderMap, StatusCode, header};

use super::reply::ApiError;
use crate::shed::Lease;

/// What `Content-Encoding` may say, best first; announced by `/version`.
pub(super) const ENCODINGS: [&str; 2] = ["zstd", "gzip"];

/// Bodies up to this length are unpacked on the spot; with the best of ratios that is a few
/// hundred microseconds, and with a bomb it ends at the limit for bodies.
const INLINE_BYTES: usize = 4 << 10;
/// Windows up to 16 MiB (compression level 19 uses 8): the decoder allocates what a body claims.
const WINDOW_LOG: u32 = 24;
/// Bytes unpacked at a time.
const CHUNK: usize = 64 << 10;

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Zstd,
    Gzip,
}

impl Encoding {
    /// Reads the header; `None` for a plain body.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let Some(value) = headers.get(header::CONTENT_ENCODING) else { return Ok(None) };
        let name = value.to_str().unwrap_or("").trim().to_ascii_lowercase();
        match name.as_str() {
            "" | "identity" => Ok(None),
            "zstd" => Ok(Some(Self::Zstd)),
            "gzip" | "x-gzip" => Ok(Some(Self::Gzip)),
            _ => {
                let message = format!(
                    "content encoding {name:?} is not supported; send {} or the body as it is",
                    ENCODINGS.join(", ")
                );
                Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "encoding", message))
            }
        }
    }

    /// Unpacks a body of at most `limit` bytes; the lease covers the packed and the unpacked
    /// bytes meanwhile, and only the latter afterwards.
    pub(super) async fn unpack(
        self,
        packed: Vec<u8>,
        limit: usize,
        mut lease: Lease,
    ) -> Result<(Vec<u8>, Lease), ApiError> {
        let length = packed.len();
        let work = move || {
            let unpacked = self.read(&packed, limit, &mut lease)?;
            Ok((unpacked, lease))
        };
        if length <= INLINE_BYTES {
            return work();
        }
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| ApiError::bad_request("the request body cannot be unpacked"))?
    }

    fn read(self, packed: &[u8], limit: usize, lease: &mut Lease) -> Result<Vec<u8>, ApiError> {
        let broken = |error: &std::io::Error| {
            ApiError::bad_request(format!(
                "the body is not what its content encoding says: {error}"
            ))
        };
        let mut reader: Box<dyn Read + '_> = match self {
            Self::Zstd => {
                let mut decoder = zstd::Decoder::new(packed).map_err(|error| broken(&error))?;
                decoder.window_log_max(WINDOW_LOG).map_err(|error| broken(&error))?;
                Box::new(decoder)
            }
            // A gzip body may consist of several members.
            Self::Gzip => Box::new(flate2::read::MultiGzDecoder::new(packed)),
        };
        let mut unpacked = Vec::new();
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = match reader.read(&mut chunk) {
                Ok(0) => return Ok(unpacked),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(broken(&error)),
            };
            if unpacked.len() + count > limit {
                return Err(ApiError::too_large(limit));
            }
            let held = packed.len() + unpacked.len() + count;
            if !lease.cover(held as u64) {
                return Err(ApiError::overloaded());
            }
            unpacked.extend_from_slice(&chunk[..count]);
        }
    }
}
