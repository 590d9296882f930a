//! From where on a cause is named.

/// A fault is named if it explains at least this share of the wall: putting it right then saves
/// an amount that people notice, and that repeated runs of one evaluation can show. Below it,
/// the pause before the first row is sent and the last answer's way home look like faults.
pub const FAULT_WALL_RATIO: f64 = 0.1;

/// Uploads are serial if one request was alone under way, while rows of later ones waited, for
/// at least this share of the time in which any was: more often than not. A client that sends
/// its first row at once and everything else in parallel afterwards stays below a third.
pub const SERIAL_BUSY_RATIO: f64 = 0.5;

/// `retries` is also named, whatever the wall, if this share of requests has failed: half of
/// what the SDK's retry budget allows (a fifth of the traffic), so before it slows uploads down.
pub const FAILED_REQUESTS_RATIO: f64 = 0.1;

/// Fewest failed requests for [`FAILED_REQUESTS_RATIO`] to count: one may happen to anybody.
pub const FAILED_REQUESTS: usize = 2;

/// A bound is named if it takes more than this share of the wall. Shares of work, of waiting for
/// uploads and of nothing add up to at most 1, so never are two bounds named.
pub const BOUND_WALL_RATIO: f64 = 0.5;

/// From this share of the processors on, the process counts as using all of them: whatever cases
/// seem to wait for, they wait for a processor. The rest is what schedulers and the pauses of
/// start and end leave idle.
pub const SATURATED_CORES_RATIO: f64 = 0.75;
