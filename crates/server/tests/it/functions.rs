//! Parameters, tools and scorers: what `push` of the clients sends, and how it is read.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::Collector;

fn parameters(model: &str) -> Value {
    json!({"project_name": "p", "slug": "knobs", "name": "Knobs", "description": "",
        "function_type": "parameters", "function_data": {"type": "parameters",
            "data": {"model": model},
            "__schema": {"type": "object", "properties": {"model": {"type": "string"}}}}})
}

fn tool(bundle: &str, if_exists: Option<&str>) -> Value {
    json!({"project_name": "p", "slug": "search", "name": "Search", "function_type": "tool",
        "if_exists": if_exists, "function_schema": {"parameters": {"type": "object"}},
        "function_data": {"type": "code", "data": {"type": "bundle", "bundle_id": bundle,
            "runtime_context": {"runtime": "node", "version": "22.0.0"},
            "location": {"type": "function", "index": 0}, "preview": "() => 1"}}})
}

fn scorer() -> Value {
    json!({"project_name": "p", "slug": "judge", "name": "Judge", "function_type": "scorer",
        "function_data": {"type": "prompt"}, "environments": [{"slug": "production"}],
        "prompt_data": {"parser": {"type": "llm_classifier", "choice_scores": {"Y": 1}}}})
}

async fn push(collector: &Collector, functions: Value) -> Value {
    collector.post("/insert-functions", &json!({ "functions": functions })).await
}

/// Slugs of what a list has.
async fn listed(collector: &Collector, path: &str) -> Vec<String> {
    let reply = collector.get(path).await;
    let objects = reply["objects"].as_array().expect("a list").iter();
    objects.map(|object| object["slug"].as_str().expect("a slug").to_owned()).collect()
}

#[tokio::test]
async fn a_push_stores_all_under_one_version() {
    let collector = Collector::start().await;
    let reply = push(&collector, json!([tool("b", None), parameters("m"), scorer()])).await;
    assert_eq!((&reply["status"], &reply["ignored_count"]), (&json!("success"), &json!(0)));
    let functions = reply["functions"].as_array().expect("a list");
    for (told, slug) in functions.iter().zip(["search", "knobs", "judge"]) {
        assert_eq!((&told["slug"], &told["found_existing"]), (&json!(slug), &json!(false)));
        let id = told["id"].as_str().expect("an id");
        let read = collector.get(&format!("/v1/function/{id}")).await;
        assert_eq!(
            (&read["_xact_id"], &read["project_id"]),
            (&reply["xact_id"], &told["project_id"])
        );
        assert!(read["if_exists"].is_null() && read["environments"].is_null());
    }
    assert_eq!(functions.len(), 3);
    for (query, slugs) in [
        ("", &["judge", "knobs", "search"][..]),
        ("?function_type=parameters", &["knobs"]),
        ("?function_type=tool&project_name=p", &["search"]),
        ("?function_name=Judge", &["judge"]),
        ("?environment=production", &["judge"]),
    ] {
        assert_eq!(listed(&collector, &format!("/v1/function{query}")).await, slugs, "{query}");
    }
    // Of these only the scorer is made of a prompt.
    assert_eq!(listed(&collector, "/v1/prompt").await, ["judge"]);
    let path = format!("/v1/prompt/{}", functions[0]["id"].as_str().expect("an id"));
    let reply = collector.send(Method::GET, &path, "").await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    let read = collector.get("/v1/function?slug=knobs&project_name=p").await["objects"][0].clone();
    assert_eq!(read["function_data"], parameters("m")["function_data"]);
}

#[tokio::test]
async fn what_exists_is_an_error_or_ignored_or_replaced() {
    let collector = Collector::start().await;
    let first = push(&collector, json!([tool("one", None)])).await;
    for if_exists in [None, Some("error")] {
        let body = json!({"functions": [scorer(), tool("two", if_exists)]}).to_string();
        let message = collector.refused("/insert-functions", &body, 409).await;
        assert!(message.contains("\"search\"") && message.contains("if_exists"), "{message}");
    }
    assert_eq!(listed(&collector, "/v1/function").await, ["search"], "all or none");
    let ignored = push(&collector, json!([tool("two", Some("ignore"))])).await;
    assert_eq!((&ignored["ignored_count"], &ignored["xact_id"]), (&json!(1), &Value::Null));
    assert_eq!(ignored["functions"][0]["found_existing"], true);
    let replaced = push(&collector, json!([tool("two", Some("replace")), scorer()])).await;
    assert_eq!(replaced["ignored_count"], 0);
    assert_eq!(replaced["functions"][0]["id"], first["functions"][0]["id"]);
    let path = format!("/v1/function/{}", first["functions"][0]["id"].as_str().expect("an id"));
    let bundle = async |query: &str| {
        let read = collector.get(&format!("{path}{query}")).await;
        read["function_data"]["data"]["bundle_id"].clone()
    };
    assert_eq!(bundle("").await, "two");
    let version = first["xact_id"].as_str().expect("a version");
    assert_eq!(bundle(&format!("?version={version}")).await, "one");

    // The same over REST: found unless it is to be replaced.
    let made = collector.post("/v1/function", &tool("three", None)).await;
    assert_eq!(made["function_data"]["data"]["bundle_id"], "two");
    let made = collector.post("/v1/function", &tool("three", Some("replace"))).await;
    assert_eq!(made["function_data"]["data"]["bundle_id"], "three");
    let body = tool("four", None).to_string();
    let put = collector.send(Method::PUT, "/v1/function", body).await;
    assert_eq!(put.body["function_data"]["data"]["bundle_id"], "four");
    assert_eq!(put.headers["x-bt-found-existing"], "true");
}

#[tokio::test]
async fn a_slug_is_one_function_whatever_its_type() {
    let collector = Collector::start().await;
    push(&collector, json!([tool("b", None)])).await;
    let prompt = json!({"project_name": "p", "slug": "search", "name": "n"});
    for method in [Method::POST, Method::PUT] {
        let reply = collector.send(method, "/v1/prompt", prompt.to_string()).await;
        assert_eq!((reply.status.as_u16(), &reply.body["code"]), (409, &json!("slug_taken")));
    }
    // A push may turn code into a prompt, as long as it says so.
    let mut function = prompt.clone();
    function["function_data"] = json!({"type": "prompt"});
    function["if_exists"] = json!("replace");
    push(&collector, json!([function])).await;
    assert_eq!(listed(&collector, "/v1/prompt").await, ["search"]);
    let elsewhere = json!({"project_name": "q", "slug": "search", "name": "n"});
    collector.post("/v1/prompt", &elsewhere).await;
    assert_eq!(listed(&collector, "/v1/prompt?slug=search&project_name=q").await, ["search"]);
}

#[tokio::test]
async fn a_prompt_names_tools_of_its_push_and_readers_get_their_ids() {
    let collector = Collector::start().await;
    let project = collector.post("/v1/project", &json!({"name": "p"})).await["id"].clone();
    let sum = |slug: &str, if_exists: &str| {
        let tool = json!({"type": "slug", "project_id": project, "slug": slug});
        json!({"project_id": project, "slug": "sum", "name": "Sum", "if_exists": if_exists,
            "function_data": {"type": "prompt"}, "prompt_data": {"tool_functions": [tool]}})
    };
    let body = json!({"functions": [sum("search", "error")]}).to_string();
    let message = collector.refused("/insert-functions", &body, 400).await;
    assert!(message.contains("\"search\""), "{message}");
    assert!(listed(&collector, "/v1/function").await.is_empty());
    // The tool comes after the prompt.
    let stored = push(&collector, json!([sum("search", "error"), tool("b", None)])).await;
    let tools = json!([{"type": "function", "id": stored["functions"][1]["id"]}]);
    let read = collector.get("/v1/prompt?slug=sum").await["objects"][0].clone();
    assert_eq!(read["prompt_data"]["tool_functions"], tools);
    push(&collector, json!([sum("search", "replace")])).await;
    let path = format!("/v1/prompt/{}", read["id"].as_str().expect("an id"));
    let changes = json!({"prompt_data": sum("search", "error")["prompt_data"]}).to_string();
    let changed = collector.send(Method::PATCH, &path, changes).await;
    assert_eq!(changed.body["prompt_data"]["tool_functions"], tools, "{}", changed.body);
}

#[tokio::test]
async fn malformed_pushes_are_refused_whole_and_say_where() {
    let collector = Collector::start().await;
    let mut no_schema = parameters("m");
    no_schema["function_data"]["__schema"] = Value::Null;
    let mut odd = tool("b", None);
    odd["if_exists"] = json!("maybe");
    for (bad, status, says) in [
        (json!([scorer(), {"slug": "s"}]), 400, "functions[1]"),
        (json!([no_schema]), 400, "__schema"),
        (json!([odd]), 400, "functions[0]"),
        (json!([tool("b", Some("replace")), tool("c", Some("replace"))]), 400, "twice"),
        (json!(vec![scorer(); 1_001]), 400, "1000"),
        (json!("x"), 400, "sequence"),
        (json!([7]), 400, ""),
    ] {
        let body = json!({ "functions": bad }).to_string();
        let message = collector.refused("/insert-functions", &body, status).await;
        assert!(message.contains(says), "{says}: {message}");
    }
    collector.refused("/insert-functions", "{}", 400).await;
    assert!(listed(&collector, "/v1/function").await.is_empty());
    assert_eq!(push(&collector, json!([])).await["functions"], json!([]));
}

#[tokio::test]
async fn code_is_kept_as_it_came() {
    let collector = Collector::start().await;
    let body = json!({"org_id": "o", "runtime_context": {"runtime": "node", "version": "22.0.0"}});
    let slot = collector.post("/function/code", &body).await;
    let bundle = slot["bundleId"].as_str().expect("an id");
    let path = format!("/function/code/{bundle}");
    assert_eq!(collector.send(Method::GET, &path, "").await.status, StatusCode::NOT_FOUND);
    // Packed by the client, and named so.
    let code = b"\x1f\x8b not really packed".to_vec();
    let url = slot["url"].as_str().expect("URL");
    let put = collector.request(Method::PUT, url).header("content-encoding", "gzip");
    assert_eq!(put.body(code.clone()).send().await.expect("reply").status(), StatusCode::OK);
    push(&collector, json!([tool(bundle, None)])).await;

    let collector = Collector::start_in(collector.stop().await, |options| options).await;
    let found = collector.get(&path).await;
    assert_eq!((&found["bundleId"], &found["bytes"]), (&json!(bundle), &json!(code.len())));
    let url = found["url"].as_str().expect("URL");
    let reply = collector.request(Method::GET, url).send().await.expect("reply");
    assert_eq!(reply.status(), StatusCode::OK);
    assert_eq!(reply.bytes().await.expect("bytes").to_vec(), code);
    // An attachment is none, and a bundle is no attachment.
    let path = format!("/attachment?key={bundle}");
    assert_eq!(collector.send(Method::GET, &path, "").await.status, StatusCode::NOT_FOUND);
    collector.refused("/attachment", &json!({"key": bundle}).to_string(), 403).await;
}

#[tokio::test]
async fn parameters_change_value_by_value() {
    let collector = Collector::start().await;
    let made = collector.post("/v1/function", &parameters("small")).await;
    let id = made["id"].as_str().expect("an id");
    let path = format!("/v1/function/{id}");
    let changes = json!({"function_data": {"data": {"temperature": 1}}});
    let changed = collector.send(Method::PATCH, &path, changes.to_string()).await.body;
    let data = json!({"model": "small", "temperature": 1});
    assert_eq!(changed["function_data"]["data"], data);
    assert_eq!(changed["function_data"]["__schema"], made["function_data"]["__schema"]);
    let here = format!("/environment-object/parameters/{id}/production");
    let body = json!({"object_version": made["_xact_id"]}).to_string();
    let set = collector.send(Method::PUT, &here, body).await;
    assert_eq!((&set.body["object_type"], set.status), (&json!("parameters"), StatusCode::OK));
    let used = collector.get(&format!("{path}?environment=production")).await;
    assert_eq!(used["function_data"]["data"], json!({"model": "small"}));
}

#[tokio::test]
async fn invoking_is_not_offered_and_says_so() {
    let collector = Collector::start().await;
    for path in ["/function/invoke", "//function/invoke", "/v1/function/x/invoke"] {
        let reply = collector.send(Method::POST, path, r#"{"slug":"s"}"#).await;
        assert_eq!((reply.status.as_u16(), &reply.body["code"]), (501, &json!("not_offered")));
        let message = reply.body["error"].as_str().expect("a message");
        assert!(message.contains("invoking is not offered"), "{message}");
    }
}
