//! Who uses the name of a file just now: those who are about to have the store name it, or whoever
//! is about to remove it. Never both.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The names in use. Most files are in nobody's, so this is small.
#[derive(Debug, Default)]
pub(super) struct Claims {
    names: Mutex<HashMap<String, Use>>,
    /// Rung when a name is no longer condemned.
    freed: Notify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// By so many uploads.
    Claimed(usize),
    Condemned,
}

impl Claims {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Use>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name that is not removed until this is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    claims: Arc<Claims>,
    name: String,
}

impl Claim {
    /// Claims a name. Waits while it is condemned, which lasts for one look into the store and the
    /// removal of a few files; not on a thread, which that look may need.
    pub(super) async fn of(claims: &Arc<Claims>, name: String) -> Self {
        loop {
            let mut freed = std::pin::pin!(claims.freed.notified());
            // From before the look, so that what is freed after it is noticed.
            freed.as_mut().enable();
            if let Some(claim) = Self::try_of(claims, &name) {
                return claim;
            }
            freed.await;
        }
    }

    fn try_of(claims: &Arc<Claims>, name: &str) -> Option<Self> {
        match claims.lock().entry(name.to_owned()).or_insert(Use::Claimed(0)) {
            Use::Claimed(count) => *count += 1,
            Use::Condemned => return None,
        }
        Some(Self { claims: Arc::clone(claims), name: name.to_owned() })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut names = self.claims.lock();
        match names.get_mut(&self.name) {
            Some(Use::Claimed(count)) if *count > 1 => *count -= 1,
            _ => drop(names.remove(&self.name)),
        }
    }
}

/// Names that nobody can claim until this is dropped.
#[derive(Debug)]
pub(crate) struct Condemned {
    claims: Arc<Claims>,
    names: Vec<String>,
}

impl Condemned {
    /// Takes those of the names that are not in use.
    pub(super) fn of(claims: &Arc<Claims>, mut names: Vec<String>) -> Self {
        let mut used = claims.lock();
        names.retain(|name| {
            let is_free = !used.contains_key(name);
            if is_free {
                used.insert(name.clone(), Use::Condemned);
            }
            is_free
        });
        drop(used);
        Self { claims: Arc::clone(claims), names }
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Lets all go but some.
    pub(crate) fn keep_only(&mut self, kept: &[String]) {
        let mut used = self.claims.lock();
        self.names.retain(|name| {
            let stays = kept.contains(name);
            if !stays {
                used.remove(name);
            }
            stays
        });
        drop(used);
        self.claims.freed.notify_waiters();
    }
}

impl Drop for Condemned {
    fn drop(&mut self) {
        self.keep_only(&[]);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    async fn claim(claims: &Arc<Claims>, name: &str) -> Claim {
        Claim::of(claims, name.into()).await
    }

    #[tokio::test]
    async fn what_is_claimed_is_not_condemned_until_the_last_claim_goes() {
        let claims = Arc::default();
        let (first, second) = (claim(&claims, "a").await, claim(&claims, "a").await);
        assert_eq!(Condemned::of(&claims, names(&["a", "b", "b"])).names(), ["b"]);
        drop(first);
        assert_eq!(Condemned::of(&claims, names(&["a"])).names(), [""; 0]);
        drop(second);
        assert_eq!(Condemned::of(&claims, names(&["a"])).names(), ["a"]);
        assert!(claims.lock().is_empty(), "nothing is left behind");
    }

    #[tokio::test]
    async fn a_claim_waits_for_the_condemned_and_not_for_others() {
        let claims: Arc<Claims> = Arc::default();
        let mut condemned = Condemned::of(&claims, names(&["a", "b"]));
        drop(claim(&claims, "c").await);
        let mut waiting = std::pin::pin!(claim(&claims, "b"));
        assert!(waiting.as_mut().now_or_never().is_none());
        condemned.keep_only(&names(&["b"]));
        drop(claim(&claims, "a").await);
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(condemned);
        assert_eq!(waiting.await.name(), "b");
        assert!(claims.lock().is_empty(), "nothing is left behind");
    }
}
