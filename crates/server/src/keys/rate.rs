//! How many requests a key may send.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A token bucket: holds one second's worth of requests, and fills at the rate.
#[derive(Debug, Default)]
pub(super) struct Bucket(Mutex<Option<Level>>);

#[derive(Debug, Clone, Copy)]
struct Level {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// Takes a request at the rate per second.
    ///
    /// # Errors
    /// Seconds, rounded up, until the next one is allowed.
    pub(super) fn take(&self, rate: NonZeroU32, now: Instant) -> Result<(), u64> {
        let rate = f64::from(rate.get());
        let mut level = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut tokens, at) = match *level {
            None => (rate, now),
            Some(Level { tokens, at }) => {
                let filled = now.saturating_duration_since(at).as_secs_f64() * rate;
                // Threads may come here in another order than they read the clock.
                ((tokens + filled).min(rate), at.max(now))
            }
        };
        let taken = if tokens >= 1.0 {
            tokens -= 1.0;
            Ok(())
        } else {
            // At most one second, as the slowest rate is one per second.
            Err(1)
        };
        *level = Some(Level { tokens, at });
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_second_s_worth_at_once_and_then_the_rate() {
        let bucket = Bucket::default();
        let rate = NonZeroU32::new(10).expect("not zero");
        let start = crate::clock::monotonic();
        let taken = |after_ms| {
            let now = start + Duration::from_millis(after_ms);
            (0..100).take_while(|_| bucket.take(rate, now).is_ok()).count()
        };
        assert_eq!(taken(0), 10);
        assert_eq!(taken(50), 0);
        assert_eq!(taken(100), 1);
        assert_eq!(taken(550), 4);
        assert_eq!(taken(60_000), 10);
        assert_eq!((taken(59_000), taken(60_000)), (0, 0));
    }
}
