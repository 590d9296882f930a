//! SQL over names for versions of datasets: snapshots, and the tags of environments.

use deadpool_postgres::GenericClient;
use tidegate_model::XactId;
use tokio_postgres::Row;
use uuid::Uuid;

use super::columns;
use super::conflict::{self, TRIES};
use super::database::{self, Database};
use crate::clock;
use crate::store::{NewSnapshot, Registered, Snapshot, SnapshotFilter, StoreError, Tag};

const SELECT: &str = "SELECT dataset_snapshots.id, datasets.id, dataset_snapshots.name,
      description, xact, dataset_snapshots.created
    FROM dataset_snapshots JOIN datasets ON datasets.number = dataset_snapshots.dataset";

pub(super) async fn register(
    database: &Database,
    new: &NewSnapshot,
) -> Result<Option<Registered<Snapshot>>, StoreError> {
    let mut client = database.client().await?;
    let transaction = client.transaction().await?;
    let sql = "SELECT number FROM datasets WHERE id = $1 FOR KEY SHARE";
    let Some(dataset) = database::row(&transaction, sql, &[&new.dataset_id]).await? else {
        return Ok(None);
    };
    let dataset: i64 = dataset.get(0);
    for _ in 0..TRIES {
        let sql = format!(
            "{SELECT} WHERE dataset = $1 AND dataset_snapshots.name = $2
             FOR UPDATE OF dataset_snapshots"
        );
        let found = database::row(&transaction, &sql, &[&dataset, &new.name]).await?;
        if let Some(found) = found {
            let mut object = snapshot(&found);
            if new.update {
                object.xact = new.xact;
                object.description = new.description.clone().or(object.description);
                store(&transaction, &object).await?;
            }
            transaction.commit().await?;
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
        let sql = "INSERT INTO dataset_snapshots (id, dataset, name, description, xact, created)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
        let values: database::Values<'_> = &[
            &object.id,
            &dataset,
            &object.name,
            &object.description,
            &columns::xact(object.xact),
            &object.created,
        ];
        if database::run(&transaction, sql, values).await? > 0 {
            transaction.commit().await?;
            return Ok(Some(Registered { object, existing: false }));
        }
    }
    Err(StoreError::Overloaded)
}

pub(super) async fn list(
    database: &Database,
    filter: &SnapshotFilter,
    limit: u32,
) -> Result<Vec<Snapshot>, StoreError> {
    let SnapshotFilter { id, dataset_id, name, xact } = filter;
    let xact = xact.map(columns::xact);
    if id.is_none() && dataset_id.is_none() && name.is_none() && xact.is_none() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "{SELECT}
         WHERE ($1::text IS NULL OR dataset_snapshots.id = $1)
           AND ($2::text IS NULL OR datasets.id = $2)
           AND ($3::text IS NULL OR dataset_snapshots.name = $3)
           AND ($4::bigint IS NULL OR xact = $4)
         ORDER BY dataset_snapshots.number DESC LIMIT $5"
    );
    let client = database.client().await?;
    let values: database::Values<'_> = &[id, dataset_id, name, &xact, &i64::from(limit)];
    Ok(database::rows(&client, &sql, values).await?.iter().map(snapshot).collect())
}

fn snapshot(row: &Row) -> Snapshot {
    Snapshot {
        id: row.get(0),
        dataset_id: row.get(1),
        name: row.get(2),
        description: row.get(3),
        xact: columns::read_xact(row.get(4)),
        created: row.get(5),
    }
}

pub(super) async fn patch(
    database: &Database,
    id: &str,
    name: Option<String>,
    description: Option<Option<String>>,
) -> Result<Option<Snapshot>, StoreError> {
    let mut client = database.client().await?;
    let transaction = client.transaction().await?;
    let sql = format!("{SELECT} WHERE dataset_snapshots.id = $1 FOR UPDATE OF dataset_snapshots");
    let Some(found) = database::row(&transaction, &sql, &[&id]).await? else { return Ok(None) };
    let mut object = snapshot(&found);
    if let Some(name) = name {
        object.name = name;
    }
    if let Some(description) = description {
        object.description = description;
    }
    store(&transaction, &object).await?;
    transaction.commit().await?;
    Ok(Some(object))
}

async fn store(on: &impl GenericClient, object: &Snapshot) -> Result<(), StoreError> {
    let sql = "UPDATE dataset_snapshots SET name = $2, description = $3, xact = $4 WHERE id = $1";
    let xact = columns::xact(object.xact);
    let values: database::Values<'_> = &[&object.id, &object.name, &object.description, &xact];
    match database::run(on, sql, values).await {
        Err(error) if conflict::is_taken(&error) => Err(StoreError::NameTaken(object.name.clone())),
        other => other.map(drop),
    }
}

pub(super) async fn delete(database: &Database, id: &str) -> Result<Option<Snapshot>, StoreError> {
    let sql = "DELETE FROM dataset_snapshots USING datasets
        WHERE dataset_snapshots.id = $1 AND datasets.number = dataset
        RETURNING dataset_snapshots.id, datasets.id, dataset_snapshots.name, description, xact,
          dataset_snapshots.created";
    let client = database.client().await?;
    Ok(database::row(&client, sql, &[&id]).await?.as_ref().map(snapshot))
}

pub(super) async fn tags(
    database: &Database,
    dataset_id: &str,
    environment: Option<&str>,
) -> Result<Vec<Tag>, StoreError> {
    let sql = "SELECT dataset_environments.id, datasets.id, environment, xact,
          dataset_environments.created
        FROM dataset_environments JOIN datasets ON datasets.number = dataset
        WHERE datasets.id = $1 AND ($2::text IS NULL OR environment = $2) ORDER BY environment";
    let client = database.client().await?;
    let found = database::rows(&client, sql, &[&dataset_id, &environment]).await?;
    Ok(found.iter().map(tag).collect())
}

fn tag(row: &Row) -> Tag {
    Tag {
        id: row.get(0),
        dataset_id: row.get(1),
        environment: row.get(2),
        xact: columns::read_xact(row.get(3)),
        created: row.get(4),
    }
}

pub(super) async fn set_tag(
    database: &Database,
    dataset_id: String,
    environment: String,
    xact: XactId,
) -> Result<Option<Tag>, StoreError> {
    let sql = "INSERT INTO dataset_environments (id, dataset, environment, xact, created)
        SELECT $1, number, $3, $4, $5 FROM datasets WHERE id = $2 FOR KEY SHARE
        ON CONFLICT (dataset, environment) DO UPDATE SET xact = excluded.xact
        RETURNING id, created";
    let values: database::Values<'_> = &[
        &Uuid::now_v7().to_string(),
        &dataset_id,
        &environment,
        &columns::xact(xact),
        &clock::now_text(),
    ];
    let client = database.client().await?;
    let set = database::row(&client, sql, values).await?;
    Ok(set.map(|row| Tag { id: row.get(0), dataset_id, environment, xact, created: row.get(1) }))
}

pub(super) async fn delete_tag(
    database: &Database,
    dataset_id: &str,
    environment: &str,
) -> Result<Option<Tag>, StoreError> {
    let sql = "DELETE FROM dataset_environments USING datasets
        WHERE datasets.id = $1 AND datasets.number = dataset AND environment = $2
        RETURNING dataset_environments.id, datasets.id, environment, xact,
          dataset_environments.created";
    let client = database.client().await?;
    Ok(database::row(&client, sql, &[&dataset_id, &environment]).await?.as_ref().map(tag))
}
