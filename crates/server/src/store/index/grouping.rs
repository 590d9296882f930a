//! Cases in groups, with the means of their scores and metrics.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::metadata;
use crate::store::{Group, GroupMean, Groups, Kind, StoreError};

/// Groups held at once, of a few hundred bytes each; cases of others are counted and no more.
const MOST_GROUPS: usize = 10_000;

/// Longest key of a group, in bytes; longer ones are cut.
const KEY_BYTES: usize = 256;

#[derive(Debug)]
struct Sums<F> {
    cases: u64,
    errors: u64,
    /// By score or metric: sum and count.
    figures: BTreeMap<F, (f64, u64)>,
}

/// Groups that are still being filled. `F` stands for a score or metric.
#[derive(Debug)]
pub(crate) struct Grouping<F> {
    found: HashMap<Option<String>, Sums<F>>,
    left_out: u64,
}

impl<F> Default for Grouping<F> {
    fn default() -> Self {
        Self { found: HashMap::new(), left_out: 0 }
    }
}

impl<F: Ord + Clone> Grouping<F> {
    /// Counts a case in each of its groups.
    pub(crate) fn add(&mut self, keys: Vec<Option<String>>, failed: bool, figures: &[(F, f64)]) {
        let mut counted = false;
        for key in keys {
            if self.found.len() >= MOST_GROUPS && !self.found.contains_key(&key) {
                continue;
            }
            counted = true;
            let sums = self.found.entry(key).or_insert_with(|| Sums {
                cases: 0,
                errors: 0,
                figures: BTreeMap::new(),
            });
            sums.cases += 1;
            sums.errors += u64::from(failed);
            for (figure, value) in figures {
                match sums.figures.get_mut(figure) {
                    Some((sum, count)) => (*sum, *count) = (*sum + value, *count + 1),
                    None => drop(sums.figures.insert(figure.clone(), (*value, 1))),
                }
            }
        }
        self.left_out += u64::from(!counted);
    }

    /// Returns the largest groups; `name` says which score or metric each is.
    pub(crate) fn finish(
        self,
        limit: usize,
        mut name: impl FnMut(&F) -> Result<(Kind, String), StoreError>,
    ) -> Result<Groups, StoreError> {
        let total = self.found.len();
        let mut found: Vec<_> = self.found.into_iter().collect();
        found.sort_by(|(one, a), (other, b)| b.cases.cmp(&a.cases).then_with(|| one.cmp(other)));
        found.truncate(limit);
        let groups = found.into_iter().map(|(key, sums)| {
            let (mut scores, mut metrics) = (BTreeMap::new(), BTreeMap::new());
            for (figure, (sum, cases)) in &sums.figures {
                let (kind, name) = name(figure)?;
                let mean = GroupMean { mean: sum / *cases as f64, cases: *cases };
                match kind {
                    Kind::Score => scores.insert(name, mean),
                    Kind::Metric => metrics.insert(name, mean),
                };
            }
            Ok(Group { key, cases: sums.cases, errors: sums.errors, scores, metrics })
        });
        let groups = groups.collect::<Result<_, StoreError>>()?;
        Ok(Groups { groups, total, left_out: self.left_out })
    }
}

/// The groups of a case by its tags.
pub(crate) fn of_tags(tags: &[Value]) -> Vec<Option<String>> {
    let mut keys: Vec<_> = tags.iter().map(|tag| Some(key(tag))).collect();
    keys.sort();
    keys.dedup();
    if keys.is_empty() { vec![None] } else { keys }
}

/// The group of a case by a member of the metadata of its root.
pub(crate) fn of_member(document: &str, path: &[String]) -> Result<Option<String>, StoreError> {
    Ok(metadata::member(document, path)?.as_ref().map(key))
}

fn key(value: &Value) -> String {
    let mut text = metadata::text(value);
    if text.len() > KEY_BYTES {
        text.truncate(text.floor_char_boundary(KEY_BYTES));
        text.push('…');
    }
    text
}
