//! SQL over projects and the organisation.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value};
use tidegate_model::Destination;
use uuid::Uuid;

use crate::clock;
use crate::store::{Org, Project, ProjectFilter, Registered, StoreError};

/// Name of the organisation until somebody sets one.
const DEFAULT_ORG: &str = "local";

/// Makes the row that every store has.
pub(super) fn initialise(connection: &Connection) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO store (only, org_id, org_name, last_xact) VALUES (1, ?1, ?2, 0)
         ON CONFLICT DO NOTHING",
        params![Uuid::now_v7().to_string(), DEFAULT_ORG],
    )?;
    Ok(())
}

pub(super) fn org(connection: &Connection, rename: Option<&str>) -> Result<Org, StoreError> {
    if let Some(name) = rename {
        connection.execute("UPDATE store SET org_name = ?1", [name])?;
    }
    let org = connection.query_row("SELECT org_id, org_name FROM store", [], |row| {
        Ok(Org { id: row.get(0)?, name: row.get(1)? })
    })?;
    Ok(org)
}

pub(super) fn register_project(
    connection: &Connection,
    name: &str,
) -> Result<Registered<Project>, StoreError> {
    if let Some(object) = project_by(connection, "name", name)? {
        return Ok(Registered { object, existing: true });
    }
    let object = Project {
        id: Uuid::now_v7().to_string(),
        name: name.into(),
        created: clock::now_text(),
        details: Map::new(),
    };
    connection
        .prepare_cached("INSERT INTO projects (id, name, created) VALUES (?1, ?2, ?3)")?
        .execute([&object.id, &object.name, &object.created])?;
    Ok(Registered { object, existing: false })
}

/// Finds the project of an id, or the one of a name, made if it does not exist.
pub(super) fn project_for(
    connection: &Connection,
    id: Option<&str>,
    name: Option<&str>,
) -> Result<Project, StoreError> {
    match (id, name) {
        (Some(id), _) => project_by(connection, "id", id)?
            .ok_or_else(|| StoreError::UnknownProject(id.to_owned())),
        (None, Some(name)) => Ok(register_project(connection, name)?.object),
        (None, None) => Err(StoreError::UnknownProject(String::new())),
    }
}

/// Finds a project; `column` is `id` or `name`.
pub(super) fn project_by(
    connection: &Connection,
    column: &'static str,
    value: &str,
) -> Result<Option<Project>, StoreError> {
    let sql = format!("SELECT id, name, created, details FROM projects WHERE {column} = ?1");
    Ok(connection.prepare_cached(&sql)?.query_row([value], project).optional()?)
}

pub(super) fn projects(
    connection: &Connection,
    filter: &ProjectFilter,
) -> Result<Vec<Project>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, name, created, details FROM projects
         WHERE (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR name = ?2)
           AND (?3 IS NULL OR number < (SELECT number FROM projects WHERE id = ?3))
         ORDER BY number DESC LIMIT ?4",
    )?;
    let found = statement.query_map(
        params![filter.id, filter.name, filter.page.after, filter.page.limit],
        project,
    )?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn project(row: &rusqlite::Row<'_>) -> rusqlite::Result<Project> {
    Ok(Project {
        id: row.get(0)?,
        name: row.get(1)?,
        created: row.get(2)?,
        details: details(row, 3)?,
    })
}

/// Reads a column of details.
pub(super) fn details(
    row: &rusqlite::Row<'_>,
    column: usize,
) -> rusqlite::Result<Map<String, Value>> {
    serde_json::from_str(row.get_ref(column)?.as_str()?).map_err(|error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(error))
    })
}

/// The project of a registered object; `None` if nobody registered it.
pub(super) fn project_of(
    connection: &Connection,
    destination: &Destination,
) -> Result<Option<String>, StoreError> {
    let sql = match destination {
        Destination::Experiment(_) => {
            "SELECT projects.id FROM experiments
             JOIN projects ON projects.number = experiments.project WHERE experiments.id = ?1"
        }
        Destination::ProjectLogs(_) => "SELECT id FROM projects WHERE id = ?1",
        Destination::Dataset(_) => {
            "SELECT projects.id FROM datasets
             JOIN projects ON projects.number = datasets.project WHERE datasets.id = ?1"
        }
        // Nothing registers these.
        Destination::PlaygroundLogs(_) => return Ok(None),
    };
    let id = destination.object_id();
    Ok(connection.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?)
}
