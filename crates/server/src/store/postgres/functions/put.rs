//! Storing functions and their versions.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use deadpool_postgres::{GenericClient, Transaction};
use tidegate_model::XactId;
use uuid::Uuid;

use super::super::conflict::TRIES;
use super::super::database::{self, Database};
use super::super::{columns, objects, versions};
use super::{read, tags};
use crate::clock;
use crate::functions::{Definition, LIMIT_BYTES, ToolSlug};
use crate::store::{Body, Function, IfExists, NewFunction, Registered, StoreError};

pub(super) async fn put(
    database: &Database,
    new: Vec<NewFunction>,
) -> Result<Vec<Registered<Function>>, StoreError> {
    let mut client = database.client().await?;
    let transaction = client.transaction().await?;
    let stored = put_within(&transaction, new).await?;
    transaction.commit().await?;
    Ok(stored)
}

/// What a request means by a function: its project's id and its slug.
type Name = (String, String);

/// A function that is locked until the end of the transaction.
struct Held {
    id: String,
    existing: bool,
}

async fn put_within(
    transaction: &Transaction<'_>,
    new: Vec<NewFunction>,
) -> Result<Vec<Registered<Function>>, StoreError> {
    let names = names(transaction, &new).await?;
    // All of them have ids before the first is written: a prompt may name a tool that follows it.
    let held = hold(transaction, &names).await?;
    let mut seen = HashSet::new();
    let mut placed = Vec::with_capacity(new.len());
    for (name, one) in names.iter().zip(new) {
        let slug = &name.1;
        let held = held.get(name).ok_or_else(|| missing(slug))?;
        if !seen.insert(name) {
            return Err(StoreError::SlugRepeated(slug.clone()));
        }
        if !held.existing {
            placed.push((Placed::Next(one), held));
            continue;
        }
        let found = read::by_id(transaction, &held.id).await?.ok_or_else(|| missing(slug))?;
        if one.same_kind && found.kind != one.definition.kind {
            return Err(StoreError::SlugTaken { slug: slug.clone(), kind: found.kind });
        }
        placed.push(match one.if_exists {
            IfExists::Error => return Err(StoreError::FunctionExists(slug.clone())),
            IfExists::Ignore => (Placed::Stays(found), held),
            IfExists::Replace => (Placed::Next(one), held),
        });
    }
    // One for all, and none where nothing is written.
    let mut xact = None;
    let mut stored = Vec::with_capacity(placed.len());
    for (placed, Held { id, existing }) in placed {
        let object = match placed {
            Placed::Stays(found) => found,
            Placed::Next(one) => {
                let xact = match xact {
                    Some(xact) => xact,
                    None => *xact.insert(versions::take_xact(transaction).await?),
                };
                let definition = with_tools(transaction, one.definition).await?;
                let object = add_version(transaction, id, xact, &definition).await?;
                for environment in one.environments {
                    tags::set(transaction, id, &environment, xact).await?;
                }
                object
            }
        };
        stored.push(Registered { object, existing: *existing });
    }
    Ok(stored)
}

/// What becomes of a function in a request.
enum Placed {
    Stays(Function),
    /// It gets a version.
    Next(NewFunction),
}

fn missing(slug: &str) -> StoreError {
    StoreError::Damaged(format!("the function {slug:?} that was just found is not there"))
}

/// Finds the projects of functions, made if need be: by name in order, so that two requests that
/// make the same ones never wait in a circle.
async fn names(
    transaction: &Transaction<'_>,
    new: &[NewFunction],
) -> Result<Vec<Name>, StoreError> {
    let wanted: BTreeSet<(Option<&str>, Option<&str>)> = new.iter().map(project).collect();
    let mut projects = BTreeMap::new();
    for (id, name) in wanted {
        let found = objects::project_for(transaction, id, name).await?;
        projects.insert((id, name), found.id);
    }
    let name = |one: &NewFunction| (projects[&project(one)].clone(), one.definition.slug.clone());
    Ok(new.iter().map(name).collect())
}

/// The id of a function's project, or its name.
fn project(one: &NewFunction) -> (Option<&str>, Option<&str>) {
    match &one.project_id {
        Some(id) => (Some(id), None),
        None => (None, one.project_name.as_deref()),
    }
}

/// Locks functions, made if need be, in order. New ones are numbered as they came: lists show them
/// so.
async fn hold(
    transaction: &Transaction<'_>,
    names: &[Name],
) -> Result<BTreeMap<Name, Held>, StoreError> {
    let sql = "SELECT nextval(pg_get_serial_sequence('functions', 'number'))
               FROM generate_series(1, $1::bigint)";
    let count = i64::try_from(names.len()).unwrap_or(i64::MAX);
    let numbers = database::rows(transaction, sql, &[&count]).await?;
    let numbers = numbers.iter().map(|row| row.get::<_, i64>(0));
    let mut held = BTreeMap::new();
    for (name, number) in names.iter().zip(numbers).collect::<BTreeMap<_, _>>() {
        held.insert(name.clone(), hold_one(transaction, name, number).await?);
    }
    Ok(held)
}

async fn hold_one(
    transaction: &Transaction<'_>,
    (project_id, slug): &Name,
    number: i64,
) -> Result<Held, StoreError> {
    let find = "SELECT id FROM functions WHERE slug = $2
          AND project = (SELECT number FROM projects WHERE id = $1) FOR UPDATE";
    let make = "INSERT INTO functions (number, id, project, slug, created) OVERRIDING SYSTEM VALUE
        VALUES ($5, $3, (SELECT number FROM projects WHERE id = $1), $2, $4)
        ON CONFLICT DO NOTHING";
    for _ in 0..TRIES {
        if let Some(found) = database::row(transaction, find, &[project_id, slug]).await? {
            return Ok(Held { id: found.get(0), existing: true });
        }
        let id = Uuid::now_v7().to_string();
        let values: database::Values<'_> = &[project_id, slug, &id, &clock::now_text(), &number];
        if database::run(transaction, make, values).await? > 0 {
            return Ok(Held { id, existing: false });
        }
    }
    Err(StoreError::Overloaded)
}

/// Replaces the slugs of tools by their ids.
pub(super) async fn with_tools(
    on: &impl GenericClient,
    definition: Definition,
) -> Result<Definition, StoreError> {
    if definition.tools.is_empty() {
        return Ok(definition);
    }
    let mut ids = Vec::with_capacity(definition.tools.len());
    for ToolSlug { project_id, slug } in &definition.tools {
        let id = read::id_of(on, project_id, slug).await?;
        let unknown = || format!("the tool {slug:?} is unknown; push it first, or with the prompt");
        ids.push(id.ok_or_else(|| StoreError::BadFunction(unknown()))?);
    }
    Ok(definition.with_tools(ids))
}

/// Adds a version to a function, which is locked, and returns it.
pub(super) async fn add_version(
    transaction: &Transaction<'_>,
    id: &str,
    xact: XactId,
    definition: &Definition,
) -> Result<Function, StoreError> {
    let text = definition.text.as_str();
    if text.len() > LIMIT_BYTES {
        return Err(StoreError::FunctionTooLarge { bytes: text.len(), limit: LIMIT_BYTES });
    }
    if let Some(bundle) = &definition.bundle {
        // Until the commit nobody sees that it is named, so nobody may forget it.
        let sql = "SELECT 1 FROM blobs WHERE key = $1 FOR KEY SHARE";
        database::row(transaction, sql, &[bundle]).await?;
    }
    let body = Body::of(text.into());
    let values: database::Values<'_> = &[
        &id,
        &columns::xact(xact),
        &definition.name,
        &definition.kind,
        &definition.function_type,
        &definition.bundle,
        &columns::document(&body),
    ];
    let sql = "INSERT INTO function_versions
          (function, xact, name, kind, function_type, bundle, document)
        SELECT number, $2, $3, $4, $5, $6, $7 FROM functions WHERE id = $1";
    database::run(transaction, sql, values).await?;
    let found = read::by_id(transaction, id).await?;
    found.ok_or_else(|| StoreError::Damaged("a function just stored is not there".into()))
}
