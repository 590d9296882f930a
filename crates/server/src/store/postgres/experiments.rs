//! Registering experiments: names that are taken, and the base of the comparison.

use deadpool_postgres::{GenericClient, Transaction};
use tokio_postgres::Row;
use uuid::Uuid;

use super::conflict::TRIES;
use super::database::{self, Database};
use super::objects;
use crate::clock;
use crate::store::{Experiment, ExperimentFilter, NewExperiment, Project, Registered, StoreError};

const SELECT: &str = "SELECT experiments.id, experiments.name, projects.id, projects.name,
      experiments.created, experiments.commit_hash, experiments.base_id, experiments.details
    FROM experiments JOIN projects ON projects.number = experiments.project";

pub(super) async fn register(
    database: &Database,
    new: NewExperiment,
) -> Result<Registered<Experiment>, StoreError> {
    let mut client = database.client().await?;
    let transaction = client.transaction().await?;
    let (id, name) = (new.project_id.as_deref(), new.project_name.as_deref());
    let project = objects::project_for(&transaction, id, name).await?;
    let registered = find_or_make(&transaction, &project, &new).await?;
    transaction.commit().await?;
    Ok(registered)
}

async fn find_or_make(
    transaction: &Transaction<'_>,
    project: &Project,
    new: &NewExperiment,
) -> Result<Registered<Experiment>, StoreError> {
    let wanted = new.name.clone().unwrap_or_else(|| invent_name(project, new.branch.as_deref()));
    let mut base_id: Option<Option<String>> = None;
    for _ in 0..TRIES {
        if let Some(registration) = &new.registration
            && let Some(object) = find(transaction, project, "registration", registration).await?
        {
            return Ok(Registered { object, existing: true });
        }
        let taken = find(transaction, project, "name", &wanted).await?;
        let name = match taken {
            None => wanted.clone(),
            Some(object) if new.continue_existing => {
                return Ok(Registered { object, existing: true });
            }
            Some(_) => with_suffix(&wanted),
        };
        if base_id.is_none() {
            base_id = Some(base(transaction, project, new).await?);
        }
        let object = Experiment {
            id: Uuid::now_v7().to_string(),
            name,
            created: clock::now_text(),
            commit: new.commit.clone(),
            base_id: base_id.clone().flatten(),
            project_id: project.id.clone(),
            project_name: project.name.clone(),
            details: new.details.clone(),
        };
        if insert(transaction, &object, new.registration.as_deref()).await? {
            return Ok(Registered { object, existing: false });
        }
        // Somebody else just took the name, or this is a registration sent twice at once.
    }
    Err(StoreError::Overloaded)
}

/// Stores an experiment; `false` if its name or registration is taken.
async fn insert(
    on: &impl GenericClient,
    object: &Experiment,
    registration: Option<&str>,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO experiments
          (id, project, name, created, commit_hash, base_id, details, registration)
        VALUES ($1, (SELECT number FROM projects WHERE id = $2), $3, $4, $5, $6, $7, $8)
        ON CONFLICT DO NOTHING";
    let details = serde_json::Value::Object(object.details.clone()).to_string();
    let values: database::Values<'_> = &[
        &object.id,
        &object.project_id,
        &object.name,
        &object.created,
        &object.commit,
        &object.base_id,
        &details,
        &registration,
    ];
    Ok(database::run(on, sql, values).await? > 0)
}

/// A name a person can place: the branch (or the project) and the time.
fn invent_name(project: &Project, branch: Option<&str>) -> String {
    let stem = branch.filter(|branch| !branch.is_empty()).unwrap_or(&project.name);
    format!("{stem}-{}", clock::now().strftime("%Y%m%d-%H%M%S"))
}

/// With the random end of a version 7 id.
fn with_suffix(wanted: &str) -> String {
    let suffix = Uuid::now_v7().simple().to_string().split_off(24);
    format!("{wanted}-{suffix}")
}

/// Chooses what the experiment is compared with: what was asked for, else the newest experiment
/// of the project at an ancestor commit, else the newest of the project. Nobody deletes it before
/// the end of the transaction, so that its deletion finds who is compared with it.
async fn base(
    on: &impl GenericClient,
    project: &Project,
    new: &NewExperiment,
) -> Result<Option<String>, StoreError> {
    const IN_PROJECT: &str =
        "SELECT id FROM experiments WHERE project = (SELECT number FROM projects WHERE id = $1)";
    let wanted = match (&new.base_id, &new.base_name) {
        (Some(id), _) => {
            let sql = "SELECT id FROM experiments WHERE id = $1 FOR KEY SHARE";
            Some((id, database::row(on, sql, &[id]).await?))
        }
        (None, Some(name)) => {
            let sql = format!("{IN_PROJECT} AND name = $2 FOR KEY SHARE");
            Some((name, database::row(on, &sql, &[&project.id, name]).await?))
        }
        (None, None) => None,
    };
    if let Some((name, found)) = wanted {
        let found = found.ok_or_else(|| StoreError::UnknownBase(name.clone()))?;
        return Ok(Some(found.get(0)));
    }
    if !new.ancestor_commits.is_empty() {
        let sql = format!(
            "{IN_PROJECT} AND commit_hash = ANY($2) ORDER BY number DESC LIMIT 1 FOR KEY SHARE"
        );
        if let Some(found) = database::row(on, &sql, &[&project.id, &new.ancestor_commits]).await? {
            return Ok(Some(found.get(0)));
        }
    }
    let sql = format!("{IN_PROJECT} ORDER BY number DESC LIMIT 1 FOR KEY SHARE");
    Ok(database::row(on, &sql, &[&project.id]).await?.map(|row| row.get(0)))
}

/// Finds an experiment of a project; `column` is `name` or `registration`.
async fn find(
    on: &impl GenericClient,
    project: &Project,
    column: &'static str,
    value: &str,
) -> Result<Option<Experiment>, StoreError> {
    let sql = format!("{SELECT} WHERE projects.id = $1 AND experiments.{column} = $2");
    let found = database::row(on, &sql, &[&project.id, &value]).await?;
    found.as_ref().map(experiment).transpose()
}

pub(super) async fn list(
    database: &Database,
    filter: &ExperimentFilter,
) -> Result<Vec<Experiment>, StoreError> {
    let sql = format!(
        "{SELECT}
         WHERE ($1::text IS NULL OR experiments.id = $1)
           AND ($2::text IS NULL OR experiments.name = $2)
           AND ($3::text IS NULL OR projects.id = $3) AND ($4::text IS NULL OR projects.name = $4)
           AND ($5::text IS NULL OR
                experiments.number < (SELECT number FROM experiments WHERE id = $5))
         ORDER BY experiments.number DESC LIMIT $6"
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
    database::rows(&client, &sql, values).await?.iter().map(experiment).collect()
}

/// Finds experiments by their ids, in any order.
pub(super) async fn by_ids(
    on: &impl GenericClient,
    ids: &[&str],
) -> Result<Vec<Experiment>, StoreError> {
    let sql = format!("{SELECT} WHERE experiments.id = ANY($1)");
    database::rows(on, &sql, &[&ids]).await?.iter().map(experiment).collect()
}

fn experiment(row: &Row) -> Result<Experiment, StoreError> {
    Ok(Experiment {
        id: row.get(0),
        name: row.get(1),
        project_id: row.get(2),
        project_name: row.get(3),
        created: row.get(4),
        commit: row.get(5),
        base_id: row.get(6),
        details: objects::details(row, 7)?,
    })
}
