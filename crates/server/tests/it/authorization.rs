//! Every route of the table against every kind of wrong key: refused, and nothing changed. A route
//! without an example here fails the suite.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tidegate_server::{CreatedKey, NewKey, Scope, route_table};

use crate::database::{Database, keyring};
use crate::examples::{Example, Objects, Other, example};
use crate::harness::{Collector, DEADLINE, Reply};

/// Keys of every kind, in a collector that needs one.
struct World {
    collector: Collector,
    all: String,
    revoked: String,
    number: u32,
    /// What [`World::dump`] asks, with the name of each table.
    queries: Vec<(String, String)>,
}

/// A project with something of everything in it, and keys for it.
struct Project {
    objects: Objects,
    writer: String,
    reader: String,
}

impl World {
    async fn start() -> Self {
        let collector = Collector::start_with(|options| options.require_key(true)).await;
        let all = collector.handle.first_key().expect("the first key").to_owned();
        let keyring = keyring(collector.dir.path()).await;
        let CreatedKey { key: revoked, id, .. } =
            keyring.create(new_key(None, Scope::Write)).await.expect("created");
        keyring.revoke(&id).await.expect("revoked");
        known(&collector, &revoked, "key_revoked").await;
        let tables = collector.database().tables().into_iter();
        let queries = tables.filter(|name| !DERIVED.contains(&name.as_str())).map(|name| {
            let columns = if name == "api_keys" { "id, scope, project, revoked" } else { "*" };
            (format!("SELECT {columns} FROM \"{name}\""), name)
        });
        Self { collector, all, revoked, number: 0, queries: queries.collect() }
    }

    async fn project(&mut self) -> Project {
        self.number += 1;
        let name = format!("project-{}", self.number);
        let mut objects = Objects::make(&self.collector, &self.all, &name).await;
        let keyring = keyring(self.collector.dir.path()).await;
        let of = |scope| keyring.create(new_key(Some(&objects.project), scope));
        let (writer, reader) = (of(Scope::Write).await, of(Scope::Read).await);
        let (writer, reader) = (writer.expect("created").key, reader.expect("created").key);
        for key in [&writer, &reader] {
            known(&self.collector, key, "").await;
        }
        objects.attach(&self.collector, &writer).await;
        Project { objects, writer, reader }
    }

    async fn send(&self, method: &str, example: &Example, key: Option<&str>) -> Reply {
        let method: Method = method.parse().expect("a method");
        let authorization = key.map(|key| format!("Bearer {key}"));
        let mut headers: Vec<_> = example.headers.clone();
        if let Some(authorization) = &authorization {
            headers.push(("authorization", authorization));
        }
        self.collector.send_any(method, &example.path, example.body.clone(), &headers).await
    }

    /// Waits until what was deleted is removed.
    async fn settle(&self) {
        let database = self.collector.database();
        let left = || {
            database.number(match database {
                Database::Sqlite(_) => "SELECT count(*) FROM objects WHERE kind = 'deleted'",
                Database::Postgres(_) => "SELECT count(*) FROM objects WHERE deleted",
            })
        };
        let settled = async {
            while left() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(DEADLINE, settled).await.expect("nothing is left to remove");
    }

    /// Everything in the database but when keys were used, and the journal, from which the index
    /// takes at its own time what it has seen; what a change does to other tables is enough.
    fn dump(&self) -> Vec<String> {
        let mut dump = self.collector.database().labelled(&self.queries);
        // A row that was written anew may come last.
        dump.sort();
        dump
    }
}

/// Waits until the collector has heard of what became of a key: at once where it did that itself.
async fn known(collector: &Collector, key: &str, code: &str) {
    let authorization = format!("Bearer {key}");
    let headers = [("authorization", authorization.as_str())];
    let heard = async {
        loop {
            let reply = collector.send_with(Method::GET, "/version", "", &headers).await;
            if reply.body["code"].as_str().unwrap_or_default() == code {
                return;
            }
        }
    };
    tokio::time::timeout(DEADLINE, heard).await.expect("heard of");
}

/// The journal and what an index makes of it, whenever it likes; SQLite has most of that in a file
/// of its own.
const DERIVED: [&str; 6] =
    ["changes", "tallies", "traces", "row_words", "attachments", "summaries"];

fn new_key(project: Option<&str>, scope: Scope) -> NewKey {
    NewKey { name: None, project: project.map(str::to_owned), scope }
}

#[tokio::test]
async fn every_route_refuses_every_wrong_key_and_changes_nothing() {
    let mut world = World::start().await;
    let stranger = world.project().await;
    let mut faults = Vec::new();
    for (method, path, access) in route_table() {
        world.settle().await;
        let own = world.project().await;
        let Some(example) = example(&method, path, &own.objects) else {
            faults.push(format!("{method} {path} has no example request; add one to examples.rs"));
            continue;
        };
        let good = if example.other == Other::NeedsAll { &world.all } else { &own.writer };
        let limited = (example.other == Other::NeedsAll).then_some("key_other_project");
        let reader = if access == "write" { Some("key_read_only") } else { limited };
        let other = match example.other {
            Other::Refused | Other::NeedsAll => Some("key_other_project"),
            Other::Narrowed | Other::Anybody => None,
        };
        let mut tries = vec![
            ("no key", None, Some("key_missing")),
            ("a wrong key", Some("tg-0000"), Some("key_unknown")),
            ("a revoked key", Some(&*world.revoked), Some("key_revoked")),
            ("a read-only key", Some(&*own.reader), reader),
            ("another project's key", Some(&*stranger.writer), other),
        ];
        match access.as_str() {
            "open" => tries.iter_mut().for_each(|(_, _, code)| *code = None),
            "internal" => {
                tries.iter_mut().for_each(|(_, _, code)| *code = Some("wrong_token"));
                tries.push(("a key for everything", Some(&*world.all), Some("wrong_token")));
            }
            _ => {}
        }
        // What the database has, as long as nothing may have changed it.
        let mut known = None;
        for (who, key, code) in tries {
            // Whoever may do it may change something.
            let may = code.is_none() && access == "write";
            let before =
                if may { None } else { Some(known.take().unwrap_or_else(|| world.dump())) };
            let reply = world.send(&method, &example, key).await;
            let fault = |what: &str| {
                let (status, text) = (reply.status, reply.text());
                format!("{method} {path} with {who}: {what}, got {status} {text:.300}")
            };
            if let Some(code) = code {
                let refused = [401, 403].contains(&reply.status.as_u16());
                if !refused || reply.body["code"] != code {
                    faults.push(fault(&format!("expected {code}")));
                }
            } else if !example.answers(reply.status.as_u16()) && example.other != Other::Narrowed {
                faults.push(fault("expected success"));
            }
            if who.starts_with("another") && own.objects.named_in(&reply.text()) && code.is_none() {
                faults.push(fault("expected nothing of the project"));
            }
            if let Some(before) = before {
                let after = world.dump();
                if after != before {
                    faults.push(fault("something was changed"));
                }
                known = Some(after);
            }
        }
        if access == "internal" {
            continue;
        }
        // Last, as it may delete: the request is a good one, so it was the key that was refused.
        let reply = world.send(&method, &example, Some(good)).await;
        if !example.answers(reply.status.as_u16()) {
            let (status, text) = (reply.status, reply.text());
            faults.push(format!("{method} {path} with a good key: {status} {text}"));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[tokio::test]
async fn a_request_with_rows_of_two_projects_stores_none() {
    let mut world = World::start().await;
    let (own, other) = (world.project().await, world.project().await);
    let row = |experiment: &str| json!({"id": "new", "experiment_id": experiment});
    let logs = |project: &str| json!({"id": "new", "project_id": project, "log_id": "g"});
    for wrong in [
        row(&other.objects.experiment),
        row("nobody registered this"),
        logs(&other.objects.project),
        json!({"id": "new", "prompt_session_id": "s"}),
        json!({"id": "new", "dataset_id": "nobody registered this"}),
    ] {
        let good = [row(&own.objects.experiment), logs(&own.objects.project)];
        let example = logs3(&json!([good[0], wrong, good[1]]));
        let before = world.dump();
        let reply = world.send("POST", &example, Some(&own.writer)).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.body["code"]),
            (403, &json!("key_other_project"))
        );
        assert_eq!(world.dump(), before, "{wrong}");
        let reply = world.send("POST", &logs3(&json!(good)), Some(&own.writer)).await;
        assert_eq!(reply.status.as_u16(), 200, "{}", reply.text());
        // A key for everything may, as before.
        let reply = world.send("POST", &example, Some(&world.all)).await;
        assert_eq!(reply.status.as_u16(), 200, "{}", reply.text());
    }
}

fn logs3(rows: &Value) -> Example {
    Example::post("/logs3", json!({"rows": rows, "api_version": 2}))
}

#[tokio::test]
async fn a_key_of_a_project_finds_it_and_makes_no_other() {
    let mut world = World::start().await;
    let (own, other) = (world.project().await, world.project().await);
    let send = async |path: &str, body: Value| {
        world.send("POST", &Example::post(path, body), Some(&own.writer)).await
    };
    let name = &own.objects.project_name;
    let found = send("/v1/project", json!({"name": name})).await;
    assert_eq!(found.body["id"], own.objects.project);
    assert_eq!(found.headers["x-bt-found-existing"], "true");
    let before = world.dump();
    for (path, body) in [
        ("/v1/project", json!({"name": "a new one"})),
        ("/api/project/register", json!({})),
        ("/api/experiment/register", json!({"project_name": "a new one"})),
        ("/v1/experiment", json!({"project_id": other.objects.project})),
        (
            "/v1/experiment",
            json!({"project_id": own.objects.project, "base_exp_id": other.objects.experiment}),
        ),
    ] {
        let reply = send(path, body.clone()).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.body["code"]),
            (403, &json!("key_other_project"))
        );
        assert_eq!(world.dump(), before, "{path} {body}");
    }
    let made = send("/api/experiment/register", json!({"project_name": name})).await;
    assert_eq!(made.body["project"]["id"], own.objects.project, "{}", made.text());
}

#[tokio::test]
async fn a_base_in_another_project_is_not_shown() {
    let mut world = World::start().await;
    let (own, other) = (world.project().await, world.project().await);
    let body = json!({"project_id": own.objects.project, "base_exp_id": other.objects.experiment});
    let made = world.send("POST", &Example::post("/v1/experiment", body), Some(&world.all)).await;
    let id = made.body["id"].as_str().expect("an id").to_owned();
    let base = Example::post("/api/base_experiment/get_id", json!({ "id": id }));
    let compared = Example::get(format!("/v1/experiment/{id}/summarize"));
    let known = world.send("POST", &base, Some(&world.all)).await;
    assert_eq!(known.body["base_exp_id"], other.objects.experiment);
    let hidden = world.send("POST", &base, Some(&own.writer)).await;
    assert_eq!(hidden.status.as_u16(), 400, "clients take this as: there is none");
    let known = world.send("GET", &compared, Some(&world.all)).await;
    assert_eq!(known.body["comparison_experiment_name"], other.objects.experiment_name);
    let hidden = world.send("GET", &compared, Some(&own.writer)).await;
    assert_eq!(hidden.status.as_u16(), 200);
    assert_eq!(hidden.body["comparison_experiment_name"], Value::Null);
}

/// Routes that are asked with a body and change nothing. The test above cannot see that a route
/// was taken for one of these if its example finds what it would make.
const READING_POSTS: [&str; 9] = [
    "/api/apikey/login",
    "/api/base_experiment/get_id",
    "/api/dataset/get",
    "/api/dataset_snapshot/get",
    "/api/experiment/get",
    "/api/project/get",
    "/api/self/get_object_info",
    "/btql",
    "/v1/dataset/{id}/restore/preview",
];

#[test]
fn only_routes_that_read_may_be_called_with_a_key_that_reads() {
    for (method, path, access) in route_table() {
        let reads = method == "GET"
            || READING_POSTS.contains(&path)
            || (method == "POST" && path.starts_with("/v1/") && path.ends_with("/fetch"));
        // A signature or a token stands for the key.
        if matches!(access.as_str(), "open" | "internal") {
            continue;
        }
        assert_eq!(access == "read", reads, "{method} {path}: {access}");
    }
}

#[tokio::test]
async fn what_was_deleted_belongs_to_no_project() {
    let mut world = World::start().await;
    let own = world.project().await;
    let rows = logs3(&json!([{"id": "new", "experiment_id": own.objects.experiment}]));
    let written = world.send("POST", &rows, Some(&own.writer)).await;
    assert_eq!(written.status.as_u16(), 200, "{}", written.text());
    let gone = Example::get(format!("/v1/experiment/{}", own.objects.experiment));
    let deleted = world.send("DELETE", &gone, Some(&own.writer)).await;
    assert_eq!(deleted.status.as_u16(), 200, "{}", deleted.text());
    let refused = world.send("POST", &rows, Some(&own.writer)).await;
    assert_eq!(refused.body["code"], "key_other_project", "{}", refused.text());
    // A deleted project leaves its keys with nothing, not with everything.
    let project = Example::get(format!("/v1/project/{}", own.objects.project));
    let deleted = world.send("DELETE", &project, Some(&own.writer)).await;
    assert_eq!(deleted.status.as_u16(), 200, "{}", deleted.text());
    let listed = world.send("GET", &Example::get("/v1/project"), Some(&own.writer)).await;
    assert_eq!(listed.body["objects"], json!([]), "{}", listed.text());
    let other = Example::post("/v1/project", json!({"name": own.objects.project_name}));
    let refused = world.send("POST", &other, Some(&own.writer)).await;
    assert_eq!(refused.body["code"], "key_other_project", "{}", refused.text());
}
