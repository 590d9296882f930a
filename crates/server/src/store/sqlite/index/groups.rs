//! Cases in groups, with the means of their scores and metrics.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;

use super::super::documents;
use super::cases::{Condition, each_that, tags};
use super::figures::{self, Names};
use super::metadata;
use super::preview::hex;
use crate::store::{Group, GroupBy, GroupMean, GroupQuery, Groups, Kind, StoreError};

/// Groups held at once, of a few hundred bytes each; cases of others are counted and no more.
const MOST_GROUPS: usize = 10_000;

/// Longest key of a group, in bytes; longer ones are cut.
const KEY_BYTES: usize = 256;

#[derive(Default)]
struct Sums {
    cases: u64,
    errors: u64,
    /// By the number of the name: sum and count.
    figures: BTreeMap<u32, (f64, u64)>,
}

/// Groups the cases of an object.
pub(super) fn groups(
    connection: &Connection,
    object: i64,
    query: &GroupQuery,
) -> Result<Groups, StoreError> {
    let Some(condition) = Condition::of(connection, object, &query.filter)? else {
        return Ok(Groups::default());
    };
    let mut found: HashMap<Option<String>, Sums> = HashMap::new();
    let mut left_out = 0;
    each_that(connection, object, Some(&condition), |record, row| {
        let keys = match &query.by {
            GroupBy::Tag => {
                let mut tags: Vec<_> = tags(row)?.iter().map(key).map(Some).collect();
                tags.sort();
                tags.dedup();
                if tags.is_empty() { vec![None] } else { tags }
            }
            GroupBy::InputHash => vec![Some(hex(&record.input_hash))],
            GroupBy::Metadata(path) => vec![member(connection, record.root, path)?],
        };
        let mut counted = false;
        for key in keys {
            if found.len() >= MOST_GROUPS && !found.contains_key(&key) {
                continue;
            }
            counted = true;
            let sums = found.entry(key).or_default();
            sums.cases += 1;
            sums.errors += u64::from(record.failed);
            for (name, value) in figures::unpack(&record.figures) {
                let (sum, count) = sums.figures.entry(name).or_default();
                (*sum, *count) = (*sum + value, *count + 1);
            }
        }
        left_out += u64::from(!counted);
        Ok(())
    })?;
    let total = found.len();
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by(|(one, a), (other, b)| b.cases.cmp(&a.cases).then_with(|| one.cmp(other)));
    found.truncate(query.limit);
    let mut names = Names::default();
    let groups = found.into_iter().map(|(key, sums)| group(connection, &mut names, key, &sums));
    Ok(Groups { groups: groups.collect::<Result<_, _>>()?, total, left_out })
}

fn group(
    connection: &Connection,
    names: &mut Names,
    key: Option<String>,
    sums: &Sums,
) -> Result<Group, StoreError> {
    let (mut scores, mut metrics) = (BTreeMap::new(), BTreeMap::new());
    for (number, (sum, cases)) in &sums.figures {
        let (kind, name) = names.get(connection, *number)?;
        let mean = GroupMean { mean: sum / *cases as f64, cases: *cases };
        match kind {
            Kind::Score => scores.insert(name.as_ref().to_owned(), mean),
            Kind::Metric => metrics.insert(name.as_ref().to_owned(), mean),
        };
    }
    Ok(Group { key, cases: sums.cases, errors: sums.errors, scores, metrics })
}

fn member(
    connection: &Connection,
    root: i64,
    path: &[String],
) -> Result<Option<String>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT document FROM rows WHERE number = ?1")?;
    let found = statement
        .query_row([root], |row| {
            let read = || -> Result<_, StoreError> {
                metadata::member(&documents::text(row.get_ref(0)?)?, path)
            };
            Ok(read())
        })
        .optional()?;
    Ok(found.transpose()?.flatten().as_ref().map(key))
}

fn key(value: &Value) -> String {
    let mut text = metadata::text(value);
    if text.len() > KEY_BYTES {
        text.truncate(text.floor_char_boundary(KEY_BYTES));
        text.push('…');
    }
    text
}
