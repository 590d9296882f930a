//! Earlier states of rows of datasets, so that a dataset can be read as it was, and made so again.

use std::time::Duration;

use deadpool_postgres::{GenericClient, Transaction};
use futures_util::FutureExt as _;
use jiff::Timestamp;
use tidegate_model::{Destination, XactId};

use super::columns;
use super::database::{self, Database};
use super::locks::Lock;
use super::read::{object_number, snapshot};
use super::store::PostgresStore;
use super::write::{self, Failure};
use crate::clock;
use crate::store::{
    Answer, Body, Change, DatasetVersion, Document, Restoration, RowWrite, StoreError, VersionStore,
};

/// Stored bytes of the rows that one restoration writes, since it holds them in memory.
const RESTORE_BYTES: i64 = 256 << 20;

/// How long looking at versions may take.
const LOOK: Duration = Duration::from_secs(60);

/// Rows that were not there at version `$2` of object `$1`.
const LATER: &str = "FROM rows AS present WHERE object = $1 AND xact > $2 AND NOT EXISTS (
      SELECT 1 FROM row_versions AS past
      WHERE past.object = $1 AND past.row_id = present.row_id AND past.xact <= $2 AND past.until > $2)";

/// States of that version that are not those of present.
const OTHERWISE: &str = "FROM row_versions AS past
    LEFT JOIN rows AS present ON present.object = past.object AND present.row_id = past.row_id
    WHERE past.object = $1 AND past.xact <= $2 AND past.until > $2
      AND (present.document IS NULL OR present.document <> past.document)";

impl VersionStore for PostgresStore {
    fn preview_restore(&self, dataset_id: String, version: XactId) -> Answer<'_, Restoration> {
        async move {
            let dataset = Destination::Dataset(dataset_id);
            self.counted(Some(&dataset), preview_restore(&self.database, &dataset, version)).await
        }
        .boxed()
    }

    fn restore(&self, dataset_id: String, version: XactId) -> Answer<'_, Restoration> {
        async move {
            let restored =
                restore(&self.database, &Destination::Dataset(dataset_id), version).await?;
            self.index.bell().notify_one();
            Ok(restored)
        }
        .boxed()
    }
}

/// Takes one transaction id.
pub(super) async fn take_xact(transaction: &Transaction<'_>) -> Result<XactId, StoreError> {
    let taken = write::take_xacts(transaction, 1).await?;
    taken.first().copied().ok_or_else(|| StoreError::Damaged("no transaction id was given".into()))
}

const NOTHING: Restoration = Restoration { restored: 0, deleted: 0, xact: None };

async fn preview_restore(
    database: &Database,
    dataset: &Destination,
    version: XactId,
) -> Result<Restoration, StoreError> {
    let mut client = database.client().await?;
    let snapshot = snapshot(&mut client, clock::monotonic() + LOOK).await?;
    let Some(object) = object_number(&snapshot, dataset).await? else { return Ok(NOTHING) };
    Ok(compare(&snapshot, object, version).await?.0)
}

/// Counts what differs, and the bytes of what would be written.
async fn compare(
    on: &impl GenericClient,
    object: i64,
    version: XactId,
) -> Result<(Restoration, i64), StoreError> {
    let version = columns::xact(version);
    let sql = format!("SELECT count(*) {LATER}");
    let deleted = database::one(on, &sql, &[&object, &version]).await?.get(0);
    let sql =
        format!("SELECT count(*), coalesce(sum(length(past.document)), 0)::bigint {OTHERWISE}");
    let found = database::one(on, &sql, &[&object, &version]).await?;
    Ok((Restoration { restored: found.get(0), deleted, xact: None }, found.get(1)))
}

/// Takes the locks of a writer, in the writer's order, before it compares: what is written is what
/// leads back from the state that it finds.
async fn restore(
    database: &Database,
    dataset: &Destination,
    version: XactId,
) -> Result<Restoration, StoreError> {
    let mut client = database.client().await?;
    let transaction = client.transaction().await?;
    let hold =
        "SELECT number FROM objects WHERE kind = $1 AND id = $2 AND NOT deleted FOR KEY SHARE";
    let values: database::Values<'_> = &[&dataset.kind(), &dataset.object_id()];
    let Some(object) = database::row(&transaction, hold, values).await? else {
        return Ok(NOTHING);
    };
    let object: i64 = object.get(0);
    Lock::DatasetWrites.shared(&transaction).await?;
    Lock::Rows(object).alone(&transaction).await?;
    let (mut restoration, bytes) = compare(&transaction, object, version).await?;
    if bytes > RESTORE_BYTES {
        return Err(StoreError::RestoreTooLarge { bytes, limit: RESTORE_BYTES });
    }
    let writes = differences(&transaction, dataset, object, version).await?;
    if !writes.is_empty() {
        let applied = write::apply(&transaction, &[&writes]).await;
        let xacts = applied.map_err(|failure| match failure {
            Failure::Request(_, error) | Failure::All(error) => error,
        })?;
        restoration.xact = xacts.first().copied();
    }
    transaction.commit().await?;
    Ok(restoration)
}

/// The writes that lead back to a version.
async fn differences(
    transaction: &Transaction<'_>,
    dataset: &Destination,
    object: i64,
    version: XactId,
) -> Result<Vec<RowWrite>, StoreError> {
    let version = columns::xact(version);
    let mut writes = Vec::new();
    let sql = format!("SELECT row_id {LATER}");
    for row in database::rows(transaction, &sql, &[&object, &version]).await? {
        let id = columns::read_row_id(row.get(0))?;
        writes.push(RowWrite { destination: dataset.clone(), id, change: Change::Delete });
    }
    let sql = format!(
        "SELECT past.row_id, past.created_us, past.is_root, past.trace, past.document {OTHERWISE}"
    );
    for row in database::rows(transaction, &sql, &[&object, &version]).await? {
        let document = Document {
            created_us: row.get(1),
            is_root: row.get(2),
            trace: columns::read_trace(row.get(3)),
            body: Body::of(columns::text(row.get(4))?),
        };
        let (id, change) = (columns::read_row_id(row.get(0))?, Change::Replace(document));
        writes.push(RowWrite { destination: dataset.clone(), id, change });
    }
    Ok(writes)
}

/// A transaction made or changed the rows that carry its id, now or in an earlier state, and deleted
/// those whose last state ended with it and that did not go on.
const CHANGES: &str = "SELECT xact, sum(made)::bigint, sum(gone)::bigint FROM (
      SELECT xact, 1 AS made, 0 AS gone FROM rows WHERE object = $1
      UNION ALL SELECT xact, 1, 0 FROM row_versions WHERE object = $1
      UNION ALL SELECT until, 0, 1 FROM row_versions AS past WHERE object = $1
        AND NOT EXISTS (SELECT 1 FROM rows
          WHERE rows.object = $1 AND rows.row_id = past.row_id AND rows.xact = past.until)
        AND NOT EXISTS (SELECT 1 FROM row_versions AS next
          WHERE next.object = $1 AND next.row_id = past.row_id AND next.xact = past.until)
    ) AS changes WHERE xact < $2 GROUP BY xact ORDER BY xact DESC LIMIT $3";

/// Names of versions from `$2` to before `$3`; each may be of any transaction until the next change.
const SNAPSHOTS: &str = "SELECT xact, dataset_snapshots.name FROM dataset_snapshots
      JOIN datasets ON datasets.number = dataset_snapshots.dataset
    WHERE datasets.id = $1 AND xact >= $2 AND xact < $3 ORDER BY dataset_snapshots.name";
const ENVIRONMENTS: &str = "SELECT xact, environment FROM dataset_environments
      JOIN datasets ON datasets.number = dataset_environments.dataset
    WHERE datasets.id = $1 AND xact >= $2 AND xact < $3 ORDER BY environment";

/// Versions of a dataset before one, newest first.
pub(super) async fn history(
    database: &Database,
    dataset_id: &str,
    before: Option<XactId>,
    limit: usize,
) -> Result<Vec<DatasetVersion>, StoreError> {
    let mut client = database.client().await?;
    let snapshot = snapshot(&mut client, clock::monotonic() + LOOK).await?;
    let dataset = Destination::Dataset(dataset_id.to_owned());
    let Some(object) = object_number(&snapshot, &dataset).await? else { return Ok(Vec::new()) };
    let before = before.map_or(i64::MAX, columns::xact);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let changes = database::rows(&snapshot, CHANGES, &[&object, &before, &limit]).await?;
    let mut versions: Vec<_> = changes.iter().map(version).collect();
    let Some(oldest) = versions.last().map(|version| columns::xact(version.xact)) else {
        return Ok(versions);
    };
    for (sql, names) in [
        (SNAPSHOTS, names_of as fn(&mut DatasetVersion) -> &mut Vec<String>),
        (ENVIRONMENTS, |version| &mut version.environments),
    ] {
        for row in database::rows(&snapshot, sql, &[&dataset_id, &oldest, &before]).await? {
            let xact = columns::read_xact(row.get(0));
            // The newest that is not after it.
            let place = versions.partition_point(|version| version.xact > xact);
            if let Some(version) = versions.get_mut(place) {
                names(version).push(row.get(1));
            }
        }
    }
    Ok(versions)
}

fn names_of(version: &mut DatasetVersion) -> &mut Vec<String> {
    &mut version.snapshots
}

fn version(row: &tokio_postgres::Row) -> DatasetVersion {
    let xact = columns::read_xact(row.get(0));
    let created = Timestamp::from_second(xact.unix_seconds().into());
    DatasetVersion {
        xact,
        created: created.unwrap_or(Timestamp::UNIX_EPOCH).to_string(),
        changed: row.get::<_, i64>(1).cast_unsigned(),
        deleted: row.get::<_, i64>(2).cast_unsigned(),
        snapshots: Vec::new(),
        environments: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
