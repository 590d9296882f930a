//! Answers in memory, bounded in bytes.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// The hash of a whole request.
pub(super) type Key = [u8; 32];

/// URL and body say all that decides an answer; the key that pays for it does not.
pub(super) fn key(url: &str, body: &[u8]) -> Key {
    let mut hash = Sha256::new();
    // The length keeps URL and body from flowing into one another.
    hash.update((url.len() as u64).to_le_bytes());
    hash.update(url.as_bytes());
    hash.update(body);
    hash.finalize().into()
}

/// The least recently used answer leaves first. Own code because the crates that do this count
/// entries, not bytes, or bring threads.
#[derive(Debug)]
pub(super) struct Memory {
    limit_bytes: usize,
    used_bytes: usize,
    entries: HashMap<Key, Entry>,
    /// By time of use.
    order: BTreeMap<u64, Key>,
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    reply: Bytes,
    used: u64,
}

/// What an entry costs besides its answer: two keys and the nodes around them, rounded up.
const OVERHEAD_BYTES: usize = 192;

impl Memory {
    pub(super) fn new(limit_bytes: usize) -> Self {
        let (entries, order) = (HashMap::new(), BTreeMap::new());
        Self { limit_bytes, used_bytes: 0, entries, order, uses: 0 }
    }

    pub(super) fn get(&mut self, key: &Key) -> Option<Bytes> {
        let entry = self.entries.get_mut(key)?;
        self.order.remove(&entry.used);
        self.uses += 1;
        entry.used = self.uses;
        self.order.insert(self.uses, *key);
        Some(entry.reply.clone())
    }

    pub(super) fn insert(&mut self, key: Key, reply: Bytes) {
        self.remove(&key);
        let cost = reply.len() + OVERHEAD_BYTES;
        // An answer that would drive out all others is not worth it.
        if cost > self.limit_bytes {
            return;
        }
        while self.used_bytes + cost > self.limit_bytes {
            let Some((_, oldest)) = self.order.first_key_value() else { break };
            let oldest = *oldest;
            self.remove(&oldest);
        }
        self.uses += 1;
        self.used_bytes += cost;
        self.order.insert(self.uses, key);
        self.entries.insert(key, Entry { reply, used: self.uses });
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.order.remove(&entry.used);
            self.used_bytes -= entry.reply.len() + OVERHEAD_BYTES;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_least_recently_used_leaves() {
        let mut memory = Memory::new(2 * (OVERHEAD_BYTES + 10));
        for name in [1, 2] {
            memory.insert([name; 32], Bytes::from(vec![name; 10]));
        }
        assert!(memory.get(&[1; 32]).is_some());
        memory.insert([3; 32], Bytes::from(vec![3; 10]));
        assert!(memory.get(&[2; 32]).is_none());
        assert_eq!(memory.get(&[1; 32]).as_deref(), Some(&[1; 10][..]));
        memory.insert([4; 32], Bytes::from(vec![4; 1000]));
        assert!(memory.get(&[4; 32]).is_none() && memory.get(&[3; 32]).is_some());
    }

    #[test]
    fn url_and_body_are_kept_apart() {
        assert_ne!(key("ab", b"c"), key("a", b"bc"));
        assert_eq!(key("a", b"b"), key("a", b"b"));
    }

    proptest! {
        #[test]
        fn the_bound_holds(lengths in prop::collection::vec((0..8u8, 0..600usize), 0..60)) {
            let mut memory = Memory::new(2000);
            for (name, length) in lengths {
                memory.insert([name; 32], Bytes::from(vec![0; length]));
                let held: usize =
                    memory.entries.values().map(|entry| entry.reply.len() + OVERHEAD_BYTES).sum();
                prop_assert_eq!(held, memory.used_bytes);
                prop_assert!(held <= 2000);
                prop_assert_eq!(memory.order.len(), memory.entries.len());
            }
        }
    }
}
