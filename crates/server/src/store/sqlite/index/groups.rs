//! Cases in groups, with the means of their scores and metrics.

use rusqlite::{Connection, OptionalExtension};

use super::super::documents;
use super::cases::{Condition, each_that, tags};
use super::figures::{self, Names};
use crate::store::index::grouping::{self, Grouping};
use crate::store::index::preview::hex;
use crate::store::{GroupBy, GroupQuery, Groups, StoreError};

/// Groups the cases of an object.
pub(super) fn groups(
    connection: &Connection,
    object: i64,
    query: &GroupQuery,
) -> Result<Groups, StoreError> {
    let Some(condition) = Condition::of(connection, object, &query.filter)? else {
        return Ok(Groups::default());
    };
    let mut grouping = Grouping::default();
    let mut figures: Vec<(u32, f64)> = Vec::new();
    each_that(connection, object, Some(&condition), |record, row| {
        let keys = match &query.by {
            GroupBy::Tag => grouping::of_tags(&tags(row)?),
            GroupBy::InputHash => vec![Some(hex(&record.input_hash))],
            GroupBy::Metadata(path) => vec![member(connection, record.root, path)?],
        };
        figures.clear();
        figures.extend(figures::unpack(&record.figures));
        grouping.add(keys, record.failed, &figures);
        Ok(())
    })?;
    let mut names = Names::default();
    grouping.finish(query.limit, |number| {
        let (kind, name) = names.get(connection, *number)?;
        Ok((kind, name.as_ref().to_owned()))
    })
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
                grouping::of_member(&documents::text(row.get_ref(0)?)?, path)
            };
            Ok(read())
        })
        .optional()?;
    Ok(found.transpose()?.flatten())
}
