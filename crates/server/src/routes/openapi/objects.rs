//! Projects, experiments, datasets and their versions.

use serde_json::{Value, json};

use super::operation::{JSON_LINES, Operation};
use super::schemas::{
    any, any_of, boolean, id, list, members, name, nullable, object, required, schema, some_name,
    text, xact,
};

pub(super) fn describe(method: &str, path: &str) -> Option<Operation> {
    projects(method, path)
        .or_else(|| experiments(method, path))
        .or_else(|| datasets(method, path))
        .or_else(|| versions(method, path))
}

fn objects(kind: &str) -> Value {
    required([("objects", list(&schema(kind)))])
}

fn projects(method: &str, path: &str) -> Option<Operation> {
    let project = |summary| Operation::new("projects", summary);
    let one = |summary| project(summary).reply(schema("Project")).or(404);
    Some(match (method, path) {
        ("POST", "/api/project/register") => project("Finds a project by name, or makes it")
            .body(members([("project_name", name()), ("org_id", text())]))
            .reply(required([("project", schema("Project"))])),
        ("POST", "/api/project/get") => {
            project("Finds a project by id or name; an empty list means that there is none")
                .body(any_of(members([("id", id()), ("name", text())]), [&["id"], &["name"]]))
                .reply(list(&schema("Project")))
        }
        ("GET", "/api/project") => {
            project("Finds a project by id").needs("id", id()).reply(schema("Named")).or(404)
        }
        ("GET", "/v1/project") => project("Lists projects, newest first")
            .query("id", id())
            .query("project_name", text())
            .query("org_name", text())
            .paged()
            .reply(objects("Project")),
        ("POST", "/v1/project") => project("Finds a project by name, or makes it")
            .body(required([("name", some_name())]))
            .reply(schema("Project")),
        ("GET", "/v1/project/{id}") => one("Finds a project by id"),
        ("PATCH", "/v1/project/{id}") => one("Changes a project").body(changes()).or(409),
        ("DELETE", "/v1/project/{id}") => one("Deletes a project and all that is in it"),
        _ => return None,
    })
}

fn experiments(method: &str, path: &str) -> Option<Operation> {
    let experiment = |summary| Operation::new("experiments", summary);
    let one = |summary| experiment(summary).reply(schema("Experiment")).or(404);
    Some(match (method, path) {
        ("POST", "/api/experiment/register") => experiment("Makes an experiment, or continues one")
            .body(registration("experiment_name", "update"))
            .reply(required([("project", schema("Named")), ("experiment", schema("Experiment"))]))
            .or(404),
        ("POST", "/api/experiment/get") => {
            experiment("Finds an experiment by name; an empty list means that there is none")
                .body(members([
                    ("project_id", id()),
                    ("project_name", text()),
                    ("experiment_name", text()),
                ]))
                .reply(list(&schema("Experiment")))
        }
        ("POST", "/api/base_experiment/get_id") => {
            experiment("Finds what an experiment is compared with; 400 means nothing")
                .body(required([("id", id())]))
                .reply(required([("base_exp_id", text()), ("base_exp_name", text())]))
                .or(404)
        }
        ("GET", "/experiment-comparison2") => experiment("Compares the scores of two experiments")
            .needs("experiment_id", id())
            .query("base_experiment_id", id())
            .reply(schema("Comparison"))
            .or(404),
        ("GET", "/v1/experiment") => experiment("Lists experiments, newest first")
            .query("id", id())
            .query("experiment_name", text())
            .query("project_id", id())
            .query("project_name", text())
            .query("org_name", text())
            .paged()
            .reply(objects("Experiment")),
        ("POST", "/v1/experiment") => {
            one("Makes an experiment, or continues one").body(registration("name", "ensure_new"))
        }
        ("GET", "/v1/experiment/{id}") => one("Finds an experiment by id"),
        ("PATCH", "/v1/experiment/{id}") => one("Changes an experiment").body(changes()).or(409),
        ("DELETE", "/v1/experiment/{id}") => one("Deletes an experiment and its rows"),
        ("GET", "/v1/experiment/{id}/summarize") => {
            experiment("Scores of an experiment and how they compare")
                .query("summarize_scores", text())
                .query("comparison_experiment_id", id())
                .reply(required([
                    ("project_name", text()),
                    ("experiment_name", text()),
                    ("project_url", text()),
                    ("experiment_url", text()),
                    ("scores", object()),
                    ("metrics", object()),
                ]))
                .or(404)
        }
        ("PUT", "/api/experiments/{id}/profile") => {
            experiment("Keeps the profile of a run with its experiment, in place of the one before")
                .binary()
                .reply(required([
                    ("experiment_id", text()),
                    ("bytes", json!({"type": "integer"})),
                    ("spans", json!({"type": "integer"})),
                    ("requests", json!({"type": "integer"})),
                ]))
                .or(404)
        }
        ("GET", "/api/experiments/{id}/profile") => {
            experiment("Reads the profile of a run, as it was kept").text(JSON_LINES).or(404)
        }
        ("GET", "/api/experiments/{id}/speedscope") => experiment("The profile, for speedscope")
            .reply(required([("$schema", text()), ("profiles", list(&object()))]))
            .or(404),
        ("GET", "/api/experiments/{id}/timeline") => {
            experiment("Says what the run was waiting for, from its profile")
                .reply(required([
                    ("start_us", json!({"type": "integer"})),
                    ("wall_us", json!({"type": "integer"})),
                    ("shape", object()),
                    ("critical_path", nullable(&object())),
                    ("cpu", nullable(&object())),
                    ("diagnosis", list(&required([("cause", text()), ("advice", text())]))),
                ]))
                .or(404)
        }
        _ => return None,
    })
}

fn datasets(method: &str, path: &str) -> Option<Operation> {
    let dataset = |summary| Operation::new("datasets", summary);
    let one = |summary| dataset(summary).reply(schema("Dataset")).or(404);
    Some(match (method, path) {
        ("POST", "/api/dataset/register") => dataset("Finds a dataset by name, or makes it")
            .body(new_dataset("dataset_name"))
            .reply(required([("project", schema("Named")), ("dataset", schema("Dataset"))]))
            .or(404),
        ("POST", "/api/dataset/get") => dataset("Finds datasets")
            .body(any_of(
                members([
                    ("id", id()),
                    ("project_id", id()),
                    ("project_name", text()),
                    ("dataset_name", text()),
                ]),
                [&["id"], &["dataset_name"]],
            ))
            .reply(list(&schema("Dataset"))),
        ("GET", "/dataset-summary") => {
            dataset("Counts the rows of a dataset").needs("dataset_id", id()).or(404)
        }
        ("GET", "/v1/dataset") => dataset("Lists datasets, newest first")
            .query("id", id())
            .query("dataset_name", text())
            .query("project_id", id())
            .query("project_name", text())
            .query("org_name", text())
            .paged()
            .reply(objects("Dataset")),
        ("POST", "/v1/dataset") => {
            one("Finds a dataset by name, or makes it").body(new_dataset("name"))
        }
        ("GET", "/v1/dataset/{id}") => one("Finds a dataset by id"),
        ("PATCH", "/v1/dataset/{id}") => one("Changes a dataset").body(changes()).or(409),
        ("DELETE", "/v1/dataset/{id}") => one("Deletes a dataset and its rows"),
        ("GET", "/v1/dataset/{id}/summarize") => {
            dataset("Counts the rows of a dataset").query("summarize_data", text()).or(404)
        }
        ("POST", "/api/self/get_object_info") => dataset("Names objects and their projects")
            .body(required([
                ("object_type", json!({"enum": ["project", "experiment", "dataset"]})),
                ("object_ids", json!({"type": "array", "items": id(), "maxItems": 100})),
            ]))
            .reply(list(&object()))
            .or(404),
        _ => return None,
    })
}

/// Snapshots and environments.
fn versions(method: &str, path: &str) -> Option<Operation> {
    let version = |summary| Operation::new("versions", summary).or(404);
    Some(match (method, path) {
        ("GET", "/xact-id") => {
            version("The newest transaction id, as plain text").text("text/plain; charset=utf-8")
        }
        ("POST", "/api/dataset_snapshot/register") => version("Names a version of a dataset")
            .body(required([("dataset_id", id()), ("name", some_name()), ("xact_id", xact())]))
            .or(409),
        ("POST", "/api/dataset_snapshot/get") => version("Finds named versions")
            .body(members([
                ("id", id()),
                ("dataset_id", id()),
                ("name", text()),
                ("xact_id", xact()),
            ]))
            .reply(list(&object())),
        ("POST", "/api/dataset_snapshot/patch_id") => {
            version("Renames a version").body(required([("id", id()), ("name", name())])).or(409)
        }
        ("POST", "/api/dataset_snapshot/delete_id") => {
            version("Forgets the name of a version").body(required([("id", id())]))
        }
        ("POST", "/v1/dataset/{id}/restore/preview") => {
            version("Counts what going back to a version would change")
                .body(required([("version", xact())]))
        }
        ("POST", "/v1/dataset/{id}/restore") => {
            version("Makes the rows of a dataset what they were at a version")
                .body(required([("version", xact())]))
                .or(413)
        }
        ("GET", "/environment-object/dataset/{id}") => version("Lists the versions in use"),
        ("GET", "/environment-object/dataset/{id}/{environment}") => {
            version("The version that an environment uses")
        }
        ("PUT", "/environment-object/dataset/{id}/{environment}") => {
            version("Sets the version that an environment uses")
                .body(required([("object_version", xact())]))
        }
        ("DELETE", "/environment-object/dataset/{id}/{environment}") => {
            version("Forgets the version that an environment uses")
        }
        _ => return None,
    })
}

/// What both registrations of an experiment take.
fn registration(name_member: &str, flag: &str) -> Value {
    let registration = members([
        ("project_id", id()),
        ("project_name", name()),
        (name_member, name()),
        (flag, boolean()),
        ("repo_info", nullable(&members([("commit", text()), ("branch", text())]))),
        ("base_exp_id", text()),
        ("base_experiment", text()),
        ("ancestor_commits", list(&text())),
        ("metadata", any()),
        ("tags", any()),
        ("public", any()),
    ]);
    any_of(registration, [&["project_id"], &["project_name"]])
}

fn new_dataset(name_member: &str) -> Value {
    let dataset = members([
        ("project_id", id()),
        ("project_name", name()),
        (name_member, name()),
        ("description", nullable(&text())),
        ("metadata", nullable(&object())),
    ]);
    any_of(dataset, [&["project_id"], &["project_name"]])
}

/// Members that can be changed; null removes where there is something to remove.
fn changes() -> Value {
    members([
        ("name", name()),
        ("description", nullable(&text())),
        ("metadata", nullable(&object())),
        ("tags", nullable(&list(&text()))),
    ])
}
