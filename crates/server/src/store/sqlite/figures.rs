//! Histograms, groups, and the versions of a dataset.

use futures_util::FutureExt;
use jiff::Timestamp;
use rusqlite::{Connection, params};
use tidegate_model::{Destination, XactId};

use super::row_tables::{object_number, xact_id};
use super::store::SqliteStore;
use crate::store::{
    Answer, DatasetVersion, FigureStore, GroupQuery, Groups, Histogram, HistogramQuery, Listed,
    StoreError,
};

impl FigureStore for SqliteStore {
    fn histogram(
        &self,
        destination: Destination,
        query: HistogramQuery,
    ) -> Answer<'_, Listed<Histogram>> {
        self.index().histogram(destination, query).boxed()
    }

    fn groups(&self, destination: Destination, query: GroupQuery) -> Answer<'_, Listed<Groups>> {
        self.index().groups(destination, query).boxed()
    }

    fn dataset_versions(
        &self,
        dataset_id: String,
        before: Option<XactId>,
        limit: usize,
    ) -> Answer<'_, Vec<DatasetVersion>> {
        let dataset = Destination::Dataset(dataset_id);
        self.readers
            .run_for(dataset.clone(), move |connection| {
                versions(connection, &dataset, before, limit)
            })
            .boxed()
    }
}

/// A transaction made or changed the rows that carry its id, now or in an earlier state, and deleted
/// those whose last state ended with it and that did not go on.
const CHANGES: &str = "SELECT xact, sum(made), sum(gone) FROM (
    SELECT xact, 1 AS made, 0 AS gone FROM rows WHERE object = ?1
    UNION ALL SELECT xact, 1, 0 FROM row_versions WHERE object = ?1
    UNION ALL SELECT until, 0, 1 FROM row_versions AS past WHERE object = ?1
      AND NOT EXISTS (SELECT 1 FROM rows
        WHERE rows.object = ?1 AND rows.row_id = past.row_id AND rows.xact = past.until)
      AND NOT EXISTS (SELECT 1 FROM row_versions AS next
        WHERE next.object = ?1 AND next.row_id = past.row_id AND next.xact = past.until)
  ) WHERE xact < ?2 GROUP BY xact ORDER BY xact DESC LIMIT ?3";

/// Names for a version may be of any transaction until the next change.
const SNAPSHOTS: &str = "SELECT dataset_snapshots.name FROM dataset_snapshots
     JOIN datasets ON datasets.number = dataset_snapshots.dataset
   WHERE datasets.id = ?1 AND xact >= ?2 AND xact < ?3 ORDER BY dataset_snapshots.name";
const ENVIRONMENTS: &str = "SELECT environment FROM dataset_environments
     JOIN datasets ON datasets.number = dataset_environments.dataset
   WHERE datasets.id = ?1 AND xact >= ?2 AND xact < ?3 ORDER BY environment";

fn versions(
    connection: &Connection,
    dataset: &Destination,
    before: Option<XactId>,
    limit: usize,
) -> Result<Vec<DatasetVersion>, StoreError> {
    let Some(object) = object_number(connection, dataset)? else { return Ok(Vec::new()) };
    let before = before.map_or(i64::MAX, |xact| xact.as_u64().cast_signed());
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let names = |sql: &str, xact: i64, next: i64| -> Result<Vec<String>, StoreError> {
        let mut statement = connection.prepare_cached(sql)?;
        let range = params![dataset.object_id(), xact, next];
        let names = statement.query_map(range, |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    };
    let mut statement = connection.prepare_cached(CHANGES)?;
    let mut rows = statement.query(params![object, before, limit])?;
    let (mut versions, mut next) = (Vec::new(), before);
    while let Some(row) = rows.next()? {
        let (number, changed, deleted): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let xact = xact_id(number);
        let created = Timestamp::from_second(xact.unix_seconds().into());
        versions.push(DatasetVersion {
            xact,
            created: created.unwrap_or(Timestamp::UNIX_EPOCH).to_string(),
            changed: changed.cast_unsigned(),
            deleted: deleted.cast_unsigned(),
            snapshots: names(SNAPSHOTS, number, next)?,
            environments: names(ENVIRONMENTS, number, next)?,
        });
        next = number;
    }
    Ok(versions)
}
