//! A good request for every route.

mod functions;
mod lists;
mod objects;
mod page;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Collector;

/// A request and what a key of another project gets.
pub(crate) struct Example {
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) other: Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Other {
    /// 403.
    Refused,
    /// An answer without anything of the project.
    Narrowed,
    /// The route knows no projects.
    Anybody,
    /// Only a key for all projects will do, so its own key is refused as well.
    NeedsAll,
}

impl Example {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self { path: path.into(), body: Vec::new(), headers: Vec::new(), other: Other::Refused }
    }

    #[expect(clippy::needless_pass_by_value, reason = "reads better where it is made")]
    pub(crate) fn post(path: impl Into<String>, body: Value) -> Self {
        Self { body: body.to_string().into_bytes(), ..Self::get(path) }
    }

    fn other(self, other: Other) -> Self {
        Self { other, ..self }
    }

    /// Whether the status is what a caller gets who may do it.
    pub(crate) fn answers(&self, status: u16) -> bool {
        (200..400).contains(&status)
    }
}

/// What the attachments hold.
const UPLOADED: &str = "words";

/// The profile of the experiments.
const PROFILE: &str = "{\"header\":{\"format\":\"tidegate-profile\",\"version\":1,\
    \"name\":\"a run\",\"source\":\"sdk\",\"started_unix_us\":0}}\n";

/// A project and what is in it.
pub(crate) struct Objects {
    pub(crate) project: String,
    pub(crate) project_name: String,
    pub(crate) experiment: String,
    pub(crate) experiment_name: String,
    /// Of the same project, and the base of `experiment`.
    pub(crate) base: String,
    pub(crate) dataset: String,
    pub(crate) snapshot: String,
    /// Of the snapshot.
    pub(crate) xact: String,
    /// A prompt with the code of another function, and its version, used by the environment `set`.
    pub(crate) prompt: String,
    pub(crate) prompt_xact: String,
    pub(crate) bundle: String,
    pub(crate) attachment: String,
    /// Signed, without the origin.
    pub(crate) upload: String,
    pub(crate) download: String,
    /// A key that nobody uses, and its id.
    pub(crate) spare_key: String,
    pub(crate) spare_key_id: String,
}

impl Objects {
    /// Makes them with a key that may.
    pub(crate) async fn make(collector: &Collector, key: &str, project: &str) -> Self {
        let authorization = format!("Bearer {key}");
        let post = async |path: &str, body: Value| {
            let headers = [("authorization", authorization.as_str())];
            let reply = collector.send_any(Method::POST, path, body.to_string(), &headers).await;
            assert_eq!(reply.status.as_u16(), 200, "{path}: {}", reply.text());
            reply.body
        };
        let register = async |name: String| {
            let body = json!({"project_name": project, "experiment_name": name});
            let reply = post("/api/experiment/register", body).await;
            let id = |object: &str| reply[object]["id"].as_str().expect("an id").to_owned();
            (id("project"), id("experiment"))
        };
        let (_, base) = register(format!("base-of-{project}")).await;
        let experiment_name = format!("experiment-of-{project}");
        let (project_id, experiment) = register(experiment_name.clone()).await;
        let rows: Vec<_> = [&base, &experiment]
            .map(
                |id| json!({"id": "r", "experiment_id": id, "input": format!("text of {project}")}),
            )
            .into();
        let written = post("/logs3", json!({"rows": rows, "api_version": 2})).await;
        let xact = written["xact_id"].as_str().expect("an id").to_owned();
        let body = json!({"project_name": project, "dataset_name": "d"});
        let dataset = post("/api/dataset/register", body).await;
        let dataset = dataset["dataset"]["id"].as_str().expect("an id").to_owned();
        let body = json!({"dataset_id": dataset, "dataset_snapshot_name": "s", "xact_id": xact});
        let snapshot = post("/api/dataset_snapshot/register", body).await;
        let snapshot = snapshot["dataset_snapshot"]["id"].as_str().expect("an id").to_owned();
        let path = format!("/environment-object/dataset/{dataset}/set");
        let body = json!({"object_version": xact}).to_string();
        let headers = [("authorization", authorization.as_str())];
        let reply = collector.send_any(Method::PUT, &path, body, &headers).await;
        assert_eq!(reply.status.as_u16(), 200, "{path}: {}", reply.text());
        let path = format!("/api/experiments/{experiment}/profile");
        let reply = collector.send_any(Method::PUT, &path, PROFILE, &headers).await;
        assert_eq!(reply.status.as_u16(), 200, "{path}: {}", reply.text());
        let body = json!({"project_name": project, "slug": "s", "name": "n",
            "description": format!("text of {project}"), "environment_slugs": ["set"]});
        let prompt = post("/v1/prompt", body).await;
        let spare = post("/v1/api_key", json!({"scope": "read"})).await;
        let text = |member: &str| spare[member].as_str().expect("text").to_owned();
        Self {
            spare_key: text("key"),
            spare_key_id: text("id"),
            project: project_id,
            project_name: project.into(),
            experiment,
            experiment_name,
            base,
            dataset,
            snapshot,
            xact,
            prompt: prompt["id"].as_str().expect("an id").to_owned(),
            prompt_xact: prompt["_xact_id"].as_str().expect("an id").to_owned(),
            bundle: String::new(),
            attachment: format!("attachment-of-{project}"),
            upload: String::new(),
            download: String::new(),
        }
    }

    /// Uploads the attachment with a key of the project.
    pub(crate) async fn attach(&mut self, collector: &Collector, key: &str) {
        let authorization = format!("Bearer {key}");
        let headers = [("authorization", authorization.as_str())];
        let signed = |url: &Value| {
            let url = url.as_str().expect("a URL");
            url.strip_prefix(collector.handle.url()).expect("the origin").to_owned()
        };
        let body = json!({"key": self.attachment}).to_string();
        let made = collector.send_any(Method::POST, "/attachment", body, &headers).await;
        self.upload = signed(&made.body["signedUrl"]);
        let put = collector.send_any(Method::PUT, &self.upload, UPLOADED, &[]).await;
        assert_eq!(put.status.as_u16(), 200, "{}", put.text());
        let path = format!("/attachment?key={}", self.attachment);
        let found = collector.send_any(Method::GET, &path, "", &headers).await;
        self.download = signed(&found.body["downloadUrl"]);
        let code = collector.send_any(Method::POST, "/function/code", "", &headers).await;
        code.body["bundleId"].as_str().expect("an id").clone_into(&mut self.bundle);
        let put = collector.send_any(Method::PUT, &signed(&code.body["url"]), "code", &[]).await;
        assert_eq!(put.status.as_u16(), 200, "{}", put.text());
    }

    /// Whether a text tells something about them.
    pub(crate) fn named_in(&self, text: &str) -> bool {
        let Self { project, project_name, experiment, base, dataset, prompt, .. } = self;
        let names = [project, project_name, experiment, base, dataset, prompt];
        names.into_iter().any(|name| text.contains(name.as_str()))
    }
}

/// The example for a route of the table; `None` if somebody forgot to write one.
pub(crate) fn example(method: &str, path: &str, of: &Objects) -> Option<Example> {
    let Objects { project, project_name, experiment, experiment_name, base, .. } = of;
    let here = |path: &str| path.replace("{id}", experiment);
    let btql = |id: &str| {
        json!({"query": {"select": [{"op": "star"}], "from": {"op": "function",
            "name": {"op": "ident", "name": ["experiment"]},
            "args": [{"op": "literal", "value": id}]}}})
    };
    Some(match (method, path) {
        ("GET", "/ping" | "/health/live" | "/health/ready" | "/openapi.json") => {
            Example::get(path).other(Other::Anybody)
        }
        ("POST", "/internal/hello" | "/internal/handover") => Example::post(path, json!({})),
        ("POST", "/internal/keys") => Example::post(path, json!({"command": "list"})),
        ("POST", "/api/apikey/login") => Example::post(path, json!({})).other(Other::Anybody),
        ("GET", "/metrics") => Example::get(path).other(Other::NeedsAll),
        ("GET", "/version") => Example::get(path).other(Other::Anybody),
        ("POST", "/api/project/register") => {
            Example::post(path, json!({"project_name": project_name}))
        }
        ("POST", "/api/project/get") => Example::post(path, json!({"id": project})),
        ("GET", "/api/project") => Example::get(format!("{path}?id={project}")),
        ("POST", "/api/experiment/register") => Example::post(
            path,
            json!({"project_name": project_name, "experiment_name": "another of theirs"}),
        ),
        ("POST", "/api/experiment/get") => {
            Example::post(path, json!({"project_id": project, "experiment_name": experiment_name}))
        }
        ("POST", "/api/base_experiment/get_id") => Example::post(path, json!({"id": experiment})),
        ("GET", "/experiment-comparison2") => {
            Example::get(format!("{path}?experiment_id={experiment}&base_experiment_id={base}"))
        }
        ("GET", "/v1/project" | "/v1/experiment") => Example::get(path).other(Other::Narrowed),
        ("POST", "/v1/project") => Example::post(path, json!({"name": project_name})),
        ("GET", "/v1/project/{id}") => Example::get(path.replace("{id}", project)),
        ("POST", "/v1/experiment") => Example::post(path, json!({"project_id": project})),
        ("GET", "/v1/experiment/{id}" | "/v1/experiment/{id}/summarize") => {
            Example::get(here(path))
        }
        ("POST", "/v1/experiment/{id}/fetch") => Example::post(here(path), json!({"limit": 1})),
        ("POST", "/logs3") => Example::post(
            path,
            json!({"rows": [{"id": "new", "experiment_id": experiment}], "api_version": 2}),
        ),
        ("POST", "/otel/v1/traces") => otlp(project),
        ("POST", "/btql") => Example::post(path, btql(experiment)),
        _ => {
            return objects::example(method, path, of)
                .or_else(|| lists::example(method, path, of))
                .or_else(|| functions::example(method, path, of))
                .or_else(|| page::example(method, path, of));
        }
    })
}

/// A span that goes to the project's logs.
fn otlp(project: &str) -> Example {
    let span = json!({"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331"});
    let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]});
    let parent: &'static str = format!("project_id:{project}").leak();
    let headers = vec![("content-type", "application/json"), ("x-bt-parent", parent)];
    Example { headers, ..Example::post("/otel/v1/traces", body) }
}
