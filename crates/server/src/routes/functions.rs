//! Prompts, and functions of all types: parameters, tools, scorers. Kept by version and served;
//! nothing is run here.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::auth::Caller;
use super::definitions::{Family, permitted, read};
use super::experiments::within;
use super::projects::{found_existing, page};
use super::reply::{ApiError, Json, RawJson};
use super::request::{Id, JsonBody, Params};
use super::table::{Route, delete, get, patch, post, put};
use crate::app::App;
use crate::clock;
use crate::functions::version;
use crate::keys::Access::{Read, Write};
use crate::store::{At, Function, FunctionFilter, IfExists, NewFunction, Registered};

/// Definitions in one request, and ids in one question, at most.
const MANY: usize = 1_000;

/// Members that can be changed, of prompts and of functions.
const CHANGEABLE: [&str; 9] = [
    "name",
    "slug",
    "description",
    "prompt_data",
    "tags",
    "metadata",
    "function_data",
    "function_schema",
    "function_type",
];
/// How many of them prompts have.
const OF_PROMPTS: usize = 6;

type Shared = State<Arc<App>>;
type Body = JsonBody<Map<String, Value>>;

macro_rules! families {
    ($($path:literal $by_id:literal $family:ident),+ $(,)?) => {
        vec![$(
            get($path, Read, |app: Shared, caller: Caller, params: Params| {
                list(Family::$family, app, caller, params)
            }),
            post($path, Write, |app: Shared, caller: Caller, body: Body| {
                store(Family::$family, app, caller, body, IfExists::Ignore)
            }),
            put($path, Write, |app: Shared, caller: Caller, body: Body| {
                store(Family::$family, app, caller, body, IfExists::Replace)
            }),
            get($by_id, Read, |app: Shared, caller: Caller, id: Id, params: Params| {
                get_by_id(Family::$family, app, caller, id, params)
            }),
            patch($by_id, Write, |app: Shared, caller: Caller, id: Id, body: Body| {
                change(Family::$family, app, caller, id, body)
            }),
            delete($by_id, Write, |app: Shared, caller: Caller, id: Id| {
                remove(Family::$family, app, caller, id)
            }),
        )+]
    };
}

pub(super) fn routes() -> Vec<Route> {
    let mut routes = families! {
        "/v1/prompt" "/v1/prompt/{id}" Prompt,
        "/v1/function" "/v1/function/{id}" Function,
    };
    routes.push(post("/insert-functions", Write, insert));
    routes
}

/// Reads which version is wanted.
fn at(params: &mut Params) -> Result<At, ApiError> {
    match (params.take("version"), params.take("environment")) {
        (None, None) => Ok(At::Newest),
        (None, Some(environment)) => Ok(At::Environment(environment)),
        (Some(text), None) => {
            let wrong = || {
                let message = format!(
                    "the version {text:?}: expected a transaction id of 19 decimal digits, or its \
                     short form of 16 hex digits"
                );
                ApiError::bad_request(message)
            };
            version(&text).map(At::Version).ok_or_else(wrong)
        }
        (Some(_), Some(_)) => {
            let message = "\"version\" and \"environment\" both name a version: send one of them";
            Err(ApiError::bad_request(message))
        }
    }
}

async fn list(
    family: Family,
    State(app): Shared,
    caller: Caller,
    mut params: Params,
) -> Result<RawJson, ApiError> {
    let project_name = params.take("project_name");
    let project_id = params.take("project_id");
    let project_id = within(&app, &caller, project_id, project_name.as_deref()).await?;
    let mut ids = params.take_all("ids");
    ids.extend(params.take("id"));
    if ids.len() > MANY {
        return Err(ApiError::bad_request(format!("at most {MANY} ids can be asked for at once")));
    }
    let part = page(&mut params)?;
    let filter = FunctionFilter {
        ids: (!ids.is_empty()).then_some(ids),
        slug: params.take("slug"),
        name: params.take(&format!("{}_name", family.what())),
        kind: family.kind(),
        function_type: params.take("function_type"),
        project_id,
        project_name,
        at: at(&mut params)?,
        after: part.after.or_else(|| params.take("cursor")),
        before: params.take("ending_before"),
    };
    if filter.after.is_some() && filter.before.is_some() {
        let message = "\"starting_after\" and \"ending_before\" exclude each other";
        return Err(ApiError::bad_request(message));
    }
    let forwards = filter.before.is_none();
    let found = app.store.functions(filter, part.limit).await?;
    let bytes: usize = found.functions.iter().map(|function| function.text.len() + 256).sum();
    let mut body = String::with_capacity(bytes + 64);
    body.push_str("{\"objects\":[");
    for (index, function) in found.functions.iter().enumerate() {
        if index > 0 {
            body.push(',');
        }
        push(&mut body, &app, function, None);
    }
    body.push(']');
    if let Some(last) = found.functions.last().filter(|_| found.more && forwards) {
        body.push_str(&format!(",\"next_cursor\":{}", Value::from(last.id.as_str())));
    }
    body.push('}');
    Ok(RawJson(body))
}

/// Writes a function as clients read it.
fn push(body: &mut String, app: &App, function: &Function, deleted: Option<&str>) {
    let Function { id, project_id, created, xact, text, .. } = function;
    let mut head = json!({
        "id": id,
        "_xact_id": xact,
        "project_id": project_id,
        "log_id": "p",
        "org_id": app.org.id,
        "created": created,
    });
    if let Some(deleted) = deleted {
        head["deleted_at"] = deleted.into();
    }
    let head = head.to_string();
    // Two objects become one: a definition always has members, and none of these.
    body.push_str(head.strip_suffix('}').unwrap_or(&head));
    body.push(',');
    body.push_str(text.strip_prefix('{').unwrap_or(text));
}

fn render(app: &App, function: &Function) -> RawJson {
    let mut body = String::with_capacity(function.text.len() + 256);
    push(&mut body, app, function, None);
    RawJson(body)
}

async fn store(
    family: Family,
    State(app): Shared,
    caller: Caller,
    JsonBody(body): Body,
    if_exists: IfExists,
) -> Result<impl IntoResponse, ApiError> {
    let new = permitted(&app, &caller, read(family, body, if_exists)?).await?;
    let bytes = new.definition.text.len();
    let registered = app.store.put_functions(vec![new], bytes).await?.pop();
    let registered = registered.ok_or_else(ApiError::overloaded)?;
    Ok((found_existing(&registered), render(&app, &registered.object)))
}

#[derive(Debug, Deserialize)]
struct Insert {
    functions: Vec<Map<String, Value>>,
}

/// What `push` and `publish` of the clients send: all of it is stored, or nothing.
async fn insert(
    State(app): Shared,
    caller: Caller,
    JsonBody(Insert { functions }): JsonBody<Insert>,
) -> Result<Json<Value>, ApiError> {
    if functions.len() > MANY {
        let message = format!("at most {MANY} functions can be sent at once");
        return Err(ApiError::bad_request(message));
    }
    let mut new: Vec<NewFunction> = Vec::with_capacity(functions.len());
    for (index, members) in functions.into_iter().enumerate() {
        let one = read(Family::Function, members, IfExists::Error)
            .map_err(|error| error.within(&format!("functions[{index}]")))?;
        new.push(permitted(&app, &caller, one).await?);
    }
    let bytes = new.iter().map(|one| one.definition.text.len()).sum();
    let wanted: Vec<_> = new.iter().map(|one| one.if_exists).collect();
    let stored = app.store.put_functions(new, bytes).await?;
    let (mut xact, mut ignored) = (None, 0);
    for (one, if_exists) in stored.iter().zip(wanted) {
        if one.existing && if_exists == IfExists::Ignore {
            ignored += 1;
        } else {
            xact = Some(one.object.xact);
        }
    }
    let told = |Registered { object, existing }: &Registered<Function>| {
        json!({
            "id": object.id,
            "slug": object.slug,
            "name": object.name,
            "project_id": object.project_id,
            "found_existing": existing,
        })
    };
    Ok(Json(json!({
        "status": "success",
        "xact_id": xact,
        "ignored_count": ignored,
        "functions": stored.iter().map(told).collect::<Vec<_>>(),
    })))
}

/// Finds a function that the caller may touch.
///
/// # Errors
/// 404 if there is none, or not at that version.
pub(super) async fn find(
    app: &App,
    caller: &Caller,
    family: Family,
    id: &str,
    at: At,
) -> Result<Function, ApiError> {
    let filter = |at| FunctionFilter {
        ids: Some(vec![id.to_owned()]),
        kind: family.kind(),
        at,
        ..FunctionFilter::default()
    };
    let newest = app.store.functions(filter(At::Newest), 1).await?.functions.pop();
    let Some(newest) = newest else {
        // What does not exist is refused like what is another's.
        caller.everything()?;
        return Err(ApiError::not_found(family.what(), id));
    };
    caller.may_touch(&newest.project_id)?;
    if at == At::Newest {
        return Ok(newest);
    }
    let found = app.store.functions(filter(at), 1).await?.functions.pop();
    found.ok_or_else(|| ApiError::not_found(&format!("that version of {}", family.what()), id))
}

async fn get_by_id(
    family: Family,
    State(app): Shared,
    caller: Caller,
    Id(id): Id,
    mut params: Params,
) -> Result<RawJson, ApiError> {
    let at = at(&mut params)?;
    Ok(render(&app, &find(&app, &caller, family, &id, at).await?))
}

/// Members sent replace those of the newest version, objects are merged into objects, and null or
/// absent leaves things as they are.
async fn change(
    family: Family,
    State(app): Shared,
    caller: Caller,
    Id(id): Id,
    JsonBody(mut changes): Body,
) -> Result<RawJson, ApiError> {
    let known = match family {
        Family::Prompt => CHANGEABLE.get(..OF_PROMPTS).unwrap_or(&CHANGEABLE),
        Family::Function => &CHANGEABLE,
    };
    changes.retain(|member, value| known.contains(&member.as_str()) && !value.is_null());
    let found = find(&app, &caller, family, &id, At::Newest).await?;
    if changes.is_empty() {
        return Ok(render(&app, &found));
    }
    let bytes = found.text.len();
    let changed = app.store.patch_function(id.clone(), changes, bytes).await?;
    let changed = changed.ok_or_else(|| ApiError::not_found(family.what(), &id))?;
    Ok(render(&app, &changed))
}

async fn remove(
    family: Family,
    State(app): Shared,
    caller: Caller,
    Id(id): Id,
) -> Result<RawJson, ApiError> {
    find(&app, &caller, family, &id, At::Newest).await?;
    // Of two requests at once, one deletes.
    let removed = app.store.delete_function(id.clone()).await?;
    let removed = removed.ok_or_else(|| ApiError::not_found(family.what(), &id))?;
    let mut body = String::with_capacity(removed.text.len() + 256);
    push(&mut body, &app, &removed, Some(&clock::now_text()));
    Ok(RawJson(body))
}
