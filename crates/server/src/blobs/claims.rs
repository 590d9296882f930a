//! Who uses the name of a file just now: those who are about to have the store name it, or whoever
//! is about to remove it. Never both.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The names in use. Most files are in nobody's, so this is small.
#[derive(Debug, Default)]
pub(super) struct Claims {
    names: Mutex<HashMap<String, Use>>,
    /// Rung when a name is no longer condemned.
    freed: Condvar,
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
    /// Claims a name. Blocks while it is condemned, which lasts for one look into the store and the
    /// removal of a few files.
    pub(super) fn of(claims: &Arc<Claims>, name: String) -> Self {
        let mut names = claims.lock();
        while names.get(&name) == Some(&Use::Condemned) {
            names = claims.freed.wait(names).unwrap_or_else(PoisonError::into_inner);
        }
        match names.entry(name.clone()).or_insert(Use::Claimed(0)) {
            Use::Claimed(count) => *count += 1,
            Use::Condemned => unreachable!("waited for under the same lock"),
        }
        drop(names);
        Self { claims: Arc::clone(claims), name }
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
        self.claims.freed.notify_all();
    }
}

impl Drop for Condemned {
    fn drop(&mut self) {
        self.keep_only(&[]);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_claimed_is_not_condemned_until_the_last_claim_goes() {
        let claims = Arc::default();
        let (first, second) = (Claim::of(&claims, "a".into()), Claim::of(&claims, "a".into()));
        assert_eq!(Condemned::of(&claims, names(&["a", "b", "b"])).names(), ["b"]);
        drop(first);
        assert_eq!(Condemned::of(&claims, names(&["a"])).names(), [""; 0]);
        drop(second);
        assert_eq!(Condemned::of(&claims, names(&["a"])).names(), ["a"]);
        assert!(claims.lock().is_empty(), "nothing is left behind");
    }

    #[test]
    fn a_claim_waits_for_the_condemned_and_not_for_others() {
        let claims: Arc<Claims> = Arc::default();
        let mut condemned = Condemned::of(&claims, names(&["a", "b"]));
        drop(Claim::of(&claims, "c".into()));
        condemned.keep_only(&names(&["b"]));
        drop(Claim::of(&claims, "a".into()));
        let (sender, receiver) = mpsc::sync_channel(1);
        let others = Arc::clone(&claims);
        let waiting = thread::spawn(move || {
            let claim = Claim::of(&others, "b".into());
            sender.send(()).expect("somebody waits");
            drop(claim);
        });
        // However long it is looked at, it cannot have passed.
        assert!(receiver.recv_timeout(Duration::from_millis(50)).is_err());
        drop(condemned);
        receiver.recv().expect("claimed");
        waiting.join().expect("ended");
    }
}
