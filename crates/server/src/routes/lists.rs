//! Lists for people: projects, experiments, cases, one trace, search. `docs/lists.md` describes
//! them.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use tidegate_model::Destination;

use super::auth::Caller;
use super::list_params::{case_filter, cursor, figure, flag, limit, order, words};
use super::reply::{ApiError, Json, RawJson};
use super::request::{Id, Params};
use super::table::{Route, get};
use super::{comparison, experiments};
use crate::app::App;
use crate::clock;
use crate::keys::Access::Read;
use crate::query;
use crate::store::{
    Case, CaseQuery, CaseSort, ExperimentOverview, ExperimentQuery, ExperimentSort, Hit, IndexLag,
    Listed, Order, Page, Place, ProjectFilter, ProjectOverview, ProjectQuery, ProjectSort,
    SearchQuery, SearchScope, TraceQuery,
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

/// The `{kind}/{id}` of a path.
#[derive(Debug)]
pub(super) struct Object(pub(super) Destination);

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
#[cfg_attr(test, derive(ts_rs::TS))]
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

#[cfg_attr(test, derive(ts_rs::TS))]
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

#[cfg_attr(test, derive(ts_rs::TS))]
#[derive(Serialize)]
pub(super) struct Experiments {
    #[cfg_attr(test, ts(as = "Vec<ListedExperiment>"))]
    experiments: Vec<Value>,
    #[serde(flatten)]
    footer: Footer,
}

/// An experiment as lists have it: what [`experiments::render`] makes of it, and the figures of
/// [`render`]. A registration may have given it other members besides.
#[cfg(test)]
#[derive(serde::Deserialize, ts_rs::TS)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a type for others; a test reads an experiment as it")]
pub(super) struct ListedExperiment {
    id: String,
    project_id: String,
    name: String,
    description: Option<String>,
    /// ISO 8601.
    created: String,
    #[ts(type = "Record<string, unknown> | null")]
    repo_info: Option<Value>,
    commit: Option<String>,
    base_exp_id: Option<String>,
    deleted_at: Option<String>,
    dataset_id: Option<String>,
    dataset_version: Option<String>,
    public: bool,
    user_id: Option<String>,
    #[ts(type = "Record<string, unknown> | null")]
    metadata: Option<Value>,
    tags: Option<Vec<String>>,
    cases: u64,
    errors: u64,
    rows: u64,
    /// ISO 8601, to the second; null without rows.
    last_write: Option<String>,
    #[ts(type = "Record<string, Estimate>")]
    scores: Value,
    #[ts(type = "Record<string, Estimate>")]
    metrics: Value,
    progress: Option<Progress>,
}

/// How far an evaluation is that said how much it plans.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, serde::Deserialize))]
pub(super) struct Progress {
    /// Trials that it is to have; each is a case of the list.
    planned: u64,
    /// Whether there are fewer, and something was written lately: a run that died stops running.
    running: bool,
}

/// A run without a write for so long, in seconds, counts as ended.
const RUNS_SECONDS: i64 = 120;

impl Progress {
    /// Reads what the SDK left in the metadata; `None` if there is nothing.
    fn of(rendered: &Value, cases: u64, last_sign: &str) -> Option<Self> {
        let planned = rendered["metadata"]["tidegate"]["planned_trials"].as_u64()?;
        let age = last_sign.parse().map(|at: Timestamp| clock::now().duration_since(at).as_secs());
        let running = cases < planned && age.is_ok_and(|age| age <= RUNS_SECONDS);
        Some(Self { planned, running })
    }
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
    let last_sign = overview.last_write.as_ref().unwrap_or(&overview.experiment.created);
    let progress = Progress::of(&rendered, overview.cases, last_sign);
    rendered["progress"] = json!(progress);
    rendered["scores"] = summary["scores"].clone();
    rendered["metrics"] = summary["metrics"].clone();
    Ok(rendered)
}

#[cfg_attr(test, derive(ts_rs::TS))]
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
            filter: case_filter(&mut params)?,
            limit: limit(&mut params, DEFAULT_LIMIT, MAX_LIMIT)?,
            after: cursor(&mut params)?,
        };
    let listed = app.store.cases(destination, query).await?;
    let next = listed.value.next.as_ref().map(Place::to_cursor);
    let footer = Footer::of(&app, &listed, next);
    Ok(Json(Cases { cases: listed.value.items, footer }))
}

/// Rows of an experiment may come before its registration; that it has neither is an error.
pub(super) async fn check_known(app: &App, destination: &Destination) -> Result<(), ApiError> {
    if let Destination::Experiment(id) = destination
        && !query::known(app.store.as_ref(), destination.clone()).await?
    {
        experiments::find(app, id).await?;
    }
    Ok(())
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

#[cfg_attr(test, derive(ts_rs::TS))]
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

#[cfg(test)]
mod tests {
    use tidegate_analysis::statistics::Estimate;

    use super::*;
    use crate::store::Experiment;

    fn overview(planned: &Value, cases: u64, last_write: Option<String>) -> Value {
        let details = json!({"metadata": {"tidegate": {"planned_trials": planned}}});
        let Value::Object(details) = details else { unreachable!() };
        let experiment = Experiment {
            id: "e".into(),
            name: "n".into(),
            project_id: "p".into(),
            project_name: "p".into(),
            created: "2026-11-25T09:00:00.000Z".into(),
            commit: None,
            base_id: None,
            details,
        };
        let summary = r#"{"scores":{},"metrics":{}}"#.into();
        let overview =
            ExperimentOverview { experiment, cases, errors: 0, rows: 0, last_write, summary };
        render(&overview).expect("rendered")
    }

    #[test]
    fn the_type_of_an_experiment_is_what_is_rendered() {
        let rendered = overview(&json!(3), 1, None);
        serde_json::from_value::<ListedExperiment>(rendered.clone()).expect("the same members");
        let mut more = rendered;
        more["another"] = json!(1);
        assert!(serde_json::from_value::<ListedExperiment>(more).is_err());
        // Named in the type as a text.
        assert!(std::any::type_name::<Estimate>().ends_with("::Estimate"));
    }

    #[test]
    fn a_run_goes_on_until_it_has_all_or_is_silent() {
        let now = || Some(format!("{:.0}", clock::now()));
        let of = |planned: Value, cases, last| overview(&planned, cases, last)["progress"].clone();
        assert_eq!(of(json!(3), 2, now()), json!({"planned": 3, "running": true}));
        assert_eq!(of(json!(3), 3, now()), json!({"planned": 3, "running": false}));
        let long_ago = Some("2026-01-01T00:00:00Z".to_owned());
        assert_eq!(of(json!(3), 2, long_ago), json!({"planned": 3, "running": false}));
        // Registered long ago, and no row ever came.
        assert_eq!(of(json!(3), 0, None), json!({"planned": 3, "running": false}));
        for nothing in [Value::Null, json!("3"), json!(-1), json!(0.5)] {
            assert_eq!(of(nothing, 0, now()), Value::Null);
        }
    }
}
