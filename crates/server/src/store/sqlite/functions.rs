//! SQL over prompts, parameters and other functions: writing them.

mod read;
mod tags;

use std::collections::HashSet;

use futures_util::FutureExt;
use rusqlite::{Connection, params};
use serde_json::{Map, Value};
use tidegate_model::XactId;
use uuid::Uuid;

use super::objects;
use super::store::{SMALL_BYTES, SqliteStore};
use super::writer::Session;
use crate::clock;
use crate::functions::{Definition, LIMIT_BYTES, ToolSlug};
use crate::store::{
    Answer, Body, Function, FunctionFilter, FunctionPage, FunctionStore, FunctionTag, IfExists,
    NewFunction, Registered, StoreError, merge_members,
};

impl FunctionStore for SqliteStore {
    fn put_functions(
        &self,
        new: Vec<NewFunction>,
        bytes: usize,
    ) -> Answer<'_, Vec<Registered<Function>>> {
        self.writer.submit(bytes, move |session| put(session, new)).boxed()
    }

    fn functions(&self, filter: FunctionFilter, limit: u32) -> Answer<'_, FunctionPage> {
        self.readers.run(move |connection| read::page(connection, &filter, limit)).boxed()
    }

    fn patch_function(
        &self,
        id: String,
        changes: Map<String, Value>,
        bytes: usize,
    ) -> Answer<'_, Option<Function>> {
        self.writer.submit(bytes, move |session| patch(session, &id, changes)).boxed()
    }

    fn delete_function(&self, id: String) -> Answer<'_, Option<Function>> {
        self.writer.submit(SMALL_BYTES, move |session| delete(&session.connection, &id)).boxed()
    }

    fn function_tags(
        &self,
        id: String,
        environment: Option<String>,
    ) -> Answer<'_, Vec<FunctionTag>> {
        self.readers
            .run(move |connection| tags::list(connection, &id, environment.as_deref()))
            .boxed()
    }

    fn set_function_tag(
        &self,
        id: String,
        environment: String,
        xact: XactId,
    ) -> Answer<'_, Option<FunctionTag>> {
        self.writer
            .submit(SMALL_BYTES, move |session| {
                tags::set(&session.connection, &id, &environment, xact)
            })
            .boxed()
    }

    fn delete_function_tag(
        &self,
        id: String,
        environment: String,
    ) -> Answer<'_, Option<FunctionTag>> {
        self.writer
            .submit(SMALL_BYTES, move |session| {
                tags::delete(&session.connection, &id, &environment)
            })
            .boxed()
    }

    fn expire_bundles(&self, before_us: i64, limit: u32) -> Answer<'_, Vec<Option<String>>> {
        let sql = "DELETE FROM blobs WHERE key IN (
                     SELECT key FROM blobs WHERE purpose = 'bundle' AND created_us < ?1
                       AND NOT EXISTS (SELECT 1 FROM function_versions WHERE bundle = key) LIMIT ?2)
                   RETURNING file";
        self.writer
            .submit(SMALL_BYTES, move |session| {
                let mut statement = session.connection.prepare_cached(sql)?;
                let files = statement.query_map(params![before_us, limit], |row| row.get(0))?;
                Ok(files.collect::<Result<_, _>>()?)
            })
            .boxed()
    }
}

fn put(
    session: &mut Session,
    new: Vec<NewFunction>,
) -> Result<Vec<Registered<Function>>, StoreError> {
    let mut seen = HashSet::new();
    let mut placed = Vec::with_capacity(new.len());
    // All of them have ids before the first is written: a prompt may name a tool that follows it.
    for one in new {
        let connection = &session.connection;
        let (id, name) = (one.project_id.as_deref(), one.project_name.as_deref());
        let project = objects::project_for(connection, id, name)?;
        let slug = one.definition.slug.clone();
        let found = read::by_slug(connection, &project.id, &slug)?;
        if !seen.insert((project.id.clone(), slug.clone())) {
            return Err(StoreError::SlugRepeated(slug));
        }
        if let Some(Function { kind, .. }) = &found
            && one.same_kind
            && *kind != one.definition.kind
        {
            return Err(StoreError::SlugTaken { slug, kind: kind.clone() });
        }
        placed.push(match (found, one.if_exists) {
            (Some(_), IfExists::Error) => return Err(StoreError::FunctionExists(slug)),
            (Some(found), IfExists::Ignore) => Placed::Stays(found),
            (Some(found), IfExists::Replace) => Placed::Next { id: found.id, existing: true, one },
            (None, _) => {
                let id = make(connection, &project.id, &slug)?;
                Placed::Next { id, existing: false, one }
            }
        });
    }
    // One for all, and none where nothing is written.
    let writes = placed.iter().any(|placed| matches!(placed, Placed::Next { .. }));
    let xact = writes.then(|| session.next_xact());
    let connection = &session.connection;
    let store = |placed| match (placed, xact) {
        (Placed::Next { id, existing, one }, Some(xact)) => {
            let definition = with_tools(connection, one.definition)?;
            let object = add_version(connection, &id, xact, &definition)?;
            for environment in one.environments {
                tags::set(connection, &id, &environment, xact)?;
            }
            Ok(Registered { object, existing })
        }
        (Placed::Stays(object), _) => Ok(Registered { object, existing: true }),
        (Placed::Next { id, .. }, None) => {
            Err(StoreError::Damaged(format!("function {id} without a transaction")))
        }
    };
    placed.into_iter().map(store).collect()
}

/// What becomes of a function in a request.
enum Placed {
    Stays(Function),
    /// It gets a version.
    Next {
        id: String,
        existing: bool,
        one: NewFunction,
    },
}

/// Replaces the slugs of tools by their ids.
fn with_tools(connection: &Connection, definition: Definition) -> Result<Definition, StoreError> {
    if definition.tools.is_empty() {
        return Ok(definition);
    }
    let mut ids = Vec::with_capacity(definition.tools.len());
    for ToolSlug { project_id, slug } in &definition.tools {
        let id = read::id_of(connection, project_id, slug)?;
        let unknown = || format!("the tool {slug:?} is unknown; push it first, or with the prompt");
        ids.push(id.ok_or_else(|| StoreError::BadFunction(unknown()))?);
    }
    Ok(definition.with_tools(ids))
}

/// Makes a function without a version and returns its id.
fn make(connection: &Connection, project_id: &str, slug: &str) -> Result<String, StoreError> {
    let id = Uuid::now_v7().to_string();
    connection
        .prepare_cached(
            "INSERT INTO functions (id, project, slug, created)
             VALUES (?1, (SELECT number FROM projects WHERE id = ?2), ?3, ?4)",
        )?
        .execute(params![id, project_id, slug, clock::now_text()])?;
    Ok(id)
}

/// Adds a version to a function and returns it.
fn add_version(
    connection: &Connection,
    id: &str,
    xact: XactId,
    definition: &Definition,
) -> Result<Function, StoreError> {
    let text = definition.text.as_str();
    if text.len() > LIMIT_BYTES {
        return Err(StoreError::FunctionTooLarge { bytes: text.len(), limit: LIMIT_BYTES });
    }
    connection
        .prepare_cached(
            "INSERT INTO function_versions
               (function, xact, name, kind, function_type, bundle, document)
             SELECT number, ?2, ?3, ?4, ?5, ?6, ?7 FROM functions WHERE id = ?1",
        )?
        .execute(params![
            id,
            xact.as_u64().cast_signed(),
            definition.name,
            definition.kind,
            definition.function_type,
            definition.bundle,
            Body::of(text.into()),
        ])?;
    let found = read::by_id(connection, id)?;
    found.ok_or_else(|| StoreError::Damaged("a function just stored is not there".into()))
}

fn patch(
    session: &mut Session,
    id: &str,
    changes: Map<String, Value>,
) -> Result<Option<Function>, StoreError> {
    let Some(found) = read::by_id(&session.connection, id)? else { return Ok(None) };
    let mut members: Map<String, Value> = serde_json::from_str(&found.text)
        .map_err(|error| StoreError::Damaged(format!("function {id}: {error}")))?;
    merge_members(&mut members, changes);
    let definition =
        Definition::of(members).map_err(|fault| StoreError::BadFunction(fault.to_string()))?;
    if definition.slug != found.slug {
        let taken = read::by_slug(&session.connection, &found.project_id, &definition.slug)?;
        if let Some(Function { slug, kind, .. }) = taken {
            return Err(StoreError::SlugTaken { slug, kind });
        }
        session
            .connection
            .prepare_cached("UPDATE functions SET slug = ?2 WHERE id = ?1")?
            .execute(params![id, definition.slug])?;
    }
    let definition = with_tools(&session.connection, definition)?;
    let xact = session.next_xact();
    add_version(&session.connection, id, xact, &definition).map(Some)
}

fn delete(connection: &Connection, id: &str) -> Result<Option<Function>, StoreError> {
    let found = read::by_id(connection, id)?;
    if found.is_some() {
        connection.prepare_cached("DELETE FROM functions WHERE id = ?1")?.execute([id])?;
    }
    Ok(found)
}

/// Removes all functions of a project.
pub(super) fn delete_all(connection: &Connection, project_id: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM functions WHERE project = (SELECT number FROM projects WHERE id = ?1)";
    connection.prepare_cached(sql)?.execute([project_id])?;
    Ok(())
}
