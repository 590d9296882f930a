use serde_json::json;

use super::super::ast::{Comparison, Expr, Step};
use super::*;

fn body(change: impl FnOnce(&mut Value)) -> Value {
    let mut body = json!({
        "query": {
            "select": [{"op": "star"}],
            "from": {"op": "function", "name": {"op": "ident", "name": ["experiment"]},
                "args": [{"op": "literal", "value": "e"}]},
            "cursor": null,
            "limit": 7,
        },
        "use_columnstore": false,
        "brainstore_realtime": true,
        "query_source": "js_sdk_object_fetcher_experiment",
    });
    change(&mut body);
    body
}

fn read(change: impl FnOnce(&mut Value)) -> Result<Query, QueryError> {
    request(body(change).as_object().expect("object"))
}

fn refused(change: impl FnOnce(&mut Value)) -> String {
    read(change).expect_err("refused").to_string()
}

fn filter(filter: Value) -> Result<Expr, QueryError> {
    read(|body| body["query"]["filter"] = filter).map(|query| query.filter.expect("a filter"))
}

fn path(steps: &[&str]) -> Box<Expr> {
    Box::new(Expr::Path(steps.iter().map(|step| Step::Member((*step).into())).collect()))
}

#[test]
fn what_the_clients_send_is_understood() {
    let expected = Query { limit: Some(7), ..Query::all(Destination::Experiment("e".into())) };
    assert_eq!(read(|_| ()), Ok(expected.clone()));
    assert_eq!(read(|body| body["query"]["from"] = json!("experiment('e')")), Ok(expected));
    let text = read(|body| body["query"] = json!("select * from experiment('e') limit 7"));
    assert_eq!(text, read(|_| ()));
    let ours = tidegate_model::wire::logs::BtqlRequest::rows_of("project_logs", "p", 5, None);
    let ours = serde_json::to_value(ours).expect("JSON");
    let ours = request(ours.as_object().expect("object")).expect("ours");
    assert_eq!(ours.from, Destination::ProjectLogs("p".into()));
    let pinned = read(|body| body["version"] = json!("1000192656880881099"));
    assert_eq!(pinned.expect("pinned").version.as_deref(), Some("1000192656880881099"));
}

#[test]
fn the_filter_of_a_scorer_is_understood() {
    let read = filter(json!({"op": "and", "children": [
        {"op": "eq", "left": {"op": "ident", "name": ["root_span_id"]},
            "right": {"op": "literal", "value": "r"}},
        {"op": "or", "children": [
            {"op": "isnull", "expr": {"op": "ident", "name": ["span_attributes", "purpose"]}},
            {"op": "ne", "left": {"op": "ident", "name": ["span_attributes", "purpose"]},
                "right": {"op": "literal", "value": "scorer"}}]},
        {"op": "in", "left": {"op": "ident", "name": ["span_attributes", "type"]},
            "right": {"op": "literal", "value": ["llm", "task"]}}]}));
    let text = "root_span_id = 'r' and (span_attributes.purpose is null
        or span_attributes.purpose != 'scorer') and span_attributes.type in ('llm', 'task')";
    assert_eq!(read, Ok(sql::expression(text).expect("text").0));
}

#[test]
fn nodes_of_every_kind() {
    let ident = || json!({"op": "ident", "name": ["a"]});
    let literal = |value: Value| json!({"op": "literal", "value": value});
    let x = Expr::Literal(json!("x"));
    for (node, expected) in [
        (json!({"op": "and", "left": ident(), "right": ident()}), "a and a"),
        (json!({"op": "not", "expr": ident()}), "not a"),
        (json!({"op": "isnotnull", "expr": ident()}), "a is not null"),
        (json!({"op": "le", "left": ident(), "right": literal(json!(1))}), "a <= 1"),
        (json!({"op": "lt", "left": ident(), "right": literal(json!(1))}), "a < 1"),
        (json!({"op": "gt", "left": ident(), "right": literal(json!(1))}), "a > 1"),
        (json!({"op": "like", "left": ident(), "right": literal(json!("x_"))}), "a like 'x_'"),
        (json!({"op": "ilike", "left": ident(), "right": literal(json!("x_"))}), "a ilike 'x_'"),
        (
            json!({"op": "includes", "haystack": ident(), "needle": literal(json!("x"))}),
            "a includes 'x'",
        ),
        (
            json!({"op": "contains", "left": ident(), "right": literal(json!("x"))}),
            "a contains 'x'",
        ),
        (json!({"btql": "a.b = 'x'"}), "a.b = 'x'"),
        (json!({"op": "ident", "name": ["a", 0, "b"]}), "a[0].b"),
    ] {
        let expected = sql::expression(expected).expect(expected).0;
        assert_eq!(filter(node.clone()), Ok(expected), "{node}");
    }
    assert_eq!(filter(literal(json!("x"))), Ok(x));
    let compared = Expr::Compare(Comparison::Eq, path(&["a"]), Box::new(Expr::Literal(json!([1]))));
    let node = json!({"op": "eq", "left": ident(), "right": literal(json!([1]))});
    assert_eq!(filter(node), Ok(compared));
}

#[test]
fn columns_sort_and_groups() {
    let columns = read(|body| {
        body["query"]["select"] = json!([{"op": "ident", "name": ["id"]},
            {"expr": {"op": "ident", "name": ["scores", "exact"]}, "alias": "s"}]);
        body["query"]["sort"] = json!([{"expr": {"op": "ident", "name": ["s"]}, "dir": "desc"}]);
    });
    let text = "select id, scores.exact as s from experiment('e') order by s desc limit 7";
    assert_eq!(columns, sql::query(text));
    let groups = read(|body| {
        let query = body["query"].as_object_mut().expect("object");
        query.remove("select");
        query.insert("dimensions".into(), json!([{"expr": {"btql": "metadata.model"}}]));
        query.insert(
            "measures".into(),
            json!([{"alias": "n", "expr": {"op": "function",
            "name": {"op": "ident", "name": ["count"]}, "args": [{"op": "star"}]}}]),
        );
    });
    let text = "select metadata.model, count(*) as n from experiment('e') group by metadata.model
        limit 7";
    assert_eq!(groups, sql::query(text));
}

#[test]
fn everything_else_is_refused_by_name() {
    let op = |op: &str| {
        json!({"op": op, "left": {"op": "literal", "value": 1},
        "right": {"op": "literal", "value": 1}})
    };
    for (change, expected) in [
        (json!({"query": null}), "query: must be an object, or a text that begins with select"),
        (json!({"query": "select 1"}), "line 1, column 8: this column needs a name"),
        (json!({"fmt": "parquet"}), "fmt: only \"json\" is supported"),
        (json!({"version": 7}), "version: must be a text"),
    ] {
        let message = refused(|body| {
            for (name, value) in change.as_object().expect("object") {
                body[name] = value.clone();
            }
        });
        assert!(message.starts_with(expected), "{message}");
    }
    for (member, value, expected) in [
        ("pivot", json!([]), "query.pivot: is not supported"),
        ("from", json!("experiment('e"), "query.from: line 1, column 12: nothing closes this '"),
        ("from", json!({"op": "ident"}), "query.from: must call a function"),
        ("from", json!({"op": "function", "name": "prompt", "args": ["x"]}), "\"prompt\""),
        ("from", json!({"op": "function", "name": "dataset", "args": []}), "query.from.args: "),
        (
            "from",
            json!({"op": "function", "name": "dataset", "args": ["x"], "shape": "traces"}),
            "query.from.shape: only",
        ),
        ("select", json!([]), "query.select: names no column"),
        ("select", json!([{"op": "star"}, {"op": "star"}]), "query.select[0]: select either"),
        ("select", json!([{"expr": {"op": "ident", "name": []}}]), "query.select[0].expr.name: "),
        ("select", json!([op("eq")]), "query.select[0]: this column needs a name"),
        ("filter", op("add"), "query.filter.op: \"add\" is not supported here; there are and,"),
        ("filter", op("match"), "query.filter.op: \"match\""),
        ("filter", json!({"op": "not", "expr": op("len")}), "query.filter.expr.op: \"len\""),
        ("filter", json!({"op": "and", "children": [7]}), "query.filter.children[0]: must be a"),
        (
            "filter",
            json!({"op": "eq", "left": {"op": "literal", "value": 1}}),
            "query.filter.right: is missing",
        ),
        (
            "filter",
            json!({"op": "isnull", "expr": op("eq"), "collate": "x"}),
            "query.filter.collate: is not supported here",
        ),
        ("filter", json!({"btql": "a ="}), "query.filter.btql: line 1, column 4: expected"),
        ("filter", json!({"op": "literal"}), "query.filter.value: is missing"),
        (
            "filter",
            json!({"op": "in", "left": op("eq"), "right": op("eq")}),
            "query.filter.right: must be a literal",
        ),
        ("sort", json!([{"dir": "asc"}]), "query.sort[0].expr: is missing"),
        ("sort", json!([{"expr": op("eq"), "dir": "up"}]), "query.sort[0].dir: must be"),
        ("limit", json!(0), "query.limit: must be a whole number above zero"),
        ("limit", json!("9"), "query.limit: must be a whole number above zero"),
        ("offset", json!(-1), "query.offset: must be a whole number"),
        ("cursor", json!(7), "query.cursor: must be a text"),
        (
            "measures",
            json!([{"expr": {"op": "function", "name": "median", "args": []}}]),
            "query.measures[0].expr: unknown function \"median\"",
        ),
    ] {
        let message = refused(|body| body["query"][member] = value.clone());
        assert!(message.contains(expected), "{member}: {message}");
    }
}

#[test]
fn what_is_too_deep_or_too_long_is_refused() {
    let mut deep = json!({"op": "literal", "value": true});
    for _ in 0..60 {
        deep = json!({"op": "not", "expr": deep});
    }
    assert!(filter(deep).expect_err("deep").to_string().contains("deep"));
    let many: Vec<_> = (0..6_000).collect();
    let list = json!({"op": "in", "left": {"op": "ident", "name": ["a"]},
        "right": {"op": "literal", "value": many}});
    assert!(filter(list).expect_err("many").to_string().contains("nodes"));
    let text = json!({"btql": format!("{}a", "a or ".repeat(2_000))});
    let texts = json!({"op": "or", "children": vec![text; 3]});
    assert!(filter(texts).expect_err("many").to_string().contains("nodes"));
}
