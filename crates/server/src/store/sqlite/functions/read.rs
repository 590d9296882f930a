//! SQL that finds functions at one of their versions.

use rusqlite::{Connection, OptionalExtension, ToSql, named_params};
use tidegate_model::XactId;

use super::super::documents;
use crate::store::{At, Function, FunctionFilter, FunctionPage, StoreError};

/// A page of long definitions ends early.
const PAGE_BYTES: usize = 32 << 20;

const COLUMNS: &str = "functions.id, projects.id, functions.created, versions.xact, functions.slug,
    versions.name, versions.kind, versions.document";

/// A function beside its newest version not after `:xact`.
const AT_XACT: &str = "FROM functions
    JOIN projects ON projects.number = functions.project
    JOIN function_versions AS versions ON versions.function = functions.number
      AND versions.xact = (SELECT max(xact) FROM function_versions
                           WHERE function = functions.number AND xact <= :xact)";

/// A function beside the version that `:environment` uses.
const AT_ENVIRONMENT: &str = "FROM functions
    JOIN projects ON projects.number = functions.project
    JOIN function_environments AS tags ON tags.function = functions.number
      AND tags.environment = :environment
    JOIN function_versions AS versions ON versions.function = functions.number
      AND versions.xact = (SELECT max(xact) FROM function_versions
                           WHERE function = functions.number AND xact <= tags.xact)";

/// Lists functions. Only the conditions that are set are in the statement, so that SQLite looks up
/// a slug or an id instead of reading all functions.
pub(super) fn page(
    connection: &Connection,
    filter: &FunctionFilter,
    limit: u32,
) -> Result<FunctionPage, StoreError> {
    let ids = filter.ids.as_ref().map(|ids| serde_json::json!(ids).to_string());
    let conditions: [(&str, &str, &Option<String>); 9] = [
        (":ids", "functions.id IN (SELECT value FROM json_each(:ids))", &ids),
        (":slug", "functions.slug = :slug", &filter.slug),
        (":name", "versions.name = :name", &filter.name),
        (":kind", "versions.kind = :kind", &filter.kind),
        (":function_type", "versions.function_type = :function_type", &filter.function_type),
        (
            ":project_id",
            "functions.project = (SELECT number FROM projects WHERE id = :project_id)",
            &filter.project_id,
        ),
        (
            ":project_name",
            "functions.project = (SELECT number FROM projects WHERE name = :project_name)",
            &filter.project_name,
        ),
        (
            ":after",
            "functions.number < (SELECT number FROM functions WHERE id = :after)",
            &filter.after,
        ),
        (
            ":before",
            "functions.number > (SELECT number FROM functions WHERE id = :before)",
            &filter.before,
        ),
    ];
    let set: Vec<_> = conditions.into_iter().filter(|(_, _, value)| value.is_some()).collect();
    let (xact, environment) = match &filter.at {
        At::Newest => (Some(i64::MAX), None),
        At::Version(xact) => (Some(xact.as_u64().cast_signed()), None),
        At::Environment(environment) => (None, Some(environment)),
    };
    let from = if environment.is_some() { AT_ENVIRONMENT } else { AT_XACT };
    let mut sql = format!("SELECT {COLUMNS} {from}");
    for (index, (_, condition, _)) in set.iter().enumerate() {
        sql.push_str(if index == 0 { " WHERE " } else { " AND " });
        sql.push_str(condition);
    }
    let backwards = filter.before.is_some();
    sql.push_str(if backwards {
        " ORDER BY functions.number LIMIT :limit"
    } else {
        " ORDER BY functions.number DESC LIMIT :limit"
    });
    // One more, to see whether there are more.
    let most = i64::from(limit) + 1;
    let mut values: Vec<(&str, &dyn ToSql)> = vec![(":limit", &most)];
    values.extend(set.iter().map(|(name, _, value)| (*name, *value as &dyn ToSql)));
    if let Some(xact) = &xact {
        values.push((":xact", xact));
    }
    if let Some(environment) = &environment {
        values.push((":environment", environment));
    }
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(values.as_slice())?;
    let (mut functions, mut bytes, mut more) = (Vec::new(), 0, false);
    while let Some(row) = rows.next()? {
        let function = function(row)?;
        bytes += function.text.len();
        if functions.len() == limit as usize || (bytes > PAGE_BYTES && !functions.is_empty()) {
            more = true;
            break;
        }
        functions.push(function);
    }
    if backwards {
        functions.reverse();
    }
    Ok(FunctionPage { functions, more })
}

/// Finds a function at its newest version.
pub(super) fn by_id(connection: &Connection, id: &str) -> Result<Option<Function>, StoreError> {
    let sql = format!("SELECT {COLUMNS} {AT_XACT} WHERE functions.id = :id");
    let values = named_params! {":xact": i64::MAX, ":id": id};
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_row(values, |row| Ok(function(row))).optional()?.transpose()
}

/// Finds the function of a slug at its newest version.
pub(super) fn by_slug(
    connection: &Connection,
    project_id: &str,
    slug: &str,
) -> Result<Option<Function>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} {AT_XACT} WHERE functions.slug = :slug
           AND functions.project = (SELECT number FROM projects WHERE id = :project_id)"
    );
    let values = named_params! {":xact": i64::MAX, ":slug": slug, ":project_id": project_id};
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_row(values, |row| Ok(function(row))).optional()?.transpose()
}

/// Finds the id of the function of a slug, which need not have a version yet.
pub(super) fn id_of(
    connection: &Connection,
    project_id: &str,
    slug: &str,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT id FROM functions
               WHERE slug = ?1 AND project = (SELECT number FROM projects WHERE id = ?2)";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row([slug, project_id], |row| row.get(0)).optional()?)
}

fn function(row: &rusqlite::Row<'_>) -> Result<Function, StoreError> {
    Ok(Function {
        id: row.get(0)?,
        project_id: row.get(1)?,
        created: row.get(2)?,
        xact: XactId::from_u64(row.get::<_, i64>(3)?.cast_unsigned()),
        slug: row.get(4)?,
        name: row.get(5)?,
        kind: row.get(6)?,
        text: documents::text(row.get_ref(7)?)?.into_owned(),
    })
}
