//! SQL over names for versions of datasets: snapshots, and the tags of environments.

use rusqlite::{Connection, OptionalExtension, params};
use tidegate_model::XactId;
use uuid::Uuid;

use crate::clock;
use crate::store::{NewSnapshot, Registered, Snapshot, SnapshotFilter, StoreError, Tag};

const COLUMNS: &str = "dataset_snapshots.id, datasets.id, dataset_snapshots.name, description,
    xact, dataset_snapshots.created";

pub(super) fn register(
    connection: &Connection,
    new: &NewSnapshot,
) -> Result<Option<Registered<Snapshot>>, StoreError> {
    let filter = SnapshotFilter {
        dataset_id: Some(new.dataset_id.clone()),
        name: Some(new.name.clone()),
        ..SnapshotFilter::default()
    };
    if let Some(mut object) = list(connection, &filter, 1)?.pop() {
        if new.update {
            object.xact = new.xact;
            object.description = new.description.clone().or(object.description);
            store(connection, &object)?;
        }
        return Ok(Some(Registered { object, existing: true }));
    }
    let object = Snapshot {
        id: Uuid::now_v7().to_string(),
        dataset_id: new.dataset_id.clone(),
        name: new.name.clone(),
        description: new.description.clone(),
        xact: new.xact,
        created: clock::now_text(),
    };
    let made = connection
        .prepare_cached(
            "INSERT INTO dataset_snapshots (id, dataset, name, description, xact, created)
             SELECT ?1, number, ?3, ?4, ?5, ?6 FROM datasets WHERE id = ?2",
        )?
        .execute(params![
            object.id,
            object.dataset_id,
            object.name,
            object.description,
            object.xact.as_u64().cast_signed(),
            object.created,
        ])?;
    Ok((made > 0).then_some(Registered { object, existing: false }))
}

pub(super) fn list(
    connection: &Connection,
    filter: &SnapshotFilter,
    limit: u32,
) -> Result<Vec<Snapshot>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM dataset_snapshots
         JOIN datasets ON datasets.number = dataset_snapshots.dataset
         WHERE (?1 IS NULL OR dataset_snapshots.id = ?1) AND (?2 IS NULL OR datasets.id = ?2)
           AND (?3 IS NULL OR dataset_snapshots.name = ?3) AND (?4 IS NULL OR xact = ?4)
           AND coalesce(?1, ?2, ?3, ?4) IS NOT NULL
         ORDER BY dataset_snapshots.number DESC LIMIT ?5"
    );
    let xact = filter.xact.map(|xact| xact.as_u64().cast_signed());
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement
        .query_map(params![filter.id, filter.dataset_id, filter.name, xact, limit], snapshot)?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn snapshot(row: &rusqlite::Row<'_>) -> rusqlite::Result<Snapshot> {
    Ok(Snapshot {
        id: row.get(0)?,
        dataset_id: row.get(1)?,
        name: row.get(2)?,
        description: row.get(3)?,
        xact: XactId::from_u64(row.get::<_, i64>(4)?.cast_unsigned()),
        created: row.get(5)?,
    })
}

pub(super) fn patch(
    connection: &Connection,
    id: &str,
    name: Option<String>,
    description: Option<Option<String>>,
) -> Result<Option<Snapshot>, StoreError> {
    let Some(mut object) = by_id(connection, id)? else { return Ok(None) };
    if let Some(name) = name {
        object.name = name;
    }
    if let Some(description) = description {
        object.description = description;
    }
    store(connection, &object)?;
    Ok(Some(object))
}

fn store(connection: &Connection, object: &Snapshot) -> Result<(), StoreError> {
    let sql = "UPDATE dataset_snapshots SET name = ?2, description = ?3, xact = ?4 WHERE id = ?1";
    let xact = object.xact.as_u64().cast_signed();
    let stored = connection.prepare_cached(sql)?.execute(params![
        object.id,
        object.name,
        object.description,
        xact
    ]);
    match stored {
        Ok(_) => Ok(()),
        Err(error)
            if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) =>
        {
            Err(StoreError::NameTaken(object.name.clone()))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) fn delete(connection: &Connection, id: &str) -> Result<Option<Snapshot>, StoreError> {
    let found = by_id(connection, id)?;
    connection.prepare_cached("DELETE FROM dataset_snapshots WHERE id = ?1")?.execute([id])?;
    Ok(found)
}

fn by_id(connection: &Connection, id: &str) -> Result<Option<Snapshot>, StoreError> {
    let filter = SnapshotFilter { id: Some(id.to_owned()), ..SnapshotFilter::default() };
    Ok(list(connection, &filter, 1)?.pop())
}

pub(super) fn tags(
    connection: &Connection,
    dataset_id: &str,
    environment: Option<&str>,
) -> Result<Vec<Tag>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT dataset_environments.id, datasets.id, environment, xact,
           dataset_environments.created
         FROM dataset_environments JOIN datasets ON datasets.number = dataset
         WHERE datasets.id = ?1 AND (?2 IS NULL OR environment = ?2) ORDER BY environment",
    )?;
    let found = statement.query_map(params![dataset_id, environment], |row| {
        Ok(Tag {
            id: row.get(0)?,
            dataset_id: row.get(1)?,
            environment: row.get(2)?,
            xact: XactId::from_u64(row.get::<_, i64>(3)?.cast_unsigned()),
            created: row.get(4)?,
        })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn set_tag(
    connection: &Connection,
    dataset_id: &str,
    environment: &str,
    xact: XactId,
) -> Result<Option<Tag>, StoreError> {
    let dataset: Option<i64> = connection
        .prepare_cached("SELECT number FROM datasets WHERE id = ?1")?
        .query_row([dataset_id], |row| row.get(0))
        .optional()?;
    let Some(dataset) = dataset else { return Ok(None) };
    connection
        .prepare_cached(
            "INSERT INTO dataset_environments (id, dataset, environment, xact, created)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (dataset, environment) DO UPDATE SET xact = excluded.xact",
        )?
        .execute(params![
            Uuid::now_v7().to_string(),
            dataset,
            environment,
            xact.as_u64().cast_signed(),
            clock::now_text(),
        ])?;
    Ok(tags(connection, dataset_id, Some(environment))?.pop())
}

pub(super) fn delete_tag(
    connection: &Connection,
    dataset_id: &str,
    environment: &str,
) -> Result<Option<Tag>, StoreError> {
    let found = tags(connection, dataset_id, Some(environment))?.pop();
    if let Some(tag) = &found {
        connection
            .prepare_cached("DELETE FROM dataset_environments WHERE id = ?1")?
            .execute([&tag.id])?;
    }
    Ok(found)
}
