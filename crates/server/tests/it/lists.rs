//! Lists with sums, cases, traces, comparison by case and search, as pages need them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Collector;

fn id(object: &Value) -> String {
    object["id"].as_str().expect("an id").to_owned()
}

/// A case as the clients record it: root and scorer.
fn case(experiment: &str, case: usize, trial: usize, score: f64) -> Vec<Value> {
    let name = format!("{case}-{trial}");
    let trace = format!("{:032x}", case * 10 + trial + 1);
    let created = format!("2026-11-25T09:00:{case:02}.{trial:03}Z");
    vec![
        json!({"id": format!("root-{name}"), "experiment_id": experiment, "span_id": "r",
            "root_span_id": trace, "created": created, "input": {"question": format!("Number {case}?")},
            "output": format!("It is {case}."), "expected": case, "tags": [format!("t{}", case % 3)],
            "span_attributes": {"name": "eval", "type": "eval"},
            "metrics": {"start": 1.0, "end": 1.0 + case as f64}}),
        json!({"id": format!("score-{name}"), "experiment_id": experiment, "span_id": "s",
            "root_span_id": trace, "span_parents": ["r"], "scores": {"exact": score},
            "span_attributes": {"type": "score"},
            "error": if case == 7 { json!("Boom: no answer") } else { Value::Null }}),
    ]
}

async fn experiment(collector: &Collector, name: &str, cases: Vec<Vec<Value>>) -> Value {
    let made = collector.experiment(&json!({ "experiment_name": name })).await;
    let of_it = |mut row: Value| {
        row["experiment_id"] = made["id"].clone();
        row
    };
    let rows: Vec<_> = cases.into_iter().flatten().map(of_it).collect();
    collector.log(&json!(rows)).await;
    made
}

/// All pages of a list.
async fn all(collector: &Collector, path: &str, member: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let join = if path.contains('?') { '&' } else { '?' };
        let page = collector.get(&format!("{path}{join}cursor={cursor}")).await;
        assert_eq!(page["exact"], true, "{path}");
        items.extend(page[member].as_array().expect("items").clone());
        match page["cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return items,
        }
    }
}

#[tokio::test]
async fn projects_and_experiments_come_with_sums() {
    let collector = Collector::start().await;
    let cases = (0..10).map(|n| case("", n, 0, f64::from(u8::from(n < 5)))).collect();
    let first = experiment(&collector, "first", cases).await;
    let second = experiment(&collector, "second", vec![case("", 1, 0, 0.75)]).await;
    collector.post("/api/project/register", &json!({"project_name": "empty"})).await;

    let projects = all(&collector, "/api/projects?sort=last_write&limit=1", "projects").await;
    let of = |n: usize, member: &str| projects[n][member].clone();
    assert_eq!((of(0, "name"), of(1, "name")), (json!("p"), json!("empty")));
    assert_eq!((of(0, "experiments"), of(0, "rows")), (json!(2), json!(22)));
    assert_eq!((of(1, "experiments"), of(1, "last_write")), (json!(0), Value::Null));
    let found = all(&collector, "/api/projects?search=EMP", "projects").await;
    assert_eq!(found.len(), 1);

    let project = first["project_id"].as_str().expect("project");
    let path = format!("/api/projects/{project}/experiments");
    let newest = all(&collector, &path, "experiments").await;
    assert_eq!((id(&newest[0]), id(&newest[1])), (id(&second), id(&first)));
    let one = &newest[1];
    assert_eq!((&one["cases"], &one["errors"], &one["rows"]), (&json!(10), &json!(1), &json!(20)));
    assert_eq!(one["scores"]["exact"]["mean"], 0.5);
    assert_eq!(one["scores"]["exact"]["interval"]["method"], "wilson");
    assert_eq!(one["metrics"]["duration"]["mean"], 4.5);
    for (sort, best) in [("score:exact", &second), ("metric:duration", &first), ("cases", &first)] {
        let sorted = all(&collector, &format!("{path}?sort={sort}&limit=1"), "experiments").await;
        assert_eq!((sorted.len(), id(&sorted[0])), (2, id(best)), "{sort}");
    }
    for bad in ["sort=nothing", "order=up", "limit=0", "cursor=x"] {
        let reply = collector.send(Method::GET, &format!("{path}?{bad}"), "").await;
        assert_eq!(reply.status.as_u16(), 400, "{bad}");
    }
    let reply = collector.send(Method::GET, "/api/projects/nope/experiments", "").await;
    assert_eq!(reply.status.as_u16(), 404);
}

#[tokio::test]
async fn cases_are_sorted_filtered_and_paged() {
    let collector = Collector::start().await;
    let cases = (0..25).map(|n| case("", n, 0, n as f64 / 25.0)).collect();
    let made = experiment(&collector, "e", cases).await;
    let path = format!("/api/objects/experiment/{}/cases", id(&made));
    let numbers = async |query: &str| {
        let cases = all(&collector, &format!("{path}?{query}"), "cases").await;
        let number = |case: &Value| case["expected"].as_str()?.parse::<usize>().ok();
        cases.iter().map(|case| number(case).expect("a number")).collect::<Vec<_>>()
    };
    let down: Vec<_> = (0..25).rev().collect();
    let up: Vec<_> = (0..25).collect();
    for limit in [1, 7, 25, 100] {
        assert_eq!(numbers(&format!("limit={limit}")).await, down);
        assert_eq!(numbers(&format!("limit={limit}&order=asc")).await, up);
        assert_eq!(numbers(&format!("limit={limit}&sort=score:exact")).await, down);
        assert_eq!(numbers(&format!("limit={limit}&sort=metric:duration&order=asc")).await, up);
        // What nothing has sorts last, in the order of creation.
        assert_eq!(numbers(&format!("limit={limit}&sort=score:none&order=asc")).await, up);
    }
    assert_eq!(numbers("order=asc&score=exact:0.2..0.3").await, [5, 6, 7]);
    assert_eq!(numbers("metric=duration:..1&order=asc").await, [0, 1]);
    assert_eq!(numbers("score=none:0..").await, [0; 0]);
    assert_eq!(numbers("failed=true").await, [7]);
    assert_eq!(numbers("failed=false").await.len(), 24);
    assert_eq!(numbers("tag=t1&limit=3&order=asc").await, [1, 4, 7, 10, 13, 16, 19, 22]);
    assert_eq!(numbers("text=boom").await, [7]);
    assert_eq!(numbers("text=%22number+12%22").await, [12]);
    let one = &all(&collector, &format!("{path}?limit=1&failed=true"), "cases").await[0];
    assert_eq!(one["input"], r#"{"question":"Number 7?"}"#);
    assert_eq!((&one["output"], &one["name"]), (&json!("It is 7."), &json!("eval")));
    assert_eq!(one["created"], "2026-11-25T09:00:07.000000Z");
    assert_eq!((&one["spans"], &one["tags"]), (&json!(2), &json!(["t1"])));
    assert_eq!((&one["id"], &one["truncated"]), (&json!("root-7-0"), &json!([])));
    let hash = one["input_hash"].as_str().expect("hash");
    assert_eq!(numbers(&format!("input_hash={hash}")).await, [7]);

    let trace = one["root_span_id"].as_str().expect("trace");
    let path = format!("/api/objects/experiment/{}/trace?root_span_id={trace}", id(&made));
    let page = collector.get(&format!("{path}&limit=1")).await;
    assert_eq!((&page["total"], &page["rows"][0]["id"]), (&json!(2), &json!("root-7-0")));
    assert_eq!(page["rows"][0]["is_root"], true);
    let cursor = page["cursor"].as_str().expect("cursor");
    let rest = collector.get(&format!("{path}&outline=true&cursor={cursor}")).await;
    assert_eq!((&rest["rows"][0]["id"], &rest["cursor"]), (&json!("score-7-0"), &Value::Null));
}

#[tokio::test]
async fn bad_requests_for_lists_are_refused() {
    let collector = Collector::start().await;
    let made = collector.experiment(&json!({})).await;
    let of = format!("/api/objects/experiment/{}", id(&made));
    for (path, status) in [
        ("/api/objects/prompt/x/cases".to_owned(), 400),
        ("/api/objects/experiment/nope/cases".to_owned(), 404),
        (format!("{of}/cases?score=exact"), 400),
        (format!("{of}/cases?failed=maybe"), 400),
        (format!("{of}/cases?input_hash=xyz"), 400),
        (format!("{of}/cases?text={}", "x".repeat(2_000)), 400),
        (format!("{of}/trace"), 400),
        (format!("{of}/trace?root_span_id=nope"), 404),
        ("/api/search".to_owned(), 400),
        ("/api/search?q=a&object_type=experiment".to_owned(), 400),
        ("/api/search?q=a&cursor=zzz".to_owned(), 400),
        ("/api/compare".to_owned(), 400),
        ("/api/compare?experiment_id=nope".to_owned(), 404),
        (format!("/api/compare?experiment_id={}&base_experiment_id=nope", id(&made)), 404),
    ] {
        let reply = collector.send(Method::GET, &path, "").await;
        assert_eq!(reply.status.as_u16(), status, "{path}: {}", reply.body);
        assert!(reply.body["error"].is_string());
    }
    let empty = collector.get(&format!("{of}/cases")).await;
    assert_eq!((&empty["cases"], &empty["cursor"]), (&json!([]), &Value::Null));
}

#[tokio::test]
async fn experiments_are_compared_case_by_case_as_by_the_summary() {
    let collector = Collector::start().await;
    // Case n rises by n - 5 tenths; two trials of case 3; case 10 and 11 are on one side only.
    let base: Vec<_> = (0..11).map(|n| case("", n, 0, 0.5)).collect();
    let base = experiment(&collector, "base", base).await;
    let mut now: Vec<_> = (0..10).map(|n| case("", n, 0, n as f64 / 10.0)).collect();
    now.push(case("", 3, 1, 0.1));
    now.push(case("", 11, 0, 1.0));
    let now = experiment(&collector, "now", now).await;
    let path = format!("/api/compare?experiment_id={}&base_experiment_id={}", id(&now), id(&base));
    let first = collector.get(&path).await;
    assert_eq!((&first["matched_cases"], &first["base_only_cases"]), (&json!(10), &json!(1)));
    let exact = &first["scores"]["exact"];
    let summary = collector.get(&path.replace("/api/compare", "/experiment-comparison2")).await;
    assert_eq!(exact["improved_cases"], summary["scores"]["exact"]["improvements"]);
    assert_eq!(exact["regressed_cases"], summary["scores"]["exact"]["regressions"]);
    assert_eq!((&exact["improved_cases"], &exact["regressed_cases"]), (&json!(4), &json!(5)));

    let changes = async |query: &str| {
        let cases = all(&collector, &format!("{path}&{query}"), "cases").await;
        let change = |case: &Value| case["scores"]["exact"]["difference"].as_f64();
        cases.iter().map(|case| change(case).map(|d| (d * 100.0).round())).collect::<Vec<_>>()
    };
    let some = |values: &[f64]| values.iter().map(|value| Some(*value)).collect::<Vec<_>>();
    let mut up = some(&[-50.0, -40.0, -30.0, -30.0, -10.0, 0.0, 10.0, 20.0, 30.0, 40.0]);
    for limit in [3, 50] {
        let ends = [up.clone(), vec![None, None]].concat();
        assert_eq!(changes(&format!("limit={limit}")).await, ends);
        assert_eq!(changes(&format!("limit={limit}&filter=matched&sort=score:exact")).await, up);
    }
    assert_eq!(changes("filter=regressed").await, up[..5]);
    assert_eq!(changes("filter=unchanged").await, [Some(0.0)]);
    up.reverse();
    assert_eq!(changes("filter=improved&order=desc&limit=1").await, up[..4]);
    assert_eq!(changes("filter=current_only").await, [None]);
    assert_eq!(changes("filter=base_only").await, [None]);
    let three = all(&collector, &format!("{path}&filter=regressed"), "cases").await;
    let three = three.iter().find(|case| case["current"].as_array().map(Vec::len) == Some(2));
    let three = three.expect("two trials");
    assert_eq!(three["scores"]["exact"]["current"], 0.2);
    assert_eq!(three["base"][0]["output"], "It is 3.");
    let reply = collector.send(Method::GET, &format!("{path}&filter=other"), "").await;
    assert_eq!(reply.status.as_u16(), 400);
}

#[tokio::test]
async fn search_finds_words_with_snippets_newest_first() {
    let collector = Collector::start().await;
    let cases = (0..30).map(|n| case("", n, 0, 1.0)).collect();
    let made = experiment(&collector, "e", cases).await;
    collector
        .log(&json!([{"id": "log", "project_id": made["project_id"], "log_id": "g",
        "input": "Another number"}]))
        .await;
    let scope = format!("object_type=experiment&object_id={}", id(&made));
    let hits = all(&collector, &format!("/api/search?q=number&{scope}&limit=7"), "hits").await;
    let ids: Vec<_> = hits.iter().map(|hit| hit["id"].as_str().expect("id")).collect();
    let expected: Vec<_> = (0..30).rev().map(|n| format!("root-{n}-0")).collect();
    assert_eq!(ids, expected);
    assert_eq!(hits[0]["snippets"][0]["field"], "input");
    assert_eq!(hits[0]["snippets"][0]["text"], "Number 29?");
    assert_eq!(hits[0]["snippets"][0]["matches"], json!([[0, 6]]));
    assert_eq!(
        (&hits[0]["object_type"], &hits[0]["is_root"]),
        (&json!("experiment"), &json!(true))
    );
    let project = made["project_id"].as_str().expect("project");
    let within = format!("/api/search?q=number&project_id={project}");
    assert_eq!(all(&collector, &within, "hits").await.len(), 31);
    assert_eq!(all(&collector, "/api/search?q=%22another+number%22", "hits").await.len(), 1);
    assert_eq!(all(&collector, "/api/search?q=another+-number", "hits").await.len(), 0);
    assert_eq!(all(&collector, "/api/search?q=***", "hits").await.len(), 0);
    let page = collector.get("/api/search?q=number").await;
    assert!(page["lag_seconds"].is_u64() && page["lag_rows"].is_u64(), "{page}");
}
