//! SQL over datasets, and changes to objects of all kinds.

use futures_util::FutureExt;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;
use tidegate_model::{Destination, RowId, XactId};
use uuid::Uuid;

use super::store::{SMALL_BYTES, SqliteStore};
use super::{deletion, objects, row_tables, snapshots};
use crate::clock;
use crate::store::{
    Answer, Dataset, DatasetFilter, DatasetStore, NewDataset, NewSnapshot, ObjectKind, Patch,
    Registered, Snapshot, SnapshotFilter, StoreError, Tag, Trace, merge_members,
};

const COLUMNS: &str = "datasets.id, datasets.name, projects.id, projects.name, datasets.created,
    datasets.details";

impl DatasetStore for SqliteStore {
    fn register_dataset(&self, new: NewDataset) -> Answer<'_, Registered<Dataset>> {
        self.writer.submit(SMALL_BYTES, move |session| register(&session.connection, new)).boxed()
    }

    fn datasets(&self, filter: DatasetFilter) -> Answer<'_, Vec<Dataset>> {
        self.readers.run(move |connection| list(connection, &filter)).boxed()
    }

    fn count_roots(&self, destination: Destination) -> Answer<'_, u64> {
        self.readers.run(move |connection| count_roots(connection, &destination)).boxed()
    }

    fn last_xact(&self) -> Answer<'_, XactId> {
        self.readers.run(last_xact).boxed()
    }

    fn register_snapshot(&self, new: NewSnapshot) -> Answer<'_, Option<Registered<Snapshot>>> {
        self.writer
            .submit(SMALL_BYTES, move |session| snapshots::register(&session.connection, &new))
            .boxed()
    }

    fn snapshots(&self, filter: SnapshotFilter, limit: u32) -> Answer<'_, Vec<Snapshot>> {
        self.readers.run(move |connection| snapshots::list(connection, &filter, limit)).boxed()
    }

    fn patch_snapshot(
        &self,
        id: String,
        name: Option<String>,
        description: Option<Option<String>>,
    ) -> Answer<'_, Option<Snapshot>> {
        self.writer
            .submit(SMALL_BYTES, move |session| {
                snapshots::patch(&session.connection, &id, name, description)
            })
            .boxed()
    }

    fn delete_snapshot(&self, id: String) -> Answer<'_, Option<Snapshot>> {
        self.writer
            .submit(SMALL_BYTES, move |session| snapshots::delete(&session.connection, &id))
            .boxed()
    }

    fn tags(&self, dataset_id: String, environment: Option<String>) -> Answer<'_, Vec<Tag>> {
        self.readers
            .run(move |connection| snapshots::tags(connection, &dataset_id, environment.as_deref()))
            .boxed()
    }

    fn set_tag(
        &self,
        dataset_id: String,
        environment: String,
        xact: XactId,
    ) -> Answer<'_, Option<Tag>> {
        self.writer
            .submit(SMALL_BYTES, move |session| {
                snapshots::set_tag(&session.connection, &dataset_id, &environment, xact)
            })
            .boxed()
    }

    fn delete_tag(&self, dataset_id: String, environment: String) -> Answer<'_, Option<Tag>> {
        self.writer
            .submit(SMALL_BYTES, move |session| {
                snapshots::delete_tag(&session.connection, &dataset_id, &environment)
            })
            .boxed()
    }

    fn trace_of_row(&self, destination: Destination, id: RowId) -> Answer<'_, Option<Trace>> {
        self.readers
            .run(move |connection| row_tables::trace_of(connection, &destination, &id))
            .boxed()
    }

    fn delete(&self, kind: ObjectKind, id: String) -> Answer<'_, bool> {
        self.writer.submit(SMALL_BYTES, move |session| deletion::delete(session, kind, &id)).boxed()
    }

    fn sweep(&self) -> Answer<'_, bool> {
        self.writer.submit(deletion::SWEEP_BYTES, deletion::sweep).boxed()
    }

    fn patch(&self, kind: ObjectKind, id: String, changes: Patch) -> Answer<'_, bool> {
        self.writer
            .submit(SMALL_BYTES, move |session| patch(&session.connection, kind, &id, changes))
            .boxed()
    }
}

fn register(connection: &Connection, new: NewDataset) -> Result<Registered<Dataset>, StoreError> {
    let (id, name) = (new.project_id.as_deref(), new.project_name.as_deref());
    let project = objects::project_for(connection, id, name)?;
    let filter = DatasetFilter {
        name: Some(new.name.clone()),
        project_id: Some(project.id.clone()),
        ..DatasetFilter::all(crate::store::Page::first())
    };
    if let Some(object) = list(connection, &filter)?.pop() {
        return Ok(Registered { object, existing: true });
    }
    let object = Dataset {
        id: Uuid::now_v7().to_string(),
        name: new.name,
        project_id: project.id,
        project_name: project.name,
        created: clock::now_text(),
        details: new.details,
    };
    connection
        .prepare_cached(
            "INSERT INTO datasets (id, project, name, created, details)
             VALUES (?1, (SELECT number FROM projects WHERE id = ?2), ?3, ?4, ?5)",
        )?
        .execute(params![
            object.id,
            object.project_id,
            object.name,
            object.created,
            Value::Object(object.details.clone()).to_string(),
        ])?;
    Ok(Registered { object, existing: false })
}

fn list(connection: &Connection, filter: &DatasetFilter) -> Result<Vec<Dataset>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM datasets JOIN projects ON projects.number = datasets.project
         WHERE (?1 IS NULL OR datasets.id = ?1) AND (?2 IS NULL OR datasets.name = ?2)
           AND (?3 IS NULL OR projects.id = ?3) AND (?4 IS NULL OR projects.name = ?4)
           AND (?5 IS NULL OR datasets.number < (SELECT number FROM datasets WHERE id = ?5))
         ORDER BY datasets.number DESC LIMIT ?6"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_map(
        params![
            filter.id,
            filter.name,
            filter.project_id,
            filter.project_name,
            filter.page.after,
            filter.page.limit,
        ],
        |row| {
            Ok(Dataset {
                id: row.get(0)?,
                name: row.get(1)?,
                project_id: row.get(2)?,
                project_name: row.get(3)?,
                created: row.get(4)?,
                details: objects::details(row, 5)?,
            })
        },
    )?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn count_roots(connection: &Connection, destination: &Destination) -> Result<u64, StoreError> {
    let Some(object) = row_tables::object_number(connection, destination)? else { return Ok(0) };
    let count: i64 = connection
        .prepare_cached("SELECT count(*) FROM rows WHERE object = ?1 AND is_root")?
        .query_row([object], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

fn last_xact(connection: &Connection) -> Result<XactId, StoreError> {
    let last: i64 = connection
        .prepare_cached("SELECT last_xact FROM store")?
        .query_row([], |row| row.get(0))?;
    // A store without writes has none; the first id of all is before those to come.
    Ok(XactId::from_u64(last.cast_unsigned()).max(XactId::at(0)))
}

fn patch(
    connection: &Connection,
    kind: ObjectKind,
    id: &str,
    changes: Patch,
) -> Result<bool, StoreError> {
    let table = match kind {
        ObjectKind::Project => "projects",
        ObjectKind::Experiment => "experiments",
        ObjectKind::Dataset => "datasets",
    };
    let sql = format!("SELECT details FROM {table} WHERE id = ?1");
    let found = connection
        .prepare_cached(&sql)?
        .query_row([id], |row| objects::details(row, 0))
        .optional()?;
    let Some(mut details) = found else { return Ok(false) };
    merge_members(&mut details, changes.details);
    let sql = format!("UPDATE {table} SET name = ifnull(?2, name), details = ?3 WHERE id = ?1");
    let updated = connection.prepare_cached(&sql)?.execute(params![
        id,
        changes.name,
        Value::Object(details).to_string()
    ]);
    if let Err(error) = updated {
        return Err(match (error.sqlite_error_code(), changes.name) {
            (Some(rusqlite::ErrorCode::ConstraintViolation), Some(name)) => {
                StoreError::NameTaken(name)
            }
            _ => error.into(),
        });
    }
    if kind == ObjectKind::Experiment {
        if let Some(base) = &changes.base_id {
            let exists = "SELECT EXISTS (SELECT 1 FROM experiments WHERE id = ?1)";
            if !connection.prepare_cached(exists)?.query_row([base], |row| row.get(0))? {
                return Err(StoreError::UnknownBase(base.clone()));
            }
        }
        connection
            .prepare_cached(
                "UPDATE experiments SET base_id = ifnull(?2, base_id),
                   commit_hash = ifnull(?3, commit_hash) WHERE id = ?1",
            )?
            .execute(params![id, changes.base_id, changes.commit])?;
    }
    Ok(true)
}
