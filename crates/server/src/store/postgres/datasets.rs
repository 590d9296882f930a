//! SQL over datasets, and changes to objects of all kinds.

use futures_util::FutureExt as _;
use serde_json::Value;
use tidegate_model::{Destination, RowId, XactId};
use tokio_postgres::Row;
use uuid::Uuid;

use super::conflict::{self, TRIES};
use super::database::{self, Database};
use super::locks::Lock;
use super::read::object_number;
use super::store::PostgresStore;
use super::{columns, deletion, objects, snapshots, tell};
use crate::clock;
use crate::store::{
    Answer, Dataset, DatasetFilter, DatasetStore, NewDataset, NewSnapshot, ObjectKind, Patch,
    Registered, Snapshot, SnapshotFilter, StoreError, Tag, Trace, merge_members,
};

const SELECT: &str = "SELECT datasets.id, datasets.name, projects.id, projects.name,
      datasets.created, datasets.details
    FROM datasets JOIN projects ON projects.number = datasets.project";

impl DatasetStore for PostgresStore {
    fn register_dataset(&self, new: NewDataset) -> Answer<'_, Registered<Dataset>> {
        async move { register(&self.database, new).await }.boxed()
    }

    fn datasets(&self, filter: DatasetFilter) -> Answer<'_, Vec<Dataset>> {
        async move { self.counted(None, list(&self.database, &filter)).await }.boxed()
    }

    fn count_roots(&self, destination: Destination) -> Answer<'_, u64> {
        async move {
            self.counted(Some(&destination), count_roots(&self.database, &destination)).await
        }
        .boxed()
    }

    fn last_xact(&self) -> Answer<'_, XactId> {
        async move { last_xact(&self.database).await }.boxed()
    }

    fn register_snapshot(&self, new: NewSnapshot) -> Answer<'_, Option<Registered<Snapshot>>> {
        async move { snapshots::register(&self.database, &new).await }.boxed()
    }

    fn snapshots(&self, filter: SnapshotFilter, limit: u32) -> Answer<'_, Vec<Snapshot>> {
        async move { self.counted(None, snapshots::list(&self.database, &filter, limit)).await }
            .boxed()
    }

    fn patch_snapshot(
        &self,
        id: String,
        name: Option<String>,
        description: Option<Option<String>>,
    ) -> Answer<'_, Option<Snapshot>> {
        async move { snapshots::patch(&self.database, &id, name, description).await }.boxed()
    }

    fn delete_snapshot(&self, id: String) -> Answer<'_, Option<Snapshot>> {
        async move { snapshots::delete(&self.database, &id).await }.boxed()
    }

    fn tags(&self, dataset_id: String, environment: Option<String>) -> Answer<'_, Vec<Tag>> {
        async move {
            let tags = snapshots::tags(&self.database, &dataset_id, environment.as_deref());
            self.counted(None, tags).await
        }
        .boxed()
    }

    fn set_tag(
        &self,
        dataset_id: String,
        environment: String,
        xact: XactId,
    ) -> Answer<'_, Option<Tag>> {
        async move { snapshots::set_tag(&self.database, dataset_id, environment, xact).await }
            .boxed()
    }

    fn delete_tag(&self, dataset_id: String, environment: String) -> Answer<'_, Option<Tag>> {
        async move { snapshots::delete_tag(&self.database, &dataset_id, &environment).await }
            .boxed()
    }

    fn trace_of_row(&self, destination: Destination, id: RowId) -> Answer<'_, Option<Trace>> {
        async move {
            self.counted(Some(&destination), trace_of(&self.database, &destination, &id)).await
        }
        .boxed()
    }

    fn delete(&self, kind: ObjectKind, id: String) -> Answer<'_, bool> {
        async move {
            let deleted = deletion::delete(&self.database, kind, &id).await?;
            self.index.bell().notify_one();
            Ok(deleted)
        }
        .boxed()
    }

    fn sweep(&self) -> Answer<'_, bool> {
        async move {
            let more = deletion::sweep(&self.database).await?;
            self.index.bell().notify_one();
            Ok(more)
        }
        .boxed()
    }

    fn patch(&self, kind: ObjectKind, id: String, changes: Patch) -> Answer<'_, bool> {
        async move { patch(&self.database, kind, &id, changes).await }.boxed()
    }
}

async fn register(database: &Database, new: NewDataset) -> Result<Registered<Dataset>, StoreError> {
    let mut client = database.client().await?;
    let transaction = client.transaction().await?;
    let (id, name) = (new.project_id.as_deref(), new.project_name.as_deref());
    let project = objects::project_for(&transaction, id, name).await?;
    let details = Value::Object(new.details.clone()).to_string();
    for _ in 0..TRIES {
        let sql = format!("{SELECT} WHERE projects.id = $1 AND datasets.name = $2");
        let found = database::row(&transaction, &sql, &[&project.id, &new.name]).await?;
        if let Some(found) = found {
            let object = dataset(&found)?;
            transaction.commit().await?;
            return Ok(Registered { object, existing: true });
        }
        let (id, created) = (Uuid::now_v7().to_string(), clock::now_text());
        let sql = "INSERT INTO datasets (id, project, name, created, details)
            VALUES ($1, (SELECT number FROM projects WHERE id = $2), $3, $4, $5)
            ON CONFLICT DO NOTHING";
        let values: database::Values<'_> = &[&id, &project.id, &new.name, &created, &details];
        if database::run(&transaction, sql, values).await? > 0 {
            transaction.commit().await?;
            let object = Dataset {
                id,
                name: new.name,
                project_id: project.id,
                project_name: project.name,
                created,
                details: new.details,
            };
            return Ok(Registered { object, existing: false });
        }
    }
    Err(StoreError::Overloaded)
}

async fn list(database: &Database, filter: &DatasetFilter) -> Result<Vec<Dataset>, StoreError> {
    let sql = format!(
        "{SELECT}
         WHERE ($1::text IS NULL OR datasets.id = $1) AND ($2::text IS NULL OR datasets.name = $2)
           AND ($3::text IS NULL OR projects.id = $3) AND ($4::text IS NULL OR projects.name = $4)
           AND ($5::text IS NULL OR datasets.number < (SELECT number FROM datasets WHERE id = $5))
         ORDER BY datasets.number DESC LIMIT $6"
    );
    let limit = i64::from(filter.page.limit);
    let values: database::Values<'_> = &[
        &filter.id,
        &filter.name,
        &filter.project_id,
        &filter.project_name,
        &filter.page.after,
        &limit,
    ];
    let client = database.client().await?;
    database::rows(&client, &sql, values).await?.iter().map(dataset).collect()
}

fn dataset(row: &Row) -> Result<Dataset, StoreError> {
    Ok(Dataset {
        id: row.get(0),
        name: row.get(1),
        project_id: row.get(2),
        project_name: row.get(3),
        created: row.get(4),
        details: objects::details(row, 5)?,
    })
}

async fn count_roots(database: &Database, destination: &Destination) -> Result<u64, StoreError> {
    let client = database.client().await?;
    let Some(object) = object_number(&client, destination).await? else { return Ok(0) };
    let sql = "SELECT count(*) FROM rows WHERE object = $1 AND is_root";
    let count: i64 = database::one(&client, sql, &[&object]).await?.get(0);
    Ok(count.unsigned_abs())
}

/// The lock waits for writes of datasets that have taken their ids already.
pub(super) async fn last_xact(database: &Database) -> Result<XactId, StoreError> {
    let mut client = database.client().await?;
    let transaction = client.transaction().await?;
    Lock::DatasetWrites.alone(&transaction).await?;
    let last: i64 = database::one(&transaction, "SELECT last_value FROM xacts", &[]).await?.get(0);
    transaction.commit().await?;
    // A store without writes has none; the first id of all is before those to come.
    Ok(columns::read_xact(last).max(XactId::at(0)))
}

async fn trace_of(
    database: &Database,
    destination: &Destination,
    id: &RowId,
) -> Result<Option<Trace>, StoreError> {
    let client = database.client().await?;
    let Some(object) = object_number(&client, destination).await? else { return Ok(None) };
    let sql = "SELECT trace FROM rows WHERE object = $1 AND row_id = $2";
    let found = database::row(&client, sql, &[&object, &columns::row_id(id)]).await?;
    Ok(found.map(|row| columns::read_trace(row.get(0))))
}

async fn patch(
    database: &Database,
    kind: ObjectKind,
    id: &str,
    changes: Patch,
) -> Result<bool, StoreError> {
    let table = match kind {
        ObjectKind::Project => "projects",
        ObjectKind::Experiment => "experiments",
        ObjectKind::Dataset => "datasets",
    };
    let mut client = database.client().await?;
    let transaction = client.transaction().await?;
    let sql = format!("SELECT details FROM {table} WHERE id = $1 FOR NO KEY UPDATE");
    let found = database::row(&transaction, &sql, &[&id]).await?;
    let Some(found) = found else { return Ok(false) };
    let mut details = objects::details(&found, 0)?;
    merge_members(&mut details, changes.details);
    let details = Value::Object(details).to_string();
    let updated = match &changes.name {
        // A name that is not set anew does not keep others from referring to the object.
        None => {
            let sql = format!("UPDATE {table} SET details = $2 WHERE id = $1");
            database::run(&transaction, &sql, &[&id, &details]).await
        }
        Some(name) => {
            let sql = format!("UPDATE {table} SET details = $2, name = $3 WHERE id = $1");
            database::run(&transaction, &sql, &[&id, &details, name]).await
        }
    };
    if let Err(error) = updated {
        return Err(match changes.name {
            Some(name) if conflict::is_taken(&error) => StoreError::NameTaken(name),
            _ => error,
        });
    }
    if kind == ObjectKind::Experiment {
        if let Some(base) = &changes.base_id {
            let exists = "SELECT EXISTS (SELECT 1 FROM experiments WHERE id = $1)";
            if !database::one(&transaction, exists, &[base]).await?.get::<_, bool>(0) {
                return Err(StoreError::UnknownBase(base.clone()));
            }
        }
        let sql = "UPDATE experiments SET base_id = coalesce($2, base_id),
            commit_hash = coalesce($3, commit_hash) WHERE id = $1";
        database::run(&transaction, sql, &[&id, &changes.base_id, &changes.commit]).await?;
    }
    if changes.name.is_some() {
        tell::objects(&transaction).await?;
    }
    transaction.commit().await?;
    Ok(true)
}

#[cfg(test)]
mod tests;
