//! Registering experiments: names that are taken, and the base of the comparison.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::objects;
use crate::clock;
use crate::store::{
    Experiment, ExperimentFilter, NewExperiment, Page, Project, Registered, StoreError,
};

const COLUMNS: &str = "experiments.id, experiments.name, projects.id, projects.name,
    experiments.created, experiments.commit_hash, experiments.base_id, experiments.details";

pub(super) fn register(
    connection: &Connection,
    new: NewExperiment,
) -> Result<Registered<Experiment>, StoreError> {
    let (id, name) = (new.project_id.as_deref(), new.project_name.as_deref());
    let project = objects::project_for(connection, id, name)?;
    if let Some(registration) = &new.registration
        && let Some(object) = registered(connection, &project.id, registration)?
    {
        return Ok(Registered { object, existing: true });
    }
    let wanted = new.name.clone().unwrap_or_else(|| invent_name(&project, new.branch.as_deref()));
    let taken = by_name(connection, &project.id, &wanted)?;
    if let Some(object) = taken.clone().filter(|_| new.continue_existing) {
        return Ok(Registered { object, existing: true });
    }
    let name = match taken {
        None => wanted,
        Some(_) => unique_name(connection, &project.id, &wanted)?,
    };
    let object = Experiment {
        id: Uuid::now_v7().to_string(),
        name,
        created: clock::now_text(),
        commit: new.commit.clone(),
        base_id: base(connection, &project.id, &new)?,
        project_id: project.id,
        project_name: project.name,
        details: new.details,
    };
    connection
        .prepare_cached(
            "INSERT INTO experiments
               (id, project, name, created, commit_hash, base_id, details, registration)
             VALUES (?1, (SELECT number FROM projects WHERE id = ?2), ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            object.id,
            object.project_id,
            object.name,
            object.created,
            object.commit,
            object.base_id,
            serde_json::Value::Object(object.details.clone()).to_string(),
            new.registration,
        ])?;
    Ok(Registered { object, existing: false })
}

/// A name a person can place: the branch (or the project) and the time.
fn invent_name(project: &Project, branch: Option<&str>) -> String {
    let stem = branch.filter(|branch| !branch.is_empty()).unwrap_or(&project.name);
    format!("{stem}-{}", clock::now().strftime("%Y%m%d-%H%M%S"))
}

fn unique_name(
    connection: &Connection,
    project_id: &str,
    wanted: &str,
) -> Result<String, StoreError> {
    loop {
        // The random end of a version 7 id; the loop ends because 32 bits are enough.
        let suffix = Uuid::now_v7().simple().to_string().split_off(24);
        let name = format!("{wanted}-{suffix}");
        if by_name(connection, project_id, &name)?.is_none() {
            return Ok(name);
        }
    }
}

/// Chooses what the experiment is compared with: what was asked for, else the newest experiment
/// of the project at an ancestor commit, else the newest of the project.
fn base(
    connection: &Connection,
    project_id: &str,
    new: &NewExperiment,
) -> Result<Option<String>, StoreError> {
    if let Some(id) = &new.base_id {
        let filter = ExperimentFilter { id: Some(id.clone()), ..newest() };
        let found = list(connection, &filter)?.pop();
        return found.map(|base| Some(base.id)).ok_or_else(|| StoreError::UnknownBase(id.clone()));
    }
    if let Some(name) = &new.base_name {
        let found = by_name(connection, project_id, name)?;
        return found
            .map(|base| Some(base.id))
            .ok_or_else(|| StoreError::UnknownBase(name.clone()));
    }
    let ancestors: HashSet<&str> = new.ancestor_commits.iter().map(String::as_str).collect();
    let mut statement = connection.prepare_cached(
        "SELECT experiments.id, commit_hash FROM experiments
         WHERE project = (SELECT number FROM projects WHERE id = ?1) ORDER BY number DESC",
    )?;
    let mut rows = statement.query([project_id])?;
    let mut previous = None;
    while let Some(row) = rows.next()? {
        let commit = row.get_ref(1)?.as_str_or_null().map_err(rusqlite::Error::from)?;
        if commit.is_some_and(|commit| ancestors.contains(commit)) {
            return Ok(Some(row.get(0)?));
        }
        if previous.is_none() {
            previous = Some(row.get(0)?);
        }
        if ancestors.is_empty() {
            break;
        }
    }
    Ok(previous)
}

fn newest() -> ExperimentFilter {
    ExperimentFilter::all(Page::first())
}

/// Finds what an earlier registration of the same name made.
fn registered(
    connection: &Connection,
    project_id: &str,
    registration: &str,
) -> Result<Option<Experiment>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM experiments JOIN projects ON projects.number = experiments.project
         WHERE projects.id = ?1 AND experiments.registration = ?2"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row([project_id, registration], experiment).optional()?)
}

fn by_name(
    connection: &Connection,
    project_id: &str,
    name: &str,
) -> Result<Option<Experiment>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM experiments JOIN projects ON projects.number = experiments.project
         WHERE projects.id = ?1 AND experiments.name = ?2"
    );
    Ok(connection.prepare_cached(&sql)?.query_row([project_id, name], experiment).optional()?)
}

pub(super) fn list(
    connection: &Connection,
    filter: &ExperimentFilter,
) -> Result<Vec<Experiment>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM experiments JOIN projects ON projects.number = experiments.project
         WHERE (?1 IS NULL OR experiments.id = ?1) AND (?2 IS NULL OR experiments.name = ?2)
           AND (?3 IS NULL OR projects.id = ?3) AND (?4 IS NULL OR projects.name = ?4)
           AND (?5 IS NULL OR
                experiments.number < (SELECT number FROM experiments WHERE id = ?5))
         ORDER BY experiments.number DESC LIMIT ?6"
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
        experiment,
    )?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn experiment(row: &rusqlite::Row<'_>) -> rusqlite::Result<Experiment> {
    Ok(Experiment {
        id: row.get(0)?,
        name: row.get(1)?,
        project_id: row.get(2)?,
        project_name: row.get(3)?,
        created: row.get(4)?,
        commit: row.get(5)?,
        base_id: row.get(6)?,
        details: objects::details(row, 7)?,
    })
}
