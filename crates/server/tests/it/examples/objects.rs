//! Good requests for the routes of datasets and of changes to objects.

use serde_json::json;

use super::{Example, Objects, Other, PROFILE, UPLOADED};

/// The example for a route; `None` if it is not one of these.
pub(super) fn example(method: &str, path: &str, of: &Objects) -> Option<Example> {
    let Objects { project, project_name, experiment, dataset, snapshot, xact, .. } = of;
    let kinds = [("project_logs", project), ("experiment", experiment), ("dataset", dataset)];
    let kind = kinds.into_iter().find(|(kind, _)| path.starts_with(&format!("/v1/{kind}/")));
    let here = path.replace("{id}", kind.map_or(dataset, |(_, id)| id));
    let here = here.replace("{environment}", "production");
    Some(match (method, path) {
        ("POST", "/attachment") => Example::post(path, json!({"key": of.attachment})),
        ("POST", "/attachment/status") => {
            Example::post(path, json!({"key": of.attachment, "status": {"upload_status": "done"}}))
        }
        ("GET", "/attachment") => Example::get(format!("{path}?key={}", of.attachment)),
        // The same bytes again change nothing.
        ("PUT", "/attachment/blob/{key}") => {
            Example { body: UPLOADED.into(), ..Example::get(&of.upload) }
        }
        ("GET", "/attachment/blob/{key}") => Example::get(&of.download),
        ("POST", "/logs3/overflow") => {
            Example::post(path, json!({"size_bytes": 10, "rows": []})).other(Other::Anybody)
        }
        ("POST", "/api/dataset/register") => {
            Example::post(path, json!({"project_name": project_name, "dataset_name": "another"}))
        }
        ("POST", "/v1/dataset") => {
            Example::post(path, json!({"project_id": project, "name": "yet another"}))
        }
        ("POST", "/api/dataset/get") => {
            Example::post(path, json!({"project_id": project, "dataset_name": "d"}))
        }
        ("GET", "/v1/dataset") => Example::get(path).other(Other::Narrowed),
        ("GET", "/dataset-summary") => Example::get(format!("{path}?dataset_id={dataset}")),
        ("GET", "/xact-id") => Example::get(path).other(Other::Anybody),
        ("POST", "/api/self/get_object_info") => {
            Example::post(path, json!({"object_type": "dataset", "object_ids": [dataset]}))
        }
        ("POST", "/api/dataset_snapshot/register") => Example::post(
            path,
            json!({"dataset_id": dataset, "dataset_snapshot_name": "new", "xact_id": xact}),
        ),
        ("POST", "/api/dataset_snapshot/get") => {
            Example::post(path, json!({"dataset_id": dataset}))
        }
        ("POST", "/api/dataset_snapshot/patch_id") => {
            Example::post(path, json!({"id": snapshot, "name": "renamed"}))
        }
        ("POST", "/api/dataset_snapshot/delete_id") => Example::post(path, json!({"id": snapshot})),
        ("PUT", "/environment-object/dataset/{id}/{environment}") => {
            Example::post(here, json!({"object_version": xact}))
        }
        (_, "/environment-object/dataset/{id}/{environment}") => {
            Example::get(here.replace("production", "set"))
        }
        ("GET", "/environment-object/dataset/{id}") => Example::get(here),
        ("PUT", "/api/experiments/{id}/profile") => {
            Example { body: PROFILE.into(), ..Example::get(path.replace("{id}", experiment)) }
        }
        (
            "GET",
            "/api/experiments/{id}/profile"
            | "/api/experiments/{id}/timeline"
            | "/api/experiments/{id}/speedscope",
        ) => Example::get(path.replace("{id}", experiment)),
        ("PATCH", "/v1/project/{id}") => {
            Example::post(path.replace("{id}", project), json!({"description": "words"}))
        }
        ("PATCH", "/v1/experiment/{id}" | "/v1/dataset/{id}") => {
            Example::post(here, json!({"description": "words"}))
        }
        ("POST", route) if route.ends_with("/insert") => {
            Example::post(here, json!({"events": [{"id": "new"}]}))
        }
        ("POST", route) if route.ends_with("/feedback") => {
            Example::post(here, json!({"feedback": [{"id": "r", "tags": ["t"]}]}))
        }
        ("POST", "/v1/dataset/{id}/restore" | "/v1/dataset/{id}/restore/preview") => {
            Example::post(here, json!({"version": xact}))
        }
        ("POST", route) if route.ends_with("/fetch") => Example::post(here, json!({"limit": 1})),
        ("GET", route) if route.ends_with("/fetch") => Example::get(here),
        ("DELETE", "/v1/project/{id}") => Example::get(path.replace("{id}", project)),
        ("DELETE", "/v1/experiment/{id}" | "/v1/dataset/{id}") => Example::get(here),
        ("GET", "/app/{org}/object") => {
            Example::get(format!("{path}?object_type=experiment&object_id={experiment}"))
        }
        ("GET", page) if page.starts_with("/app/") => {
            let page = page.replace("{org}", "local").replace("{project}", project_name);
            let page = page.replace("{experiment}", &of.experiment_name).replace("{dataset}", "d");
            Example::get(page)
        }
        ("GET", "/v1/dataset/{id}" | "/v1/dataset/{id}/summarize") => Example::get(here),
        _ => return None,
    })
}
