//! Queries: both forms of `/btql` over HTTP, page by page.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::Collector;

/// Logs one trace with two scorers, and one row of another trace.
async fn traces() -> Collector {
    let collector = Collector::start().await;
    let row = |id: &str, trace: &str, more: Value| {
        let mut row = json!({"id": id, "experiment_id": "e", "root_span_id": trace,
            "span_id": id, "created": "2026-01-01T00:00:00Z"});
        for (name, value) in more.as_object().expect("object") {
            row[name] = value.clone();
        }
        row
    };
    let span = |kind: &str, purpose: Option<&str>| {
        json!({"span_parents": ["a"],
            "span_attributes": {"name": kind, "type": kind, "purpose": purpose}})
    };
    collector
        .log(&json!([
            row("a", "t1", json!({"span_attributes": {"type": "eval"}, "tags": ["x", "it's"]})),
            row("b", "t1", span("llm", None)),
            row("c", "t1", span("score", Some("scorer"))),
            row("d", "t1", span("task", None)),
            row("z", "t2", json!({"created": "2026-01-02T00:00:00+00:00"})),
        ]))
        .await;
    collector
}

async fn data(collector: &Collector, query: &Value) -> Vec<Value> {
    let reply = collector.post("/btql", &json!({ "query": query })).await;
    reply["data"].as_array().expect("data").clone()
}

fn ids(rows: &[Value]) -> String {
    rows.iter().filter_map(|row| row["id"].as_str()).collect()
}

#[tokio::test]
async fn a_scorer_reads_the_spans_of_its_trace() {
    let collector = traces().await;
    let ident = |name: Value| json!({"op": "ident", "name": name});
    let literal = |value: Value| json!({"op": "literal", "value": value});
    let purpose = ident(json!(["span_attributes", "purpose"]));
    let filter = json!({"op": "and", "children": [
        {"op": "eq", "left": ident(json!(["root_span_id"])), "right": literal(json!("t1"))},
        {"op": "or", "children": [
            {"op": "isnull", "expr": purpose},
            {"op": "ne", "left": purpose, "right": literal(json!("scorer"))}]},
        {"op": "in", "left": ident(json!(["span_attributes", "type"])),
            "right": literal(json!(["llm", "task", "score"]))}]});
    let query = json!({"select": [{"op": "star"}], "filter": filter, "cursor": null, "limit": 1000,
        "from": {"op": "function", "name": ident(json!(["experiment"])),
            "args": [literal(json!("e"))]}});
    let rows = data(&collector, &query).await;
    assert_eq!(ids(&rows), "bd");
    for member in ["_xact_id", "created", "is_root", "span_attributes"] {
        assert!(!rows[0][member].is_null(), "{member}");
    }
}

#[tokio::test]
async fn sql_text_selects_filters_sorts_and_groups() {
    let collector = traces().await;
    for (query, expected) in [
        ("select * from experiment('e')", "abcdz"),
        ("select * from experiment('e') where is_root", "az"),
        ("select id from experiment('e') where tags includes 'it''s'", "a"),
        ("select id from experiment('e') where span_attributes.type in ('llm', 'eval')", "ab"),
        ("select id from experiment('e') where created > '2026-01-01T12:00:00Z'", "z"),
        ("select id from experiment('e') order by id desc limit 2", "zd"),
        ("select id from experiment('e') order by id desc limit 2 offset 4", "a"),
        ("select id from experiment('e') where _xact_id = '1000000000000000000'", ""),
    ] {
        assert_eq!(ids(&data(&collector, &json!(query)).await), expected, "{query}");
    }
    let query = "select root_span_id as trace, count(*) from experiment('e') group by trace
        order by count desc";
    let expected = [json!({"trace": "t1", "count": 4}), json!({"trace": "t2", "count": 1})];
    assert_eq!(data(&collector, &json!(query)).await, expected);
    // The values of a query never become SQL.
    let query = "select * from experiment('e') where id = 'x'' or ''1''=''1'";
    assert!(data(&collector, &json!(query)).await.is_empty());
}

#[tokio::test]
async fn sorted_and_filtered_reads_go_on_by_cursor() {
    let collector = Collector::start().await;
    let rows: Vec<_> = (0..97)
        .map(|n| json!({"id": format!("r{n:02}"), "experiment_id": "e", "scores": {"s": n % 7}}))
        .collect();
    collector.log(&json!(rows)).await;
    let mut expected: Vec<_> =
        rows.iter().filter(|row| row["scores"]["s"] != 3).map(|row| row["id"].clone()).collect();
    for (sort, by_score) in [
        (json!(null), false),
        (
            json!([{"expr": {"op": "ident",
        "name": ["scores", "s"]}, "dir": "desc"}]),
            true,
        ),
    ] {
        if by_score {
            let score = |id: &Value| id.as_str().and_then(|id| id[1..].parse::<u32>().ok());
            expected.sort_by_key(|id| std::cmp::Reverse(score(id).expect("number") % 7));
        }
        let (mut found, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let query = json!({"from": "experiment('e')", "filter": {"btql": "scores.s != 3"},
                "sort": sort, "limit": 10, "cursor": cursor});
            let body = json!({ "query": query }).to_string();
            let reply = collector.send(Method::POST, "/btql", body).await;
            assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
            let page = reply.body["data"].as_array().expect("data");
            found.extend(page.iter().map(|row| row["id"].clone()));
            cursor = reply.body["cursor"].clone();
            let header = reply.headers.get("x-bt-cursor").and_then(|value| value.to_str().ok());
            assert_eq!(header, cursor.as_str());
            if cursor.is_null() {
                break;
            }
        }
        assert_eq!(found, expected);
    }
    // A cursor belongs to its sort.
    let query = json!({"from": "experiment('e')", "sort": [{"expr": {"btql": "id"}}], "limit": 1});
    let cursor = collector.post("/btql", &json!({ "query": query })).await["cursor"].clone();
    let other = json!({"query": {"from": "experiment('e')", "cursor": cursor}});
    let message = collector.refused("/btql", &other.to_string(), 400).await;
    assert!(message.starts_with("cursor: "), "{message}");
}

#[tokio::test]
async fn refusals_say_where_and_what() {
    let collector = traces().await;
    for (query, expected) in [
        (
            json!("select * from experiment('e')\nwhere id == "),
            "line 2, column 13: expected a value",
        ),
        (json!("select * from experiment('e') where len(id) > 1"), "unknown function \"len\""),
        (
            json!({"from": "experiment('e')", "filter": {"op": "match"}}),
            "query.filter.op: \"match\"",
        ),
        (json!({"from": "experiment('e')", "preview_length": 3}), "query.preview_length: is not"),
        (json!({"from": "prompt('e')"}), "query.from: line 1, column 1: unknown object"),
        (json!({"from": "experiment('e')", "filter": {"btql": "created > 'noon'"}}), "created: "),
    ] {
        let body = json!({ "query": query }).to_string();
        let message = collector.refused("/btql", &body, 400).await;
        assert!(message.starts_with(expected) || message.contains(expected), "{message}");
    }
    let body = json!({"query": "select * from experiment('unknown')"}).to_string();
    let message = collector.refused("/btql", &body, 404).await;
    assert!(message.contains("unknown"), "{message}");
}

#[tokio::test]
async fn fetches_take_filters() {
    let collector = traces().await;
    let fetch = |body: Value| {
        let collector = &collector;
        async move { collector.post("/v1/experiment/e/fetch", &body).await }
    };
    let lookup = |path: Value, value: Value| json!({"limit": 10, "filters": [{"type": "path_lookup", "path": path, "value": value}]});
    let found = fetch(lookup(json!(["span_attributes", "type"]), json!("llm"))).await;
    assert_eq!(ids(found["events"].as_array().expect("events")), "b");
    let found = fetch(lookup(json!(["span_attributes"]), json!(null))).await;
    assert_eq!(ids(found["events"].as_array().expect("events")), "z");
    for (body, expected) in [
        (json!({"max_xact_id": "1"}), "max_xact_id: is not supported"),
        (json!({"filters": [{"type": "sql"}]}), "filters[0].type: must be"),
        (json!({"limit": 0}), "limit: must be a whole number above zero"),
    ] {
        let message = collector.refused("/v1/experiment/e/fetch", &body.to_string(), 400).await;
        assert!(message.starts_with(expected), "{message}");
    }
}

/// Blocks of one language in the documentation.
fn examples(language: &str) -> Vec<&'static str> {
    let text = include_str!("../../../../docs/queries.md");
    let blocks = text.split("```").skip(1).step_by(2);
    blocks.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n')).collect()
}

#[tokio::test]
async fn the_examples_of_the_documentation_run() {
    let collector = Collector::start().await;
    let row = |id: &str, more: Value| {
        let mut row = json!({"id": id, "root_span_id": "t", "created": "2026-11-25T12:00:00Z",
            "span_attributes": {"type": "llm"}, "metadata": {"model": "m"}});
        for (name, value) in more.as_object().expect("object") {
            row[name] = value.clone();
        }
        row
    };
    let child = json!({"experiment_id": "e", "span_parents": ["a"], "scores": {"exact": 0.5}});
    let log = json!({"project_id": "p", "log_id": "g", "tags": ["slow"]});
    let rows = json!([row("a", json!({"experiment_id": "e"})), row("b", child), row("c", log)]);
    collector.log(&rows).await;
    let mut queries: Vec<_> = examples("sql").iter().map(|text| json!({"query": text})).collect();
    let nodes = examples("json");
    queries.extend(nodes.iter().map(|text| serde_json::from_str::<Value>(text).expect(text)));
    assert_eq!(queries.len(), 5);
    for query in queries {
        let reply = collector.post("/btql", &query).await;
        assert!(!reply["data"].as_array().expect("data").is_empty(), "{query}");
    }
}
