//! SQL over projects and the organisation.

use std::sync::Arc;

use deadpool_postgres::{GenericClient, Transaction};
use serde_json::{Map, Value};
use tidegate_model::Destination;
use tokio_postgres::Row;
use uuid::Uuid;

use super::conflict::TRIES;
use super::database::{self, Database};
use crate::clock;
use crate::store::{Org, Project, ProjectFilter, Registered, StoreError};

/// Name of the organisation until somebody sets one.
const DEFAULT_ORG: &str = "local";

const COLUMNS: &str = "id, name, created, details";

/// Makes the row that every store has.
pub(super) async fn initialise(database: &Database) -> Result<(), StoreError> {
    let sql = "INSERT INTO store (org_id, org_name) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    let client = database.client().await?;
    database::run(&client, sql, &[&Uuid::now_v7().to_string(), &DEFAULT_ORG]).await?;
    Ok(())
}

pub(super) async fn org(database: &Database, rename: Option<&str>) -> Result<Org, StoreError> {
    let client = database.client().await?;
    let row = match rename {
        Some(name) => {
            let sql = "UPDATE store SET org_name = $1 RETURNING org_id, org_name";
            database::one(&client, sql, &[&name]).await?
        }
        // What says whether the store is ready must know of a standby, too.
        None => {
            let sql = "SELECT org_id, org_name FROM store
                WHERE current_setting('transaction_read_only') = 'off'";
            let found = database::row(&client, sql, &[]).await?;
            found.ok_or_else(|| StoreError::Unreachable(Arc::new(database::ReadOnly)))?
        }
    };
    Ok(Org { id: row.get(0), name: row.get(1) })
}

pub(super) async fn register_project(
    database: &Database,
    name: &str,
) -> Result<Registered<Project>, StoreError> {
    let client = database.client().await?;
    for _ in 0..TRIES {
        if let Some(object) = find(&client, "name", name, Hold::Nothing).await? {
            return Ok(Registered { object, existing: true });
        }
        if let Some(object) = make(&client, name).await? {
            return Ok(Registered { object, existing: false });
        }
    }
    Err(StoreError::Overloaded)
}

/// Finds the project of an id, or the one of a name, made if it does not exist. Nobody deletes it
/// before the end of the transaction.
pub(super) async fn project_for(
    transaction: &Transaction<'_>,
    id: Option<&str>,
    name: Option<&str>,
) -> Result<Project, StoreError> {
    let (None, Some(name)) = (id, name) else {
        let id = id.unwrap_or_default();
        let found = find(transaction, "id", id, Hold::Project).await?;
        return found.ok_or_else(|| StoreError::UnknownProject(id.to_owned()));
    };
    for _ in 0..TRIES {
        if let Some(found) = find(transaction, "name", name, Hold::Project).await? {
            return Ok(found);
        }
        if let Some(made) = make(transaction, name).await? {
            return Ok(made);
        }
    }
    Err(StoreError::Overloaded)
}

/// Makes a project; `None` if somebody else just did.
async fn make(on: &impl GenericClient, name: &str) -> Result<Option<Project>, StoreError> {
    let object = Project {
        id: Uuid::now_v7().to_string(),
        name: name.into(),
        created: clock::now_text(),
        details: Map::new(),
    };
    let sql = "INSERT INTO projects (id, name, created) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    let made = database::run(on, sql, &[&object.id, &object.name, &object.created]).await?;
    Ok((made > 0).then_some(object))
}

/// What is kept from changing until the end of the transaction.
#[derive(Clone, Copy)]
enum Hold {
    Nothing,
    /// It can be neither deleted nor renamed.
    Project,
}

/// Finds a project; `column` is `id` or `name`.
async fn find(
    on: &impl GenericClient,
    column: &'static str,
    value: &str,
    hold: Hold,
) -> Result<Option<Project>, StoreError> {
    let lock = match hold {
        Hold::Nothing => "",
        Hold::Project => "FOR KEY SHARE",
    };
    let sql = format!("SELECT {COLUMNS} FROM projects WHERE {column} = $1 {lock}");
    database::row(on, &sql, &[&value]).await?.as_ref().map(project).transpose()
}

pub(super) async fn projects(
    database: &Database,
    filter: &ProjectFilter,
) -> Result<Vec<Project>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM projects
         WHERE ($1::text IS NULL OR id = $1) AND ($2::text IS NULL OR name = $2)
           AND ($3::text IS NULL OR number < (SELECT number FROM projects WHERE id = $3))
         ORDER BY number DESC LIMIT $4"
    );
    let limit = i64::from(filter.page.limit);
    let client = database.client().await?;
    let values: database::Values<'_> = &[&filter.id, &filter.name, &filter.page.after, &limit];
    database::rows(&client, &sql, values).await?.iter().map(project).collect()
}

fn project(row: &Row) -> Result<Project, StoreError> {
    Ok(Project { id: row.get(0), name: row.get(1), created: row.get(2), details: details(row, 3)? })
}

/// Reads a column of details.
pub(super) fn details(row: &Row, column: usize) -> Result<Map<String, Value>, StoreError> {
    serde_json::from_str(row.get(column))
        .map_err(|error| StoreError::Damaged(format!("details of an object: {error}")))
}

/// The project of a registered object; `None` if nobody registered it.
pub(super) async fn project_of(
    database: &Database,
    destination: &Destination,
) -> Result<Option<String>, StoreError> {
    let sql = match destination {
        Destination::Experiment(_) => {
            "SELECT projects.id FROM experiments
             JOIN projects ON projects.number = experiments.project WHERE experiments.id = $1"
        }
        Destination::ProjectLogs(_) => "SELECT id FROM projects WHERE id = $1",
        Destination::Dataset(_) => {
            "SELECT projects.id FROM datasets
             JOIN projects ON projects.number = datasets.project WHERE datasets.id = $1"
        }
        // Nothing registers these.
        Destination::PlaygroundLogs(_) => return Ok(None),
    };
    let client = database.client().await?;
    let found = database::row(&client, sql, &[&destination.object_id()]).await?;
    Ok(found.map(|row| row.get(0)))
}
