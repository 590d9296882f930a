//! Copies in memory, the least recently used going first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;

use super::Name;

/// As JSON, so that its size is known; it is read only when the server fails.
#[derive(Debug)]
struct Slot {
    bytes: Bytes,
    org: Option<Arc<str>>,
    is_on_disk: bool,
    used: u64,
}

/// A map with bounds in entries and bytes.
#[derive(Debug)]
pub(super) struct Memory {
    max_entries: usize,
    max_bytes: usize,
    slots: HashMap<Name, Slot>,
    /// By last use.
    order: BTreeMap<u64, Name>,
    bytes: usize,
    uses: u64,
}

impl Memory {
    pub(super) fn new(max_entries: usize, max_bytes: usize) -> Self {
        let (slots, order) = (HashMap::new(), BTreeMap::new());
        Self { max_entries, max_bytes, slots, order, bytes: 0, uses: 0 }
    }

    /// The copy of a name, unless it is known to be of another organisation.
    pub(super) fn get(&mut self, name: &Name, org: Option<&str>) -> Option<Bytes> {
        let slot = self.slots.get_mut(name)?;
        if org.is_some() && slot.org.as_deref() != org {
            return None;
        }
        self.order.remove(&slot.used);
        self.uses += 1;
        slot.used = self.uses;
        self.order.insert(slot.used, *name);
        Some(slot.bytes.clone())
    }

    /// Keeps a copy; whether the very same one was there and is on the disk.
    pub(super) fn put(&mut self, name: Name, bytes: Bytes, org: Option<Arc<str>>) -> bool {
        let before = self.remove(&name);
        let is_on_disk = before
            .is_some_and(|before| before.is_on_disk && before.bytes == bytes && before.org == org);
        if bytes.len() > self.max_bytes {
            return is_on_disk;
        }
        self.uses += 1;
        self.bytes += bytes.len();
        self.order.insert(self.uses, name);
        self.slots.insert(name, Slot { bytes, org, is_on_disk, used: self.uses });
        while self.slots.len() > self.max_entries || self.bytes > self.max_bytes {
            let Some(oldest) = self.order.values().next().copied() else { break };
            self.remove(&oldest);
        }
        is_on_disk
    }

    /// Notes that a copy is on the disk as well.
    pub(super) fn is_on_disk(&mut self, name: &Name) {
        if let Some(slot) = self.slots.get_mut(name) {
            slot.is_on_disk = true;
        }
    }

    fn remove(&mut self, name: &Name) -> Option<Slot> {
        let slot = self.slots.remove(name)?;
        self.order.remove(&slot.used);
        self.bytes -= slot.bytes.len();
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(n: u8) -> Name {
        [n; 32]
    }

    fn there(memory: &Memory, names: std::ops::Range<u8>) -> Vec<u8> {
        names.filter(|n| memory.slots.contains_key(&name(*n))).collect()
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut memory = Memory::new(3, 100);
        for n in 0..3 {
            memory.put(name(n), Bytes::from_static(b"x"), None);
        }
        assert!(memory.get(&name(0), None).is_some());
        memory.put(name(3), Bytes::from_static(b"x"), None);
        assert_eq!(there(&memory, 0..4), [0, 2, 3]);
        memory.put(name(2), Bytes::from_static(b"y"), None);
        memory.put(name(4), Bytes::from_static(b"x"), None);
        assert_eq!(there(&memory, 0..5), [2, 3, 4]);
    }

    #[test]
    fn bytes_are_bounded_and_given_back() {
        let mut memory = Memory::new(100, 10);
        for n in 0..20 {
            memory.put(name(n), Bytes::from_static(b"four"), None);
            assert!(memory.bytes <= 10);
        }
        assert_eq!(there(&memory, 0..20), [18, 19]);
        memory.put(name(18), Bytes::from_static(b"far more than ten"), None);
        assert_eq!((there(&memory, 0..20), memory.bytes), (vec![19], 4));
        assert_eq!(memory.order.len(), 1);
    }

    #[test]
    fn another_organisation_sees_nothing() {
        let mut memory = Memory::new(3, 100);
        memory.put(name(1), Bytes::from_static(b"x"), Some("a".into()));
        assert!(memory.get(&name(1), Some("b")).is_none());
        assert!(memory.get(&name(1), Some("a")).is_some());
        assert!(memory.get(&name(1), None).is_some(), "who could not log in sees what is there");
    }

    #[test]
    fn only_the_same_copy_needs_no_file() {
        let mut memory = Memory::new(3, 100);
        let mut put =
            |text, org: &str| memory.put(name(1), Bytes::from_static(text), Some(org.into()));
        assert!(!put(b"x", "a"));
        assert!(!put(b"x", "a"), "not written yet");
        memory.is_on_disk(&name(1));
        let mut put =
            |text, org: &str| memory.put(name(1), Bytes::from_static(text), Some(org.into()));
        assert!(put(b"x", "a"));
        assert!(!put(b"y", "a"));
        assert!(!put(b"x", "b"));
    }
}
