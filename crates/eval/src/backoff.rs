//! How long to wait before a task is tried again.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

const FIRST_CEILING: Duration = Duration::from_millis(500);
const HIGHEST_CEILING: Duration = Duration::from_secs(30);
/// A server may ask for more; a run must not hang on its word.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// The wait after the try of this number, counted from 1: full jitter, so that tasks which
/// failed together do not come back together, and at least what was asked for.
pub(crate) fn wait(tries: u32, asked: Option<Duration>) -> Duration {
    jittered(tries, asked, random())
}

fn jittered(tries: u32, asked: Option<Duration>, ratio: f64) -> Duration {
    let doubled = FIRST_CEILING.saturating_mul(1 << tries.saturating_sub(1).min(16));
    let wait = doubled.min(HIGHEST_CEILING).mul_f64(ratio);
    wait.max(asked.unwrap_or_default().min(LONGEST_WAIT))
}

/// In 0..1. The keys of a hasher are random enough to spread retries, without a dependency.
fn random() -> f64 {
    (RandomState::new().hash_one(0) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_ceiling_and_respect_what_was_asked() {
        let most = |tries| jittered(tries, None, 1.0);
        assert_eq!([1, 2, 3].map(most), [500, 1_000, 2_000].map(Duration::from_millis));
        assert_eq!(most(u32::MAX), HIGHEST_CEILING);
        let asked = Duration::from_secs(9);
        assert_eq!(jittered(1, Some(asked), 0.5), asked);
        assert_eq!(jittered(1, Some(Duration::MAX), 0.5), LONGEST_WAIT);
        let drawn: Vec<_> = (0..20).map(|_| wait(3, None)).collect();
        assert!(drawn.iter().all(|wait| *wait < most(3)));
        assert!(drawn.windows(2).any(|pair| pair[0] != pair[1]));
    }
}
