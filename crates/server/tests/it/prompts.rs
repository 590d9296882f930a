//! Prompts over REST: made, changed, found at a version and in an environment, deleted.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Collector, Reply};

fn chat(text: &str) -> Value {
    json!({"prompt": {"type": "chat", "messages": [{"role": "user", "content": text}]},
        "options": {"model": "gpt-4o", "params": {"temperature": 0}}})
}

fn greeting(text: &str) -> Value {
    json!({"project_name": "p", "slug": "greeting", "name": "Greeting",
        "prompt_data": chat(text), "tags": ["t"]})
}

async fn put(collector: &Collector, path: &str, body: &Value) -> Value {
    let reply = collector.send(Method::PUT, path, body.to_string()).await;
    assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.body);
    reply.body
}

async fn send(collector: &Collector, method: Method, path: &str, body: &Value) -> Reply {
    collector.send(method, path, body.to_string()).await
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

/// The short form of a transaction id that clients show to people.
fn pretty(xact: &Value) -> String {
    let number: u64 = text(xact).parse().expect("a number");
    format!("{:016x}", number.wrapping_mul(205_891_132_094_649))
}

fn objects(reply: &Value) -> &Vec<Value> {
    reply["objects"].as_array().expect("a list")
}

#[tokio::test]
async fn a_prompt_has_every_member_that_clients_read() {
    let collector = Collector::start().await;
    let org = collector.post("/api/apikey/login", &json!({})).await["org_info"][0]["id"].clone();
    let made = collector.post("/v1/prompt", &greeting("hello")).await;
    let project = collector.get("/v1/project?project_name=p").await["objects"][0]["id"].clone();
    let expected = json!({
        "id": made["id"], "_xact_id": made["_xact_id"], "created": made["created"],
        "log_id": "p", "org_id": org, "project_id": project, "slug": "greeting",
        "name": "Greeting", "description": null, "prompt_data": chat("hello"), "tags": ["t"],
        "metadata": null, "function_type": null, "function_data": {"type": "prompt"},
        "function_schema": null, "origin": null,
    });
    assert_eq!(made, expected);
    assert!(text(&made["_xact_id"]).len() == 19 && text(&made["created"]).ends_with('Z'));
    let id = text(&made["id"]);
    assert_eq!(collector.get(&format!("/v1/prompt/{id}")).await, made);
    let by_slug = collector.get("/v1/prompt?project_name=p&slug=greeting&org_name=local").await;
    assert_eq!(by_slug, json!({"objects": [made]}));
    let collector = Collector::start_in(collector.stop().await, |options| options).await;
    assert_eq!(collector.get(&format!("/v1/prompt/{id}")).await, made);
}

#[tokio::test]
async fn posting_finds_putting_replaces_and_every_write_is_a_version() {
    let collector = Collector::start().await;
    let first = collector.post("/v1/prompt", &greeting("one")).await;
    let again = send(&collector, Method::POST, "/v1/prompt", &greeting("two")).await;
    assert_eq!(
        (again.headers["x-bt-found-existing"].as_bytes(), again.body),
        (&b"true"[..], first.clone())
    );
    let long = "words ".repeat(1_000);
    let second = put(&collector, "/v1/prompt", &greeting(&long)).await;
    assert_eq!(second["id"], first["id"]);
    assert!(text(&second["_xact_id"]) > text(&first["_xact_id"]));
    assert_eq!(second["prompt_data"], chat(&long));

    let path = format!("/v1/prompt/{}", text(&first["id"]));
    let changes = json!({"description": "words", "slug": null, "_xact_id": "7",
        "prompt_data": {"options": {"params": {"top_p": 1}}}, "tags": ["u"]});
    let third = send(&collector, Method::PATCH, &path, &changes).await.body;
    assert_eq!((&third["description"], &third["tags"]), (&json!("words"), &json!(["u"])));
    let params = json!({"temperature": 0, "top_p": 1});
    assert_eq!(third["prompt_data"]["options"]["params"], params);
    assert_eq!(third["prompt_data"]["prompt"], second["prompt_data"]["prompt"]);
    assert_eq!(third["slug"], "greeting");
    assert!(text(&third["_xact_id"]) > text(&second["_xact_id"]));
    let nothing = send(&collector, Method::PATCH, &path, &json!({"name": null})).await.body;
    assert_eq!(nothing, third, "no change, no version");

    for version in [&first, &second, &third] {
        for given in [text(&version["_xact_id"]).to_owned(), pretty(&version["_xact_id"])] {
            assert_eq!(collector.get(&format!("{path}?version={given}")).await, *version);
            let by_slug = format!("/v1/prompt?project_name=p&slug=greeting&version={given}");
            assert_eq!(objects(&collector.get(&by_slug).await), std::slice::from_ref(version));
        }
    }
    // Between two versions, the earlier one; before all of them, nothing.
    let now = collector.get("/xact-id").await.to_string();
    assert_eq!(collector.get(&format!("{path}?version={now}")).await, third);
    let before = "1000000000000000000";
    let none = collector.get(&format!("/v1/prompt?slug=greeting&version={before}")).await;
    assert_eq!(none, json!({"objects": []}));
    let missing =
        send(&collector, Method::GET, &format!("{path}?version={before}"), &json!({})).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(text(&missing.body["error"]).contains("version"), "{}", missing.body);
}

#[tokio::test]
async fn environments_use_a_version_until_they_use_another() {
    let collector = Collector::start().await;
    let mut body = greeting("one");
    body["environment_slugs"] = json!(["staging", "production"]);
    let first = collector.post("/v1/prompt", &body).await;
    let id = text(&first["id"]);
    body["prompt_data"] = chat("two");
    body["environment_slugs"] = json!(["staging"]);
    let second = put(&collector, "/v1/prompt", &body).await;
    let used = async |environment: &str| {
        let path = format!("/v1/prompt?project_name=p&slug=greeting&environment={environment}");
        let listed = collector.get(&path).await;
        let path = format!("/v1/prompt/{id}?environment={environment}");
        let found = send(&collector, Method::GET, &path, &json!({})).await;
        match objects(&listed).as_slice() {
            [one] => {
                assert_eq!(found.body, *one);
                Some(one.clone())
            }
            _ => {
                assert_eq!(found.status, StatusCode::NOT_FOUND, "{}", found.body);
                None
            }
        }
    };
    assert_eq!(used("production").await, Some(first.clone()));
    assert_eq!(used("staging").await, Some(second.clone()));
    assert_eq!(used("elsewhere").await, None);

    let here = format!("/environment-object/prompt/{id}");
    let tag = collector.get(&format!("{here}/production?org_name=local")).await;
    assert_eq!((&tag["object_id"], &tag["object_type"]), (&first["id"], &json!("prompt")));
    assert_eq!(tag["object_version"], first["_xact_id"]);
    let moved = json!({"object_version": pretty(&second["_xact_id"]), "org_name": "local"});
    let moved = put(&collector, &format!("{here}/production"), &moved).await;
    assert_eq!((&moved["object_version"], &moved["id"]), (&second["_xact_id"], &tag["id"]));
    assert_eq!(used("production").await, Some(second.clone()));
    let named = json!({"object_version": first["_xact_id"], "environment_slug": "a/b"});
    collector.post(&here, &named).await;
    assert_eq!(used("a%2Fb").await, Some(first.clone()));
    let all = collector.get(&here).await;
    let slugs: Vec<_> = objects(&all).iter().map(|tag| text(&tag["environment_slug"])).collect();
    assert_eq!(slugs, ["a/b", "production", "staging"]);
    let gone = send(&collector, Method::DELETE, &format!("{here}/production"), &json!({})).await;
    assert_eq!(gone.body["environment_slug"], "production", "{}", gone.body);
    assert_eq!(used("production").await, None);

    for (method, path, body, status) in [
        (Method::GET, format!("{here}/production"), json!({}), 404),
        (Method::DELETE, format!("{here}/production"), json!({}), 404),
        (Method::PUT, format!("{here}/x"), json!({"object_version": "soon"}), 400),
        (Method::PUT, format!("{here}/x"), json!({"object_version": "1000000000000000000"}), 400),
        (Method::PUT, format!("{here}/%20"), json!({"object_version": first["_xact_id"]}), 400),
        (Method::GET, "/environment-object/prompt/nope".into(), json!({}), 404),
        (Method::GET, format!("/environment-object/experiment/{id}"), json!({}), 404),
        (
            Method::GET,
            format!("/v1/prompt/{id}?environment=staging&version={}", text(&first["_xact_id"])),
            json!({}),
            400,
        ),
    ] {
        let reply = send(&collector, method.clone(), &path, &body).await;
        assert_eq!(reply.status.as_u16(), status, "{method} {path}: {}", reply.body);
    }
}

#[tokio::test]
async fn lists_are_filtered_and_go_on_page_by_page() {
    let collector = Collector::start().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let body = json!({"project_name": if n < 4 { "p" } else { "q" }, "slug": format!("s{n}"),
            "name": if n == 1 { "one" } else { "other" }});
        ids.push(text(&collector.post("/v1/prompt", &body).await["id"]).to_owned());
    }
    let list = async |query: &str| {
        let reply = collector.get(&format!("/v1/prompt?{query}")).await;
        let slugs = objects(&reply).iter().map(|prompt| text(&prompt["slug"]).to_owned());
        (slugs.collect::<Vec<_>>(), reply["next_cursor"].as_str().map(str::to_owned))
    };
    let project = collector.get("/v1/project?project_name=q").await["objects"][0]["id"].clone();
    for (query, slugs) in [
        (String::new(), &["s4", "s3", "s2", "s1", "s0"][..]),
        ("project_name=p".into(), &["s3", "s2", "s1", "s0"]),
        (format!("project_id={}", text(&project)), &["s4"]),
        ("prompt_name=one".into(), &["s1"]),
        ("slug=s2&project_name=p".into(), &["s2"]),
        ("slug=s2&project_name=q".into(), &[]),
        ("project_name=nobody".into(), &[]),
        (format!("ids={}&ids={}", ids[0], ids[4]), &["s4", "s0"]),
        (format!("ids={}", ids[3]), &["s3"]),
        ("limit=2".into(), &["s4", "s3"]),
        (format!("limit=2&starting_after={}", ids[3]), &["s2", "s1"]),
        (format!("limit=2&ending_before={}", ids[1]), &["s3", "s2"]),
        (format!("starting_after={}", ids[0]), &[]),
        ("function_type=tool".into(), &[]),
    ] {
        assert_eq!(list(&query).await.0, slugs, "{query}");
    }
    let (mut cursor, mut seen) = (None, Vec::new());
    loop {
        let after = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let (slugs, next) = list(&format!("limit=2{after}")).await;
        seen.extend(slugs);
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["s4", "s3", "s2", "s1", "s0"]);
    for query in [
        "limit=0".to_owned(),
        "version=latest".to_owned(),
        format!("starting_after={0}&ending_before={0}", ids[0]),
        vec!["ids=x"; 1_001].join("&"),
    ] {
        let reply = send(&collector, Method::GET, &format!("/v1/prompt?{query}"), &json!({})).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{query:.80}");
    }
}

#[tokio::test]
async fn a_prompt_goes_with_its_history_and_with_its_project() {
    let collector = Collector::start().await;
    let first = collector.post("/v1/prompt", &greeting("one")).await;
    put(&collector, "/v1/prompt", &greeting("two")).await;
    let path = format!("/v1/prompt/{}", text(&first["id"]));
    let gone = send(&collector, Method::DELETE, &path, &json!({})).await;
    assert_eq!(gone.body["prompt_data"], chat("two"), "{}", gone.body);
    assert!(gone.body["deleted_at"].is_string());
    let version = format!("{path}?version={}", text(&first["_xact_id"]));
    for (method, path) in [(Method::GET, &version), (Method::GET, &path), (Method::DELETE, &path)] {
        let reply = send(&collector, method, path, &json!({})).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
    }
    // Its slug is free again, and nothing of the old one comes back with it.
    let mut body = greeting("new");
    body["environment_slugs"] = json!(["production"]);
    let fresh = collector.post("/v1/prompt", &body).await;
    assert_ne!(fresh["id"], first["id"]);
    let old = format!("/v1/prompt?slug=greeting&version={}", text(&first["_xact_id"]));
    assert_eq!(collector.get(&old).await, json!({"objects": []}));

    let project = format!("/v1/project/{}", text(&fresh["project_id"]));
    assert_eq!(send(&collector, Method::DELETE, &project, &json!({})).await.status, StatusCode::OK);
    assert_eq!(collector.get("/v1/prompt").await, json!({"objects": []}));
    let database = collector.database();
    for table in ["functions", "function_versions", "function_environments"] {
        assert_eq!(database.number(&format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
}

#[tokio::test]
async fn malformed_prompts_are_refused_and_leave_nothing() {
    let collector = Collector::start().await;
    for (member, value, status) in [
        ("slug", json!(null), 400),
        ("slug", json!(" "), 400),
        ("slug", json!("x".repeat(2_000)), 400),
        ("name", json!(7), 400),
        ("prompt_data", json!([]), 400),
        ("tags", json!([7]), 400),
        ("project_name", json!(null), 400),
        ("project_name", json!([]), 400),
        ("project_id", json!("nope"), 404),
        ("function_data", json!({"type": "code"}), 400),
        ("environment_slugs", json!([""]), 400),
        ("environment_slugs", json!(vec!["e"; 101]), 400),
    ] {
        let mut body = greeting("x");
        body[member] = value;
        for method in [Method::POST, Method::PUT] {
            let reply = send(&collector, method, "/v1/prompt", &body).await;
            assert_eq!(reply.status.as_u16(), status, "{member}: {}", reply.body);
        }
    }
    collector.refused("/v1/prompt", "[]", 400).await;
    collector.refused("/v1/prompt", "{", 400).await;
    assert_eq!(collector.get("/v1/prompt").await, json!({"objects": []}));
    assert_eq!(collector.get("/v1/project").await, json!({"objects": []}));

    let one = collector.post("/v1/prompt", &greeting("x")).await;
    let mut other = greeting("x");
    other["slug"] = json!("taken");
    collector.post("/v1/prompt", &other).await;
    let path = format!("/v1/prompt/{}", text(&one["id"]));
    for (changes, status) in [
        (json!({"slug": "taken"}), 409),
        (json!({"tags": 7}), 400),
        (json!({"name": " "}), 400),
        (json!({"prompt_data": "x"}), 400),
    ] {
        let reply = send(&collector, Method::PATCH, &path, &changes).await;
        assert_eq!(reply.status.as_u16(), status, "{changes}: {}", reply.body);
    }
    assert_eq!(collector.get(&path).await, one, "nothing was changed");
    let unknown = send(&collector, Method::PATCH, "/v1/prompt/nope", &json!({"name": "x"})).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn definitions_have_a_limit_that_merging_does_not_pass() {
    let collector = Collector::start().await;
    let made = collector.post("/v1/prompt", &greeting("x")).await;
    let path = format!("/v1/prompt/{}", text(&made["id"]));
    let large = "x".repeat(2_500_000);
    let first = json!({"metadata": {"a": large}});
    let reply = send(&collector, Method::PATCH, &path, &first).await;
    assert_eq!(reply.status, StatusCode::OK);
    let reply = send(&collector, Method::PATCH, &path, &json!({"metadata": {"b": large}})).await;
    assert_eq!((reply.status.as_u16(), &reply.body["code"]), (413, &json!("definition_too_large")));
    let mut body = greeting("x");
    body["description"] = json!("x".repeat(5_000_000));
    let reply = send(&collector, Method::PUT, "/v1/prompt", &body).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    let now = collector.get(&path).await;
    assert_eq!(text(&now["metadata"]["a"]).len(), large.len());
    assert!(now["metadata"]["b"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_at_once_make_one_prompt_and_each_its_version() {
    let collector = Collector::start().await;
    let posts = (0..8).map(|n| {
        let body = greeting(&format!("post {n}"));
        let collector = &collector;
        async move { collector.post("/v1/prompt", &body).await }
    });
    let made = futures_util::future::join_all(posts).await;
    assert!(made.iter().all(|one| *one == made[0]), "one was made, the others found it");
    let puts = (0..8).map(|n| {
        let body = greeting(&format!("put {n}"));
        let collector = &collector;
        async move { put(collector, "/v1/prompt", &body).await }
    });
    let mut versions = futures_util::future::join_all(puts).await;
    versions.sort_by(|a, b| text(&a["_xact_id"]).cmp(text(&b["_xact_id"])));
    for version in &versions {
        assert_eq!(version["id"], made[0]["id"]);
        let path = format!("/v1/prompt?slug=greeting&version={}", text(&version["_xact_id"]));
        assert_eq!(objects(&collector.get(&path).await), std::slice::from_ref(version));
    }
    versions.dedup_by_key(|version| version["_xact_id"].clone());
    assert_eq!(versions.len(), 8);
}
