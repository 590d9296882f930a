//! Figures for pages: histograms, groups, and the versions of a dataset. `docs/lists.md` describes
//! them.

use std::sync::Arc;

use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use tidegate_model::XactId;

use super::auth::Caller;
use super::datasets;
use super::list_params::{METADATA_STEPS, case_filter, figure, limit};
use super::lists::{Footer, Object, check_known};
use super::reply::{ApiError, Json};
use super::request::{Id, Params};
use super::table::{Route, get};
use crate::app::App;
use crate::keys::Access::Read;
use crate::store::{
    DatasetVersion, GroupBy, GroupQuery, Groups, Histogram, HistogramBy, HistogramQuery,
};

/// Ranges of a histogram unless the request says otherwise, and at most.
const DEFAULT_BUCKETS: usize = 60;
const MAX_BUCKETS: usize = 1_000;

/// Groups listed unless the request says otherwise, and at most.
const DEFAULT_GROUPS: usize = 100;
const MAX_GROUPS: usize = 1_000;

/// Versions of a page unless the request says otherwise, and at most.
const DEFAULT_VERSIONS: usize = 50;
const MAX_VERSIONS: usize = 1_000;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/api/objects/{kind}/{id}/histogram", Read, histogram),
        get("/api/objects/{kind}/{id}/groups", Read, groups),
        get("/api/datasets/{id}/versions", Read, versions),
    ]
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(super) struct HistogramReply {
    #[serde(flatten)]
    histogram: Histogram,
    #[serde(flatten)]
    footer: Footer,
}

/// `GET /api/objects/{kind}/{id}/histogram`.
async fn histogram(
    State(app): State<Arc<App>>,
    caller: Caller,
    Object(destination): Object,
    mut params: Params,
) -> Result<Json<HistogramReply>, ApiError> {
    caller.object(&app, &destination).await?;
    check_known(&app, &destination).await?;
    let query = HistogramQuery {
        by: match params.take("by").as_deref() {
            None | Some("created") => HistogramBy::Created {
                from_us: time(&mut params, "from")?,
                to_us: time(&mut params, "to")?,
            },
            Some(other) => HistogramBy::Figure(figure(other).ok_or_else(|| {
                ApiError::bad_request(format!(
                    "\"by\" cannot be {other:?}: use created, score:NAME or metric:NAME"
                ))
            })?),
        },
        buckets: match params.take("buckets") {
            None => DEFAULT_BUCKETS,
            Some(text) => {
                let buckets = text.parse().ok().filter(|n| (1..=MAX_BUCKETS).contains(n));
                buckets.ok_or_else(|| {
                    let message = format!("\"buckets\" must be a number from 1 to {MAX_BUCKETS}");
                    ApiError::bad_request(message)
                })?
            }
        },
        filter: case_filter(&mut params)?,
    };
    if let HistogramBy::Created { from_us: Some(from), to_us: Some(to) } = &query.by
        && from > to
    {
        return Err(ApiError::bad_request("\"from\" is after \"to\""));
    }
    let listed = app.store.histogram(destination, query).await?;
    let footer = Footer::of(&app, &listed, None);
    Ok(Json(HistogramReply { histogram: listed.value, footer }))
}

/// Reads a time: ISO 8601, or unix milliseconds as the buckets of a histogram have them.
fn time(params: &mut Params, name: &str) -> Result<Option<i64>, ApiError> {
    let Some(text) = params.take(name) else { return Ok(None) };
    let from_ms = text.parse::<i64>().ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let at = from_ms.or_else(|| text.parse().ok());
    at.map(|at: Timestamp| Some(at.as_microsecond())).ok_or_else(|| {
        ApiError::bad_request(format!(
            "{name:?} must be a time such as 2026-11-25T12:00:00Z, or unix milliseconds"
        ))
    })
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(super) struct GroupsReply {
    #[serde(flatten)]
    groups: Groups,
    #[serde(flatten)]
    footer: Footer,
}

/// `GET /api/objects/{kind}/{id}/groups`.
async fn groups(
    State(app): State<Arc<App>>,
    caller: Caller,
    Object(destination): Object,
    mut params: Params,
) -> Result<Json<GroupsReply>, ApiError> {
    caller.object(&app, &destination).await?;
    check_known(&app, &destination).await?;
    let query = GroupQuery {
        by: group_by(&params.require("by")?)?,
        filter: case_filter(&mut params)?,
        limit: limit(&mut params, DEFAULT_GROUPS, MAX_GROUPS)?,
    };
    let listed = app.store.groups(destination, query).await?;
    let footer = Footer::of(&app, &listed, None);
    Ok(Json(GroupsReply { groups: listed.value, footer }))
}

fn group_by(text: &str) -> Result<GroupBy, ApiError> {
    let path = text.strip_prefix("metadata.").map(|path| path.split('.').collect::<Vec<_>>());
    match (text, path) {
        ("tag", _) => Ok(GroupBy::Tag),
        ("input_hash", _) => Ok(GroupBy::InputHash),
        (_, Some(path)) if path.len() <= METADATA_STEPS && !path.contains(&"") => {
            Ok(GroupBy::Metadata(path.into_iter().map(str::to_owned).collect()))
        }
        _ => Err(ApiError::bad_request(format!(
            "\"by\" cannot be {text:?}: use tag, input_hash or metadata.PATH"
        ))),
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(super) struct VersionsReply {
    /// Newest first.
    versions: Vec<DatasetVersion>,
    /// Null at the end.
    cursor: Option<String>,
}

/// `GET /api/datasets/{id}/versions`.
async fn versions(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    mut params: Params,
) -> Result<Json<VersionsReply>, ApiError> {
    datasets::find(&app, &caller, &id).await?;
    let limit = limit(&mut params, DEFAULT_VERSIONS, MAX_VERSIONS)?;
    let before = params.take("cursor").map(|text| {
        text.parse::<XactId>()
            .map_err(|_| ApiError::bad_request("\"cursor\" is not one that this server returned"))
    });
    let mut versions = app.store.dataset_versions(id, before.transpose()?, limit + 1).await?;
    let more = versions.len() > limit;
    versions.truncate(limit);
    let cursor = versions.last().filter(|_| more).map(|version| version.xact.to_string());
    Ok(Json(VersionsReply { versions, cursor }))
}
