use std::cell::Cell;

use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate_model::XactId;

use super::super::testing::{Condition, Memory, conditions, pages, rows, sort_of};
use super::super::{json, sql};
use super::*;

fn plan(text: &str) -> Plan {
    Plan::of(sql::query(text).expect(text)).expect(text)
}

fn all(memory: &mut Memory, text: &str) -> Vec<Value> {
    pages(memory, &Limits::default(), |cursor| {
        let mut query = sql::query(text).expect(text);
        query.cursor = cursor;
        Plan::of(query).expect(text)
    })
}

fn some_rows() -> Memory {
    Memory::of(vec![
        json!({"id": "a", "metadata": {"m": "x"}, "scores": {"s": 1}, "n": 1}),
        json!({"id": "b", "metadata": {"m": "x"}, "scores": {"s": 0.5}, "n": "1"}),
        json!({"id": "c", "metadata": {"m": "y"}, "scores": {"s": null}, "n": null}),
        json!({"id": "d", "metadata": {"m": null}, "scores": {}, "n": [1]}),
        json!({"id": "e", "scores": {"s": 2.5}, "n": true}),
    ])
}

fn ids(rows: &[Value]) -> String {
    rows.iter().filter_map(|row| row["id"].as_str()).collect()
}

#[test]
fn null_and_missing_are_unknown_and_kinds_differ() {
    let mut memory = some_rows();
    for (condition, expected) in [
        ("n = 1", "a"),
        ("n != 1", "bde"),
        ("not (n = 1)", "bde"),
        ("n = null", ""),
        ("n is null", "c"),
        ("n is not null", "abde"),
        ("metadata.m is null", "de"),
        ("metadata.m != 'x'", "c"),
        ("metadata.m != 'x' or metadata.m is null", "cde"),
        ("metadata.m != 'x' or n = 1", "ac"),
        ("not (metadata.m = 'x' and n = 1)", "bcde"),
        ("not (metadata.m = 'x' and n is not null)", "c"),
        ("n < 2", "a"),
        ("n < '2'", "b"),
        ("n >= true", "e"),
        ("n in (1, '1')", "ab"),
        ("n not in (1, null)", ""),
        ("n in (1, null)", "a"),
        ("n", "e"),
        ("n contains 1", "d"),
        ("metadata contains 'm'", "abcd"),
        ("metadata.m contains 'x'", "ab"),
        ("n[0] = 1", "d"),
        ("n like '_'", "b"),
        ("metadata.m ilike 'X'", "ab"),
        ("metadata.m.deeper is null", "abcde"),
    ] {
        let text = format!("select * from experiment('e') where {condition}");
        assert_eq!(ids(&all(&mut memory, &text)), expected, "{condition}");
    }
}

#[test]
fn sorts_put_nulls_last_and_break_ties_by_id() {
    let mut memory = some_rows();
    for (sort, expected) in [
        ("scores.s", "baecd"),
        ("scores.s desc", "eabcd"),
        ("metadata.m desc, id desc", "cabde"),
        ("n", "eabdc"),
    ] {
        for limit in [1, 2, 5] {
            let text = format!("select * from experiment('e') order by {sort} limit {limit}");
            let expected = if sort.contains("id desc") { "cbaed" } else { expected };
            assert_eq!(ids(&all(&mut memory, &text)), expected, "{sort} by {limit}");
        }
    }
    let text = "select id, scores.s as s from experiment('e') order by s limit 2 offset 1";
    assert_eq!(all(&mut memory, text)[0], json!({"id": "a", "s": 1}));
}

#[test]
fn groups_are_counted() {
    let mut memory = some_rows();
    let text = "select metadata.m, count(*), count(scores.s) as scored, avg(scores.s) as mean,
        max(scores.s) top from experiment('e') group by metadata.m order by count desc, mean";
    assert_eq!(
        all(&mut memory, text),
        [
            json!({"m": "x", "count": 2, "scored": 2, "mean": 0.75, "top": 1}),
            json!({"m": null, "count": 2, "scored": 1, "mean": 2.5, "top": 2.5}),
            json!({"m": "y", "count": 1, "scored": 0, "mean": null, "top": null}),
        ]
    );
    let text = "select count(*), sum(n) as s, min(n) as least from experiment('e') where id > 'z'";
    assert_eq!(all(&mut memory, text), [json!({"count": 0, "s": null, "least": null})]);
    let text = "select count(*) as c, sum(scores.s) as s, sum(n) as w from experiment('e')";
    assert_eq!(all(&mut memory, text), [json!({"c": 5, "s": 4.0, "w": 1})]);
    let refused = |text: &str| Plan::of(sql::query(text).expect(text)).expect_err(text).to_string();
    let message = refused("select id, count(*) from experiment('e')");
    assert_eq!(message, "group: id is neither grouped by nor aggregated");
    assert!(refused("select * from experiment('e') group by id").contains("columns"));
}

#[test]
fn limits_end_a_page_or_refuse_a_sort() {
    let mut memory = some_rows();
    let limits = Limits { rows: 2, ..Limits::default() };
    let looked = Cell::new(0);
    let found = pages(&mut memory, &limits, |cursor| {
        looked.set(looked.get() + 1);
        let mut query =
            sql::query("select * from experiment('e') where id = id offset 3").expect("query");
        query.cursor = cursor;
        Plan::of(query).expect("plan")
    });
    assert_eq!((ids(&found).as_str(), looked.get()), ("de", 3));
    let deadline = clock::monotonic() + limits.time;
    let sorted = plan("select * from experiment('e') order by n");
    let failure = execute(&sorted, &mut memory, deadline, &limits).expect_err("too many rows");
    assert!(matches!(failure, Failure::TooMuch { rows: 2, .. }), "{failure}");
    let small = Limits { held_bytes: 100, ..Limits::default() };
    let failure = execute(&sorted, &mut memory, deadline, &small).expect_err("too large");
    assert!(matches!(failure, Failure::TooLarge(_)), "{failure}");
    let few = Limits { groups: 3, ..Limits::default() };
    let groups = plan("select id, count(*) from experiment('e') group by id");
    let failure = execute(&groups, &mut memory, deadline, &few).expect_err("too many");
    assert!(matches!(failure, Failure::TooManyGroups(3)), "{failure}");
    let late = execute(&sorted, &mut memory, clock::monotonic(), &Limits::default());
    assert!(matches!(late, Err(Failure::TooMuch { .. })), "{late:?}");
    let mut long =
        Memory::of((0..3).map(|n| json!({"id": n.to_string(), "n": "x".repeat(9_000)})).collect());
    let one = plan("select * from experiment('e') order by n limit 1");
    let failure = execute(&one, &mut long, deadline, &Limits::default()).expect_err("long");
    assert!(matches!(failure, Failure::CursorTooLong), "{failure}");
    let page = Limits { page_bytes: 20_000, ..Limits::default() };
    let page = execute(&plan("select * from experiment('e')"), &mut long, deadline, &page);
    assert_eq!(page.expect("a page").rows.len(), 2);
}

#[test]
fn only_datasets_are_read_as_they_were() {
    let mut memory = some_rows();
    let newest = memory.newest();
    let pinned = |version: XactId| {
        let mut query = sql::query("select * from experiment('e')").expect("query");
        query.version = Some(version.to_string());
        Plan::of(query).expect("plan")
    };
    let deadline = clock::monotonic() + Limits::default().time;
    let read = execute(&pinned(newest), &mut memory, deadline, &Limits::default());
    assert_eq!(read.expect("now").rows.len(), 5);
    let before = XactId::from_u64(newest.as_u64() - 1);
    let failure = execute(&pinned(before), &mut memory, deadline, &Limits::default());
    assert!(matches!(failure, Err(Failure::OldVersion)), "{failure:?}");
}

#[test]
fn times_are_compared_as_times() {
    let mut memory = Memory::of(vec![
        json!({"id": "a", "created": "2026-01-01T00:00:00.000Z"}),
        json!({"id": "b", "created": "2026-01-01T01:00:00+01:00"}),
        json!({"id": "c", "created": "2026-01-02T00:00:00Z"}),
    ]);
    for (condition, expected) in [
        ("created = '2026-01-01'", "ab"),
        ("created >= '2026-01-01T00:00:01'", "c"),
        ("'2026-01-02' > created", "ab"),
        ("created in ('2026-01-02T02:00:00+02:00')", "c"),
        ("created between '2026-01-01' and '2026-01-01'", "ab"),
        ("created > null", ""),
    ] {
        let text = format!("select * from experiment('e') where {condition}");
        assert_eq!(ids(&all(&mut memory, &text)), expected, "{condition}");
    }
    let text = "select * from experiment('e') where created > 'yesterday'";
    let message = Plan::of(sql::query(text).expect(text)).expect_err(text).to_string();
    assert!(message.contains("yesterday"), "{message}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..Default::default() })]

    #[test]
    fn both_forms_agree_with_a_naive_evaluator(
        rows in rows(),
        condition in conditions(),
        limit in 1_usize..6,
        looked_at in 1_usize..9,
        sort in sort_of(),
    ) {
        let mut memory = Memory::of(rows);
        let expected = memory.naive(&condition, sort.as_ref());
        let limits = Limits { rows: looked_at, ..Limits::default() };
        // A sort must look at everything.
        let limits = if sort.is_some() { Limits::default() } else { limits };
        let order = sort.as_ref().map(|sort| sort.sql()).unwrap_or_default();
        let text = format!(
            "select * from experiment('e') where {} {order} limit {limit}", condition.sql()
        );
        let by_text = pages(&mut memory, &limits, |cursor| {
            let mut query = sql::query(&text).expect(&text);
            query.cursor = cursor;
            Plan::of(query).expect(&text)
        });
        prop_assert_eq!(&by_text, &expected, "{}", text);
        let sort = sort.as_ref().map(|sort| sort.json());
        let by_nodes = pages(&mut memory, &limits, |cursor| {
            let body = json!({"query": {"from": "experiment('e')", "filter": condition.json(),
                "limit": limit, "sort": sort, "cursor": cursor}});
            let query = json::request(body.as_object().expect("object")).expect("nodes");
            Plan::of(query).expect("nodes")
        });
        prop_assert_eq!(by_nodes, expected);
    }
}

#[test]
fn conditions_of_the_test_hold_for_some_rows_and_not_for_others() {
    let memory = some_rows();
    let yes = Condition::parse_test("metadata.a");
    assert_eq!(memory.naive(&yes, None).len(), 5);
}
