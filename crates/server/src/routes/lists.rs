//! Lists for people: projects, experiments, cases, one trace, search. `docs/lists.md` describes
//! them.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use serde::Serialize;
use serde_json::{Value, json};
use tidegate_model::Destination;

use super::auth::Caller;
use super::list_params::{cursor, figure, flag, limit, order, range};
use super::reply::{ApiError, Json, RawJson};
use super::request::{Id, Params};
use super::table::{Route, get};
use super::{comparison, experiments};
use crate::app::App;
use crate::keys::Access::Read;
use crate::query;
use crate::store::{
    Case, CaseFilter, CaseQuery, CaseSort, ExperimentOverview, ExperimentQuery, ExperimentSort,
    Hit, IndexLag, Listed, Order, Page, Place, ProjectFilter, ProjectOverview, ProjectQuery,
    ProjectSort, SearchQuery, SearchScope, TraceQuery,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/api/projects", Read, projects),
        get("/api/projects/{id}/experiments", Read, experiments),
        get("/api/objects/{kind}/{id}/cases", Read, cases),
        get("/api/objects/{kind}/{id}/trace", Read, trace),
        get("/api/compare", Read, comparison::comparison),
        get("/api/search", Read, search),
    ]
}

/// Items of a page unless the request says otherwise, and at most.
const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 1_000;

/// Spans of a page of a trace, and at most.
const SPANS_LIMIT: usize = 1_000;
const MAX_SPANS_LIMIT: usize = 10_000;

/// A page of large rows ends early, with a cursor to go on.
const PAGE_BYTES: usize = 32 << 20;

/// Bytes of a search's words; what is beyond no query needs.
const WORDS_BYTES: usize = 1_024;

/// The `{kind}/{id}` of a path.
#[derive(Debug)]
pub(super) struct Object(Destination);

impl FromRequestParts<Arc<App>> for Object {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let path = axum::extract::Path::<(String, String)>::from_request_parts(parts, app).await;
        let path = path.map_err(|_| ApiError::bad_request("the id in the path is malformed"))?;
        let axum::extract::Path((kind, id)) = path;
        object(&kind, &id).map(Self)
    }
}

fn object(kind: &str, id: &str) -> Result<Destination, ApiError> {
    Destination::from_kind(kind, id).filter(|_| !id.is_empty()).ok_or_else(|| {
        ApiError::bad_request(format!(
            "{kind:?} is no kind of object: use experiment, project_logs, playground_logs or \
             dataset"
        ))
    })
}

/// What every list says about itself.
#[derive(Serialize)]
pub(super) struct Footer {
    /// Null at the end.
    cursor: Option<String>,
    exact: bool,
    #[serde(flatten)]
    lag: IndexLag,
}

impl Footer {
    pub(super) fn of<T>(app: &App, listed: &Listed<T>, next: Option<String>) -> Self {
        Self { cursor: next, exact: listed.exact, lag: app.store.index_lag() }
    }
}

#[derive(Serialize)]
pub(super) struct Projects {
    projects: Vec<ProjectOverview>,
    #[serde(flatten)]
    footer: Footer,
}

/// `GET /api/projects`.
pub(super) async fn projects(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<Projects>, ApiError> {
    let only = caller.only_project()?.map(str::to_owned);
    let query = ProjectQuery {
        only,
        sort: match params.take("sort").as_deref() {
            None | Some("created") => ProjectSort::Created,
            Some("name") => ProjectSort::Name,
            Some("last_write") => ProjectSort::LastWrite,
            Some(other) => return Err(unknown_sort(other, "created, name or last_write")),
        },
        order: order(&mut params, Order::Descending)?,
        search: params.take("search"),
        limit: limit(&mut params, DEFAULT_LIMIT, MAX_LIMIT)?,
        after: cursor(&mut params)?,
    };
    let listed = app.store.project_overviews(query).await?;
    let next = listed.value.next.as_ref().map(Place::to_cursor);
    let footer = Footer::of(&app, &listed, next);
    Ok(Json(Projects { projects: listed.value.items, footer }))
}

pub(super) fn unknown_sort(sort: &str, known: &str) -> ApiError {
    ApiError::bad_request(format!("cannot sort by {sort:?}: use {known}"))
}

#[derive(Serialize)]
pub(super) struct Experiments {
    experiments: Vec<Value>,
    #[serde(flatten)]
    footer: Footer,
}

/// `GET /api/projects/{id}/experiments`.
pub(super) async fn experiments(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(project_id): Id,
    mut params: Params,
) -> Result<Json<Experiments>, ApiError> {
    caller.project(&app, &project_id).await?;
    let filter = ProjectFilter { id: Some(project_id.clone()), name: None, page: Page::first() };
    if app.store.projects(filter).await?.is_empty() {
        return Err(ApiError::not_found("project", &project_id));
    }
    let query = ExperimentQuery {
        project_id,
        sort: match params.take("sort").as_deref() {
            None | Some("created") => ExperimentSort::Created,
            Some("name") => ExperimentSort::Name,
            Some("cases") => ExperimentSort::Cases,
            Some("errors") => ExperimentSort::Errors,
            Some("last_write") => ExperimentSort::LastWrite,
            Some(other) => ExperimentSort::Figure(figure(other).ok_or_else(|| {
                unknown_sort(
                    other,
                    "created, name, cases, errors, last_write, score:NAME or metric:NAME",
                )
            })?),
        },
        order: order(&mut params, Order::Descending)?,
        search: params.take("search"),
        limit: limit(&mut params, DEFAULT_LIMIT, MAX_LIMIT)?,
        after: cursor(&mut params)?,
    };
    let listed = app.store.experiment_overviews(query).await?;
    let next = listed.value.next.as_ref().map(Place::to_cursor);
    let footer = Footer::of(&app, &listed, next);
    let rendered = listed.value.items.iter().map(render).collect::<Result<_, _>>()?;
    Ok(Json(Experiments { experiments: rendered, footer }))
}

fn render(overview: &ExperimentOverview) -> Result<Value, ApiError> {
    let mut rendered = experiments::render(&overview.experiment);
    let summary: Value =
        serde_json::from_str(&overview.summary).map_err(|error| ApiError::internal(&error))?;
    rendered["cases"] = overview.cases.into();
    rendered["errors"] = overview.errors.into();
    rendered["rows"] = overview.rows.into();
    rendered["last_write"] = json!(overview.last_write);
    rendered["scores"] = summary["scores"].clone();
    rendered["metrics"] = summary["metrics"].clone();
    Ok(rendered)
}

#[derive(Serialize)]
pub(super) struct Cases {
    cases: Vec<Case>,
    #[serde(flatten)]
    footer: Footer,
}

/// `GET /api/objects/{kind}/{id}/cases`.
pub(super) async fn cases(
    State(app): State<Arc<App>>,
    caller: Caller,
    Object(destination): Object,
    mut params: Params,
) -> Result<Json<Cases>, ApiError> {
    caller.object(&app, &destination).await?;
    check_known(&app, &destination).await?;
    let query =
        CaseQuery {
            sort: match params.take("sort").as_deref() {
                None | Some("created") => CaseSort::Created,
                Some("spans") => CaseSort::Spans,
                Some(other) => CaseSort::Figure(figure(other).ok_or_else(|| {
                    unknown_sort(other, "created, spans, score:NAME or metric:NAME")
                })?),
            },
            order: order(&mut params, Order::Descending)?,
            filter: CaseFilter {
                ranges: ["score", "metric"]
                    .into_iter()
                    .filter_map(|kind| Some(range(kind, &params.take(kind)?)))
                    .collect::<Result<_, _>>()?,
                failed: flag(&mut params, "failed")?,
                tag: params.take("tag"),
                text: words(&mut params, "text")?,
                input_hashes: params
                    .take("input_hash")
                    .map(|text| input_hash(&text).map(|hash| [hash].into()))
                    .transpose()?,
            },
            limit: limit(&mut params, DEFAULT_LIMIT, MAX_LIMIT)?,
            after: cursor(&mut params)?,
        };
    let listed = app.store.cases(destination, query).await?;
    let next = listed.value.next.as_ref().map(Place::to_cursor);
    let footer = Footer::of(&app, &listed, next);
    Ok(Json(Cases { cases: listed.value.items, footer }))
}

/// Rows of an experiment may come before its registration; that it has neither is an error.
async fn check_known(app: &App, destination: &Destination) -> Result<(), ApiError> {
    if let Destination::Experiment(id) = destination
        && !query::known(app.store.as_ref(), destination.clone()).await?
    {
        experiments::find(app, id).await?;
    }
    Ok(())
}

fn words(params: &mut Params, name: &str) -> Result<Option<String>, ApiError> {
    let text = params.take(name);
    if text.as_ref().is_some_and(|text| text.len() > WORDS_BYTES) {
        let message = format!("parameter {name:?} may have at most {WORDS_BYTES} bytes");
        return Err(ApiError::bad_request(message));
    }
    Ok(text)
}

pub(super) fn input_hash(text: &str) -> Result<[u8; 16], ApiError> {
    let number = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32);
    // `from_str_radix` alone would take a sign.
    let number = number.filter(|_| !text.starts_with('+')).map(u128::to_be_bytes);
    number.ok_or_else(|| {
        ApiError::bad_request("\"input_hash\" must be 32 hex digits, as a list of cases has them")
    })
}

/// `GET /api/objects/{kind}/{id}/trace`.
pub(super) async fn trace(
    State(app): State<Arc<App>>,
    caller: Caller,
    Object(destination): Object,
    mut params: Params,
) -> Result<RawJson, ApiError> {
    caller.object(&app, &destination).await?;
    let root_span_id = params.require("root_span_id")?;
    let query = TraceQuery {
        destination,
        root_span_id: root_span_id.clone(),
        limit: limit(&mut params, SPANS_LIMIT, MAX_SPANS_LIMIT)?,
        max_bytes: PAGE_BYTES,
        outline: flag(&mut params, "outline")?.unwrap_or(false),
        after: cursor(&mut params)?,
    };
    let page = app.store.trace(query).await?;
    if page.total == 0 {
        return Err(ApiError::not_found("trace", &root_span_id));
    }
    let bytes: usize = page.rows.iter().map(|row| row.text.len() + 64).sum();
    let mut body = String::with_capacity(bytes + 64);
    write!(body, "{{\"total\":{},\"rows\":[", page.total).expect("writing to a string");
    for (index, row) in page.rows.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let (xact, is_root) = (row.xact, row.is_root);
        write!(body, "{comma}{{\"_xact_id\":\"{xact}\",\"is_root\":{is_root},")
            .expect("writing to a string");
        // A document always has members: id and created at least.
        body.push_str(row.text.strip_prefix('{').unwrap_or(&row.text));
    }
    let cursor = json!(page.next.as_ref().map(Place::to_cursor));
    write!(body, "],\"cursor\":{cursor}}}").expect("writing to a string");
    Ok(RawJson(body))
}

#[derive(Serialize)]
pub(super) struct Found {
    hits: Vec<Hit>,
    #[serde(flatten)]
    footer: Footer,
}

/// `GET /api/search`.
pub(super) async fn search(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<Found>, ApiError> {
    let scope = match (params.take("object_type"), params.take("project_id")) {
        (Some(kind), None) => {
            let object = object(&kind, &params.require("object_id")?)?;
            caller.object(&app, &object).await?;
            SearchScope::Object(object)
        }
        (None, Some(project)) => {
            caller.project(&app, &project).await?;
            SearchScope::Project(project)
        }
        (None, None) => match caller.only_project()? {
            Some(project) => SearchScope::Project(project.to_owned()),
            None => SearchScope::Everything,
        },
        (Some(_), Some(_)) => {
            let message = "name an object or a project to search in, not both";
            return Err(ApiError::bad_request(message));
        }
    };
    let missing = || ApiError::bad_request("parameter \"q\" is missing");
    let bad_cursor = || ApiError::bad_request("\"cursor\" is not one that this server returned");
    let before = params.take("cursor").map(|text| {
        text.strip_prefix('h').and_then(|text| text.parse().ok()).ok_or_else(bad_cursor)
    });
    let query = SearchQuery {
        scope,
        words: words(&mut params, "q")?.ok_or_else(missing)?,
        limit: limit(&mut params, DEFAULT_LIMIT, MAX_LIMIT)?,
        before: before.transpose()?,
    };
    let listed = app.store.search(query).await?;
    let next = listed.value.next.map(|number| format!("h{number}"));
    let footer = Footer::of(&app, &listed, next);
    Ok(Json(Found { hits: listed.value.hits, footer }))
}
