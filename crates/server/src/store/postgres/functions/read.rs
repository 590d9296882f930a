//! SQL that finds functions at one of their versions.

use std::fmt::Write as _;

use deadpool_postgres::GenericClient;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::super::columns;
use super::super::database::{self, Database};
use crate::store::{At, Function, FunctionFilter, FunctionPage, StoreError};

/// A page of long definitions ends early.
const PAGE_BYTES: usize = 32 << 20;
/// Functions fetched at once; each may be some megabytes.
const FETCH: i32 = 16;

const COLUMNS: &str = "functions.id, projects.id, functions.created, version.xact, functions.slug,
    version.name, version.kind, version.document";

/// A function beside its newest version not after the first value.
const AT_XACT: &str = "FROM functions
    JOIN projects ON projects.number = functions.project
    JOIN LATERAL (SELECT * FROM function_versions
      WHERE function = functions.number AND xact <= $1
      ORDER BY xact DESC LIMIT 1) AS version ON true";

/// A function beside the version that the environment of the first value uses.
const AT_ENVIRONMENT: &str = "FROM functions
    JOIN projects ON projects.number = functions.project
    JOIN function_environments AS tags ON tags.function = functions.number
      AND tags.environment = $1
    JOIN LATERAL (SELECT * FROM function_versions
      WHERE function = functions.number AND xact <= tags.xact
      ORDER BY xact DESC LIMIT 1) AS version ON true";

/// Lists functions. Only the conditions that are set are in the statement, so that a slug or an id
/// is looked up instead of reading all functions.
pub(super) async fn page(
    database: &Database,
    filter: &FunctionFilter,
    limit: u32,
) -> Result<FunctionPage, StoreError> {
    let (sql, values) = statement(filter, limit);
    let mut client = database.client().await?;
    let transaction = client.build_transaction().read_only(true).start().await?;
    let prepared = transaction.prepare_cached(&sql).await?;
    let values: Vec<_> = values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect();
    let portal = transaction.bind(&prepared, &values).await?;
    let (mut functions, mut bytes, mut more) = (Vec::new(), 0, false);
    'page: loop {
        let rows = transaction.query_portal(&portal, FETCH).await?;
        for row in &rows {
            let function = function(row)?;
            bytes += function.text.len();
            if functions.len() == limit as usize || (bytes > PAGE_BYTES && !functions.is_empty()) {
                more = true;
                break 'page;
            }
            functions.push(function);
        }
        if rows.len() < FETCH as usize {
            break;
        }
    }
    if filter.before.is_some() {
        functions.reverse();
    }
    Ok(FunctionPage { functions, more })
}

/// The statement of a page, which gives one function more if there are more.
fn statement(filter: &FunctionFilter, limit: u32) -> (String, Vec<Box<dyn ToSql + Sync + Send>>) {
    let newest = i64::MAX;
    let (from, first): (&str, Box<dyn ToSql + Sync + Send>) = match &filter.at {
        At::Newest => (AT_XACT, Box::new(newest)),
        At::Version(xact) => (AT_XACT, Box::new(columns::xact(*xact))),
        At::Environment(environment) => (AT_ENVIRONMENT, Box::new(environment.clone())),
    };
    let mut sql = format!("SELECT {COLUMNS} {from} WHERE true");
    let mut values = vec![first];
    if let Some(ids) = &filter.ids {
        sql.push_str(" AND functions.id = ANY($2)");
        values.push(Box::new(ids.clone()));
    }
    let conditions = [
        ("functions.slug = ", "", &filter.slug),
        ("version.name = ", "", &filter.name),
        ("version.kind = ", "", &filter.kind),
        ("version.function_type = ", "", &filter.function_type),
        ("projects.id = ", "", &filter.project_id),
        ("projects.name = ", "", &filter.project_name),
        ("functions.number < (SELECT number FROM functions WHERE id = ", ")", &filter.after),
        ("functions.number > (SELECT number FROM functions WHERE id = ", ")", &filter.before),
    ];
    for (before, after, value) in conditions {
        let Some(value) = value else { continue };
        values.push(Box::new(value.clone()));
        let number = values.len();
        write!(sql, " AND {before}${number}{after}").expect("a string");
    }
    let order = if filter.before.is_some() { "" } else { "DESC" };
    values.push(Box::new(i64::from(limit) + 1));
    let number = values.len();
    write!(sql, " ORDER BY functions.number {order} LIMIT ${number}").expect("a string");
    (sql, values)
}

/// Finds a function at its newest version.
pub(super) async fn by_id(
    on: &impl GenericClient,
    id: &str,
) -> Result<Option<Function>, StoreError> {
    let sql = format!("SELECT {COLUMNS} {AT_XACT} WHERE functions.id = $2");
    database::row(on, &sql, &[&i64::MAX, &id]).await?.as_ref().map(function).transpose()
}

/// Finds the function of a slug at its newest version.
pub(super) async fn by_slug(
    on: &impl GenericClient,
    project_id: &str,
    slug: &str,
) -> Result<Option<Function>, StoreError> {
    let sql = format!("SELECT {COLUMNS} {AT_XACT} WHERE projects.id = $2 AND functions.slug = $3");
    let found = database::row(on, &sql, &[&i64::MAX, &project_id, &slug]).await?;
    found.as_ref().map(function).transpose()
}

/// Finds the id of the function of a slug, which need not have a version yet.
pub(super) async fn id_of(
    on: &impl GenericClient,
    project_id: &str,
    slug: &str,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT id FROM functions
        WHERE slug = $1 AND project = (SELECT number FROM projects WHERE id = $2)";
    Ok(database::row(on, sql, &[&slug, &project_id]).await?.map(|row| row.get(0)))
}

fn function(row: &Row) -> Result<Function, StoreError> {
    Ok(Function {
        id: row.get(0),
        project_id: row.get(1),
        created: row.get(2),
        xact: columns::read_xact(row.get(3)),
        slug: row.get(4),
        name: row.get(5),
        kind: row.get(6),
        text: columns::text(row.get(7))?.into_owned(),
    })
}
