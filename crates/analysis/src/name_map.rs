//! A small map from names to values, kept by the hundred thousand.

use std::fmt;
use std::ops::Index;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// Values by name, sorted by name: scores or metrics of one trial.
///
/// A run keeps one for every trial, with few names that are the same in all of them, so names are
/// shared and the entries are one short allocation; a `BTreeMap` of `String`s takes five times
/// the memory. Looking up is by binary search. Serializes as a JSON object.
///
/// ```
/// use tidegate_analysis::NameMap;
/// let mut scores: NameMap<f64> = [("exact", 1.0), ("close", 0.5)].into();
/// scores.insert("exact", 0.0);
/// assert_eq!(scores["exact"], 0.0);
/// assert_eq!(scores.keys().collect::<Vec<_>>(), ["close", "exact"]);
/// ```
#[derive(Clone, PartialEq)]
pub struct NameMap<T> {
    entries: Vec<(Arc<str>, T)>,
}

impl<T> NameMap<T> {
    /// Makes an empty map, without allocating.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Sets a value and returns the one it replaces.
    pub fn insert(&mut self, name: impl Into<Arc<str>>, value: T) -> Option<T> {
        let name = name.into();
        match self.find(&name) {
            Ok(at) => Some(std::mem::replace(&mut self.entries[at].1, value)),
            Err(at) => {
                // Most maps never grow again: the room that `Vec` adds would double their size.
                self.entries.reserve_exact(1);
                self.entries.insert(at, (name, value));
                None
            }
        }
    }

    /// Removes a value.
    pub fn remove(&mut self, name: &str) -> Option<T> {
        self.find(name).ok().map(|at| self.entries.remove(at).1)
    }

    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.find(name).ok().map(|at| &self.entries[at].1)
    }

    /// Whether a name has a value.
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.find(name).is_ok()
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no name at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { entries: self.entries.iter() }
    }

    /// The names, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// The values, sorted by name.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.iter().map(|(_, value)| value)
    }

    /// Names to share with other maps, and values; sorted by name.
    pub fn shared(&self) -> impl Iterator<Item = (&Arc<str>, &T)> {
        self.entries.iter().map(|(name, value)| (name, value))
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.entries.binary_search_by(|(other, _)| (**other).cmp(name))
    }
}

impl<T> Default for NameMap<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Index<&str> for NameMap<T> {
    type Output = T;

    /// # Panics
    /// If the name has no value.
    fn index(&self, name: &str) -> &T {
        match self.get(name) {
            Some(value) => value,
            None => panic!("nothing is named {name:?}"),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for NameMap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<T: Serialize> Serialize for NameMap<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<N: Into<Arc<str>>, T> Extend<(N, T)> for NameMap<T> {
    fn extend<X: IntoIterator<Item = (N, T)>>(&mut self, entries: X) {
        for (name, value) in entries {
            self.insert(name, value);
        }
    }
}

impl<N: Into<Arc<str>>, T> FromIterator<(N, T)> for NameMap<T> {
    fn from_iter<X: IntoIterator<Item = (N, T)>>(entries: X) -> Self {
        let entries = entries.into_iter();
        let mut map = Self { entries: Vec::with_capacity(entries.size_hint().0) };
        map.extend(entries);
        map
    }
}

impl<N: Into<Arc<str>>, T, const COUNT: usize> From<[(N, T); COUNT]> for NameMap<T> {
    fn from(entries: [(N, T); COUNT]) -> Self {
        entries.into_iter().collect()
    }
}

/// Goes through the names and values of a [`NameMap`].
#[derive(Debug, Clone)]
pub struct Iter<'a, T> {
    entries: std::slice::Iter<'a, (Arc<str>, T)>,
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = (&'a str, &'a T);

    fn next(&mut self) -> Option<Self::Item> {
        self.entries.next().map(|(name, value)| (&**name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}

impl<'a, T> IntoIterator for &'a NameMap<T> {
    type Item = (&'a str, &'a T);
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for NameMap<T> {
    type Item = (Arc<str>, T);
    type IntoIter = std::vec::IntoIter<(Arc<str>, T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_as_a_sorted_map(steps in proptest::collection::vec(("[a-d]", any::<Option<u8>>()), 0..40)) {
            let (mut map, mut model) = (NameMap::new(), BTreeMap::new());
            for (name, value) in steps {
                match value {
                    Some(value) => {
                        prop_assert_eq!(map.insert(name.as_str(), value), model.insert(name, value));
                    }
                    None => prop_assert_eq!(map.remove(&name), model.remove(&name)),
                }
                prop_assert_eq!(map.len(), model.len());
                let all: Vec<_> = map.iter().map(|(name, value)| (name.to_owned(), *value)).collect();
                prop_assert_eq!(&all, &model.clone().into_iter().collect::<Vec<_>>());
                let json = (serde_json::to_string(&map), serde_json::to_string(&model));
                prop_assert_eq!(json.0.ok(), json.1.ok());
            }
            for name in ["a", "b", "c", "d"] {
                prop_assert_eq!(map.get(name), model.get(name));
            }
        }
    }
}
