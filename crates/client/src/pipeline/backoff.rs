//! Delays between tries: exponential with full jitter, as the AWS architecture blog's
//! "Exponential backoff and jitter" recommends, so that clients which failed together do not
//! come back together.

use std::time::Duration;

const BASE: Duration = Duration::from_millis(250);
const CAP: Duration = Duration::from_secs(30);
/// A server that asks for more than this is as good as gone for now.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

/// A small generator (SplitMix64), so that a seed repeats a whole run.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A fraction in 0..1.
    pub(crate) fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// How long to wait after the given number of failed tries (1 for the first).
pub(crate) fn delay(tries: u32, retry_after: Option<Duration>, random: &mut Random) -> Duration {
    delay_from(BASE, tries, retry_after, random)
}

/// As [`delay`], with up to `base` after the first failed try.
pub(crate) fn delay_from(
    base: Duration,
    tries: u32,
    retry_after: Option<Duration>,
    random: &mut Random,
) -> Duration {
    let ceiling = base.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(CAP);
    let jittered = ceiling.mul_f64(random.fraction());
    match retry_after {
        Some(asked) => asked.min(MAX_RETRY_AFTER) + jittered.min(base),
        None => jittered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_stay_within_the_ceiling_and_differ() {
        let mut random = Random::new(1);
        let first: Vec<_> = (0..100).map(|_| delay(1, None, &mut random)).collect();
        assert!(first.iter().all(|delay| *delay < BASE));
        assert!(first.iter().any(|delay| *delay != first[0]));
        assert!((0..100).all(|_| delay(40, None, &mut random) <= CAP));
        assert!((0..100).any(|_| delay(40, None, &mut random) > CAP / 2));
    }

    #[test]
    fn retry_after_is_a_floor_with_a_cap() {
        let mut random = Random::new(1);
        let asked = Duration::from_secs(7);
        let delayed = delay(1, Some(asked), &mut random);
        assert!(delayed >= asked && delayed <= asked + BASE);
        assert!(delay(1, Some(Duration::MAX), &mut random) <= MAX_RETRY_AFTER + BASE);
    }
}
