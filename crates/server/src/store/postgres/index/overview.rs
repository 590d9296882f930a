//! Projects and experiments with their sums.

use std::collections::HashMap;

use deadpool_postgres::Transaction;
use tidegate_model::Destination;

use super::summaries;
use crate::store::index::overview::{Sums, cut, matches, number_key};
use crate::store::index::summary;
use crate::store::postgres::read::object_number;
use crate::store::postgres::{database, experiments};
use crate::store::{
    Changed, ExperimentOverview, ExperimentQuery, ExperimentSort, Place, Portion, ProjectOverview,
    ProjectQuery, ProjectSort, SearchScope, SortKey, StoreError,
};

/// Objects with rows and the project they belong to: its experiments, its datasets and its logs.
const BELONGING: &str = "SELECT experiments.project, objects.number FROM experiments
      JOIN objects ON objects.kind = 'experiment' AND objects.id = experiments.id AND NOT deleted
    UNION ALL SELECT datasets.project, objects.number FROM datasets
      JOIN objects ON objects.kind = 'dataset' AND objects.id = datasets.id AND NOT deleted
    UNION ALL SELECT projects.number, objects.number FROM projects
      JOIN objects ON objects.kind = 'project_logs' AND objects.id = projects.id AND NOT deleted";

/// Numbers of a project's objects that have rows.
pub(super) async fn objects(
    on: &Transaction<'_>,
    project_id: &str,
) -> Result<Vec<i64>, StoreError> {
    let sql = format!(
        "SELECT number FROM ({BELONGING}) AS belonging (project, number)
         WHERE project = (SELECT number FROM projects WHERE id = $1)"
    );
    let rows = database::rows(on, &sql, &[&project_id]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Numbers of the objects a search looks at; the inner `None` stands for all, the outer one for
/// none.
pub(super) async fn scope(
    on: &Transaction<'_>,
    scope: &SearchScope,
) -> Result<Option<Option<Vec<i64>>>, StoreError> {
    Ok(match scope {
        SearchScope::Everything => Some(None),
        SearchScope::Project(id) => Some(Some(objects(on, id).await?)),
        SearchScope::Object(object) => object_number(on, object).await?.map(|one| Some(vec![one])),
    })
}

/// Reads one page of projects.
pub(super) async fn projects(
    on: &Transaction<'_>,
    query: &ProjectQuery,
) -> Result<Portion<ProjectOverview>, StoreError> {
    let sql = "SELECT number, id, name, created FROM projects WHERE $1::text IS NULL OR id = $1";
    let rows = database::rows(on, sql, &[&query.only]).await?;
    let mut shown: Vec<(i64, String, String, String)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
    shown.retain(|(_, _, name, _)| matches(name, query.search.as_ref()));
    let mut sums = HashMap::new();
    if query.sort == ProjectSort::LastWrite {
        sums = project_sums(on, shown.iter().map(|(number, ..)| *number).collect()).await?;
    }
    let all = shown.into_iter().map(|(number, id, name, created)| {
        let key = match query.sort {
            ProjectSort::Created => SortKey::Number(None),
            ProjectSort::Name => SortKey::Text(name.to_lowercase()),
            ProjectSort::LastWrite => number_key(sums.get(&number).map_or(0, |(s, _)| s.xact)),
        };
        (Place { key, number, text: String::new() }, (id, name, created))
    });
    let page = cut(all.collect(), query.order, query.after.as_ref(), query.limit);
    let sums = project_sums(on, page.items.iter().map(|(place, _)| place.number).collect()).await?;
    let items = page.items.into_iter().map(|(place, (id, name, created))| {
        let (sums, experiments) = sums.get(&place.number).copied().unwrap_or_default();
        ProjectOverview {
            id,
            name,
            created,
            experiments: experiments.cast_unsigned(),
            rows: sums.rows.cast_unsigned(),
            last_write: sums.last_write(),
        }
    });
    Ok(Portion { items: items.collect(), next: page.next })
}

/// The sums of projects by number, and how many experiments they have.
async fn project_sums(
    on: &Transaction<'_>,
    projects: Vec<i64>,
) -> Result<HashMap<i64, (Sums, i64)>, StoreError> {
    let sql = format!(
        "SELECT project, sum(cases)::bigint, sum(errors)::bigint, sum(rows)::bigint, max(xact),
           (SELECT count(*) FROM experiments WHERE experiments.project = listed.project)
         FROM unnest($1::bigint[]) AS listed (project)
           LEFT JOIN ({BELONGING}) AS belonging (project, number) USING (project)
           LEFT JOIN tallies ON tallies.object = belonging.number
         GROUP BY project"
    );
    let rows = database::rows(on, &sql, &[&projects]).await?;
    let sums = rows.iter().map(|row| (row.get(0), (sums(row, 1), row.get(5))));
    Ok(sums.collect())
}

/// Reads cases, errors, rows and the newest transaction from the columns from `first`.
fn sums(row: &tokio_postgres::Row, first: usize) -> Sums {
    let column = |at| row.get::<_, Option<i64>>(first + at).unwrap_or_default();
    Sums { cases: column(0), errors: column(1), rows: column(2), xact: column(3) }
}

/// Looks objects up by number, with their sums; those that are gone are left out.
pub(super) async fn tallied(
    on: &Transaction<'_>,
    objects: &[i64],
) -> Result<Vec<Changed>, StoreError> {
    let sql = "SELECT kind, objects.id, cases, errors, rows, xact, CASE kind
           WHEN 'project_logs' THEN (SELECT id FROM projects WHERE projects.id = objects.id)
           WHEN 'experiment' THEN (SELECT projects.id FROM experiments
             JOIN projects ON projects.number = experiments.project
             WHERE experiments.id = objects.id)
           WHEN 'dataset' THEN (SELECT projects.id FROM datasets
             JOIN projects ON projects.number = datasets.project WHERE datasets.id = objects.id)
         END
        FROM objects LEFT JOIN tallies ON tallies.object = objects.number
        WHERE objects.number = ANY($1) AND NOT deleted ORDER BY objects.number";
    let rows = database::rows(on, sql, &[&objects]).await?;
    let changes = rows.iter().filter_map(|row| {
        let destination = Destination::from_kind(row.get(0), row.get(1))?;
        Some(sums(row, 2).of_changed(&destination, row.get(6)))
    });
    Ok(changes.collect())
}

/// An experiment of a list.
struct Listed {
    id: String,
    object: Option<i64>,
    sums: Sums,
}

/// Reads one page of a project's experiments. `behind` gets the objects whose stored summaries are
/// out of date.
pub(super) async fn experiments(
    on: &Transaction<'_>,
    query: &ExperimentQuery,
    behind: &mut Vec<i64>,
) -> Result<Portion<ExperimentOverview>, StoreError> {
    let sql = "SELECT experiments.number, experiments.id, experiments.name, objects.number,
          cases, errors, rows, xact
        FROM experiments JOIN projects ON projects.number = experiments.project
          LEFT JOIN objects ON objects.kind = 'experiment' AND objects.id = experiments.id
            AND NOT deleted
          LEFT JOIN tallies ON tallies.object = objects.number
        WHERE projects.id = $1";
    let rows = database::rows(on, sql, &[&query.project_id]).await?;
    let rows = rows.iter().filter(|row| matches(row.get(2), query.search.as_ref()));
    let mut all = Vec::new();
    for row in rows {
        let (number, object, sums) = (row.get(0), row.get(3), sums(row, 4));
        let key = match &query.sort {
            ExperimentSort::Created | ExperimentSort::Figure(_) => SortKey::Number(None),
            ExperimentSort::Name => SortKey::Text(row.get::<_, &str>(2).to_lowercase()),
            ExperimentSort::Cases => number_key(sums.cases),
            ExperimentSort::Errors => number_key(sums.errors),
            ExperimentSort::LastWrite => number_key(sums.xact),
        };
        let listed = Listed { id: row.get(1), object, sums };
        all.push((Place { key, number, text: String::new() }, listed));
    }
    let mut summaries = HashMap::new();
    if let ExperimentSort::Figure(figure) = &query.sort {
        summaries = summaries_of(on, &all, behind).await?;
        for (place, listed) in &mut all {
            let summary = listed.object.and_then(|object| summaries.get(&object));
            let mean = summary.map(|summary| summary::mean(summary, figure)).transpose()?;
            place.key = SortKey::Number(mean.flatten());
        }
    }
    let page = cut(all, query.order, query.after.as_ref(), query.limit);
    if summaries.is_empty() {
        summaries = summaries_of(on, &page.items, behind).await?;
    }
    let ids: Vec<&str> = page.items.iter().map(|(_, listed)| listed.id.as_str()).collect();
    let mut found: HashMap<String, _> =
        experiments::by_ids(on, &ids).await?.into_iter().map(|one| (one.id.clone(), one)).collect();
    let items = page.items.into_iter().filter_map(|(_, Listed { id, object, sums })| {
        Some(ExperimentOverview {
            experiment: found.remove(&id)?,
            cases: sums.cases.cast_unsigned(),
            errors: sums.errors.cast_unsigned(),
            rows: sums.rows.cast_unsigned(),
            last_write: sums.last_write(),
            summary: object
                .and_then(|object| summaries.get(&object).cloned())
                .unwrap_or_else(|| summary::EMPTY.into()),
        })
    });
    Ok(Portion { items: items.collect(), next: page.next })
}

async fn summaries_of(
    on: &Transaction<'_>,
    listed: &[(Place, Listed)],
    behind: &mut Vec<i64>,
) -> Result<HashMap<i64, String>, StoreError> {
    let objects: Vec<i64> = listed.iter().filter_map(|(_, listed)| listed.object).collect();
    summaries::read(on, &objects, behind).await
}
