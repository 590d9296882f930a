//! Deleting objects: they are gone at once, and their rows follow a few at a time, so that other
//! writes never wait for long.
//!
//! An object's entry in `objects` stays under the kind `deleted` while it has rows, which is what a
//! sweep after a crash goes by, and then as `swept`: its number must not come again.

use rusqlite::{Connection, OptionalExtension, params};

use super::changes::Touched;
use super::functions;
use super::writer::Session;
use crate::store::{ObjectKind, StoreError};

/// What a sweep counts for in a group of writes.
pub(super) const SWEEP_BYTES: usize = 1 << 20;

/// Rows removed by one sweep: a few milliseconds.
const SWEEP_ROWS: u32 = 250;

/// Deletes an object; `false` if it does not exist.
pub(super) fn delete(
    session: &mut Session,
    kind: ObjectKind,
    id: &str,
) -> Result<bool, StoreError> {
    let connection = &session.connection;
    let one = "SELECT ?1";
    let detached = match kind {
        ObjectKind::Experiment => {
            if !exists(connection, "experiments", id)? {
                return Ok(false);
            }
            run(connection, "UPDATE experiments SET base_id = NULL WHERE base_id = ?1", id)?;
            run(connection, "DELETE FROM blobs WHERE experiment = ?1", id)?;
            run(connection, "DELETE FROM experiments WHERE id = ?1", id)?;
            detach(connection, "experiment", one, id)?
        }
        ObjectKind::Dataset => {
            if !exists(connection, "datasets", id)? {
                return Ok(false);
            }
            forget_versions(connection, "SELECT number FROM datasets WHERE id = ?1", id)?;
            run(connection, "DELETE FROM datasets WHERE id = ?1", id)?;
            detach(connection, "dataset", one, id)?
        }
        ObjectKind::Project => {
            if !exists(connection, "projects", id)? {
                return Ok(false);
            }
            delete_project(connection, id)?
        }
    };
    // Numbers that are remembered may be those of the objects that just went.
    session.objects.clear();
    let xact = session.next_xact();
    let mut touched = Touched::default();
    for object in detached {
        touched.all_deleted(object);
    }
    touched.append(&session.connection, &mut session.journal, xact)?;
    Ok(true)
}

fn delete_project(connection: &Connection, id: &str) -> Result<Vec<i64>, StoreError> {
    let inside = |column: &str, table: &str| {
        format!(
            "SELECT {column} FROM {table}
             WHERE project = (SELECT number FROM projects WHERE id = ?1)"
        )
    };
    let experiments = inside("id", "experiments");
    let mut detached = detach(connection, "project_logs", "SELECT ?1", id)?;
    detached.extend(detach(connection, "experiment", &experiments, id)?);
    detached.extend(detach(connection, "dataset", &inside("id", "datasets"), id)?);
    let bases = format!("UPDATE experiments SET base_id = NULL WHERE base_id IN ({experiments})");
    run(connection, &bases, id)?;
    forget_versions(connection, &inside("number", "datasets"), id)?;
    let profiles = format!("DELETE FROM blobs WHERE experiment IN ({experiments})");
    run(connection, &profiles, id)?;
    for table in ["experiments", "datasets"] {
        let numbers = inside("number", table);
        run(connection, &format!("DELETE FROM {table} WHERE number IN ({numbers})"), id)?;
    }
    functions::delete_all(connection, id)?;
    // Their files are garbage from here on.
    run(connection, "DELETE FROM blobs WHERE project = ?1", id)?;
    run(connection, "DELETE FROM projects WHERE id = ?1", id)?;
    Ok(detached)
}

fn exists(connection: &Connection, table: &str, id: &str) -> Result<bool, StoreError> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE id = ?1)");
    Ok(connection.prepare_cached(&sql)?.query_row([id], |row| row.get(0))?)
}

fn run(connection: &Connection, sql: &str, id: &str) -> Result<(), StoreError> {
    connection.prepare_cached(sql)?.execute([id])?;
    Ok(())
}

/// Removes snapshots and environments of datasets, whose numbers `datasets` selects.
fn forget_versions(connection: &Connection, datasets: &str, id: &str) -> Result<(), StoreError> {
    for table in ["dataset_snapshots", "dataset_environments"] {
        run(connection, &format!("DELETE FROM {table} WHERE dataset IN ({datasets})"), id)?;
    }
    Ok(())
}

/// Takes the rows of objects away, whose ids `ids` selects, and returns the objects' numbers.
fn detach(
    connection: &Connection,
    kind: &str,
    ids: &str,
    id: &str,
) -> Result<Vec<i64>, StoreError> {
    // The number makes it unique: an object may get rows, and be deleted, again.
    let sql = format!(
        "UPDATE objects SET kind = 'deleted', id = id || '#' || number
         WHERE kind = ?2 AND id IN ({ids}) RETURNING number"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let numbers = statement.query_map([id, kind], |row| row.get(0))?;
    Ok(numbers.collect::<Result<_, _>>()?)
}

/// Removes some rows of a deleted object; `false` once there is none.
pub(super) fn sweep(session: &mut Session) -> Result<bool, StoreError> {
    let connection = &session.connection;
    let object: Option<i64> = connection
        .prepare_cached("SELECT number FROM objects WHERE kind = 'deleted' LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let Some(object) = object else { return Ok(false) };
    let removed = connection
        .prepare_cached(
            "DELETE FROM rows WHERE number IN (SELECT number FROM rows WHERE object = ?1 LIMIT ?2)",
        )?
        .execute(params![object, SWEEP_ROWS])?;
    let forgotten = connection
        .prepare_cached(
            "DELETE FROM row_versions WHERE number IN
               (SELECT number FROM row_versions WHERE object = ?1 LIMIT ?2)",
        )?
        .execute(params![object, SWEEP_ROWS])?;
    if removed.max(forgotten) < SWEEP_ROWS as usize {
        connection
            .prepare_cached("UPDATE objects SET kind = 'swept' WHERE number = ?1")?
            .execute([object])?;
        // Once more: an index that was being made anew in between has seen rows.
        let xact = session.next_xact();
        let mut touched = Touched::default();
        touched.all_deleted(object);
        touched.append(&session.connection, &mut session.journal, xact)?;
    }
    Ok(true)
}
