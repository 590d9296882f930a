//! Projects and experiments with their sums.

use rusqlite::{Connection, OptionalExtension};
use tidegate_model::Destination;

use super::super::experiments;
use super::super::objects::project_of;
use super::super::row_tables::object_number;
use super::summaries;
use crate::store::index::overview::{Sums, cut, matches, number_key};
use crate::store::index::summary;
use crate::store::{
    Changed, ExperimentFilter, ExperimentOverview, ExperimentQuery, ExperimentSort, Page, Place,
    Portion, ProjectOverview, ProjectQuery, ProjectSort, SearchScope, SortKey, StoreError,
};

/// Numbers of a project's objects that have rows: its experiments, its datasets and its logs.
pub(super) fn objects(connection: &Connection, project_id: &str) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT objects.number FROM projects
           JOIN experiments ON experiments.project = projects.number
           JOIN objects ON objects.kind = 'experiment' AND objects.id = experiments.id
         WHERE projects.id = ?1
         UNION ALL SELECT objects.number FROM projects
           JOIN datasets ON datasets.project = projects.number
           JOIN objects ON objects.kind = 'dataset' AND objects.id = datasets.id
         WHERE projects.id = ?1
         UNION ALL SELECT number FROM objects WHERE kind = 'project_logs' AND id = ?1",
    )?;
    let numbers = statement.query_map([project_id], |row| row.get(0))?;
    Ok(numbers.collect::<Result<_, _>>()?)
}

/// Numbers of the objects a search looks at; the inner `None` stands for all, the outer one for
/// none.
pub(super) fn scope(
    connection: &Connection,
    scope: &SearchScope,
) -> Result<Option<Option<Vec<i64>>>, StoreError> {
    Ok(match scope {
        SearchScope::Everything => Some(None),
        SearchScope::Project(id) => Some(Some(objects(connection, id)?)),
        SearchScope::Object(object) => {
            object_number(connection, object)?.map(|one| Some(vec![one]))
        }
    })
}

/// Reads one page of projects.
pub(super) fn projects(
    connection: &Connection,
    query: &ProjectQuery,
) -> Result<Portion<ProjectOverview>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT number, id, name, created FROM projects")?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let (number, id): (i64, String) = (row.get(0)?, row.get(1)?);
        let (name, created): (String, String) = (row.get(2)?, row.get(3)?);
        let shown = query.only.as_ref().is_none_or(|only| *only == id);
        if !shown || !matches(&name, query.search.as_ref()) {
            continue;
        }
        let key = match query.sort {
            ProjectSort::Created => SortKey::Number(None),
            ProjectSort::Name => SortKey::Text(name.to_lowercase()),
            ProjectSort::LastWrite => number_key(project_sums(connection, &id)?.xact),
        };
        all.push((Place { key, number, text: String::new() }, (id, name, created)));
    }
    let page = cut(all, query.order, query.after.as_ref(), query.limit);
    let mut count =
        connection.prepare_cached("SELECT count(*) FROM experiments WHERE project = ?1")?;
    let items = page.items.into_iter().map(|(place, (id, name, created))| {
        let sums = project_sums(connection, &id)?;
        let experiments: i64 = count.query_row([place.number], |row| row.get(0))?;
        Ok(ProjectOverview {
            id,
            name,
            created,
            experiments: experiments.cast_unsigned(),
            rows: sums.rows.cast_unsigned(),
            last_write: sums.last_write(),
        })
    });
    Ok(Portion { items: items.collect::<Result<_, StoreError>>()?, next: page.next })
}

fn project_sums(connection: &Connection, id: &str) -> Result<Sums, StoreError> {
    let mut sums = Sums::default();
    for object in objects(connection, id)? {
        let one = object_sums(connection, object)?;
        sums.cases += one.cases;
        sums.errors += one.errors;
        sums.rows += one.rows;
        sums.xact = sums.xact.max(one.xact);
    }
    Ok(sums)
}

fn object_sums(connection: &Connection, object: i64) -> Result<Sums, StoreError> {
    let sums = connection
        .prepare_cached("SELECT cases, errors, rows, xact FROM tallies WHERE number = ?1")?
        .query_row([object], |row| {
            Ok(Sums {
                cases: row.get(0)?,
                errors: row.get(1)?,
                rows: row.get(2)?,
                xact: row.get(3)?,
            })
        })
        .optional()?;
    Ok(sums.unwrap_or_default())
}

/// Looks objects up by number, with their sums; those that are gone are left out.
pub(super) fn tallied(
    connection: &Connection,
    objects: &[i64],
) -> Result<Vec<Changed>, StoreError> {
    let mut find = connection.prepare_cached("SELECT kind, id FROM objects WHERE number = ?1")?;
    let mut changes = Vec::new();
    for object in objects {
        let found: Option<(String, String)> =
            find.query_row([object], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let named = found.and_then(|(kind, id)| Destination::from_kind(&kind, &id));
        let Some(destination) = named else { continue };
        let sums = object_sums(connection, *object)?;
        changes.push(sums.of_changed(&destination, project_of(connection, &destination)?));
    }
    Ok(changes)
}

/// Reads one page of a project's experiments.
pub(super) fn experiments(
    connection: &Connection,
    query: &ExperimentQuery,
) -> Result<Portion<ExperimentOverview>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT experiments.number, experiments.id, experiments.name FROM experiments
           JOIN projects ON projects.number = experiments.project WHERE projects.id = ?1",
    )?;
    let mut rows = statement.query([&query.project_id])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let (number, id, name): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if !matches(&name, query.search.as_ref()) {
            continue;
        }
        let object = object_number(connection, &Destination::Experiment(id.clone()))?;
        let sums = |connection| match object {
            Some(object) => object_sums(connection, object),
            None => Ok(Sums::default()),
        };
        let key = match &query.sort {
            ExperimentSort::Created => SortKey::Number(None),
            ExperimentSort::Name => SortKey::Text(name.to_lowercase()),
            ExperimentSort::Cases => number_key(sums(connection)?.cases),
            ExperimentSort::Errors => number_key(sums(connection)?.errors),
            ExperimentSort::LastWrite => number_key(sums(connection)?.xact),
            ExperimentSort::Figure(figure) => {
                SortKey::Number(summary::mean(&summary(connection, object)?, figure)?)
            }
        };
        all.push((Place { key, number, text: String::new() }, (id, object)));
    }
    let page = cut(all, query.order, query.after.as_ref(), query.limit);
    let mut items = Vec::new();
    for (_, (id, object)) in page.items {
        let filter = ExperimentFilter { id: Some(id), ..ExperimentFilter::all(Page::first()) };
        let Some(experiment) = experiments::list(connection, &filter)?.pop() else { continue };
        let sums = match object {
            Some(object) => object_sums(connection, object)?,
            None => Sums::default(),
        };
        items.push(ExperimentOverview {
            experiment,
            cases: sums.cases.cast_unsigned(),
            errors: sums.errors.cast_unsigned(),
            rows: sums.rows.cast_unsigned(),
            last_write: sums.last_write(),
            summary: summary(connection, object)?,
        });
    }
    Ok(Portion { items, next: page.next })
}

fn summary(connection: &Connection, object: Option<i64>) -> Result<String, StoreError> {
    match object {
        Some(object) => summaries::read(connection, object),
        None => Ok(summary::EMPTY.into()),
    }
}
