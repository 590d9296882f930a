//! Delays between tries: exponential with full jitter, so that requests which were refused
//! together do not come back together. The same policy as that of the client's uploads, which
//! this crate must not depend on.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

const BASE: Duration = Duration::from_millis(250);
const CAP: Duration = Duration::from_secs(30);
/// More than a scorer should wait for one answer.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);

/// A fraction in 0..1.
pub(super) fn random() -> f64 {
    // The standard library's seed is random and differs from call to call: no crate needed.
    (RandomState::new().hash_one(()) >> 11) as f64 / (1u64 << 53) as f64
}

/// How long to wait after the given number of failed tries (1 for the first).
pub(super) fn delay(tries: u32, retry_after: Option<Duration>, fraction: f64) -> Duration {
    let ceiling = BASE.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(CAP);
    let jittered = ceiling.mul_f64(fraction);
    match retry_after {
        Some(asked) => asked.min(MAX_RETRY_AFTER) + jittered.min(BASE),
        None => jittered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_differ() {
        let fractions: Vec<f64> = (0..50).map(|_| random()).collect();
        assert!(fractions.iter().all(|fraction| (0.0..1.0).contains(fraction)));
        assert!(fractions.iter().any(|fraction| *fraction != fractions[0]));
    }

    #[test]
    fn delays_stay_within_the_ceiling() {
        assert_eq!(delay(1, None, 0.5), BASE / 2);
        assert_eq!(delay(3, None, 0.5), BASE * 2);
        assert!(delay(40, None, 0.999) <= CAP);
    }

    #[test]
    fn retry_after_is_a_floor_with_a_cap() {
        let asked = Duration::from_secs(7);
        assert_eq!(delay(1, Some(asked), 0.0), asked);
        assert!(delay(1, Some(asked), 0.999) <= asked + BASE);
        assert_eq!(delay(1, Some(Duration::MAX), 0.0), MAX_RETRY_AFTER);
    }
}
