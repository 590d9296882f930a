//! Sizes that the protocol fixes or that every part must agree on. All are bytes of UTF-8.

/// Largest `/logs3` body a server accepts when it announces no limit (6 MiB).
pub const DEFAULT_MAX_REQUEST_BYTES: u64 = 6_291_456;

/// Default budget of bytes a client may hold before producers wait (10 MiB).
pub const DEFAULT_BACKPRESSURE_BYTES: u64 = 10_485_760;

/// Default number of concurrent `/logs3` requests.
pub const DEFAULT_CONCURRENT_REQUESTS: usize = 8;

/// Most rows in one request, unless the user sets a lower cap.
pub const MAX_ROWS_PER_REQUEST: usize = 10_000;

/// The `api_version` member of a `/logs3` body.
pub const LOGS3_API_VERSION: u32 = 2;
