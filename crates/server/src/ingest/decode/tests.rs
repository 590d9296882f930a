use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::json;

use super::super::agreement::meaning;
use super::*;
use crate::store::Body;

fn fault(body: &str) -> String {
    decode(body.as_bytes()).expect_err(body).to_string()
}

#[test]
fn faults_name_the_place() {
    assert!(fault("{").starts_with("the body is not valid JSON"), "{}", fault("{"));
    for body in ["{}", r#"{"rows":null}"#, r#"{"rows":3}"#, r#"{"rows":{}}"#] {
        assert!(fault(body).contains("\"rows\""), "{body}");
    }
    let overflow = fault(r#"{"rows":{"type":"logs3_overflow","key":"k"}}"#);
    assert!(overflow.contains("overflow"), "{overflow}");
    let good = r#"{"id":"a","experiment_id":"e"}"#;
    for (bad, word) in [
        ("3", "object"),
        (r#"{"experiment_id":"e"}"#, "no id"),
        (r#"{"id":"a"}"#, "no destination"),
        (r#"{"id":7,"experiment_id":"e"}"#, "\"id\""),
        (r#"{"id":"a","experiment_id":"e","input":1e999}"#, "range"),
    ] {
        let message = fault(&format!(r#"{{"rows":[{good},{bad}]}}"#));
        assert!(message.starts_with("row 2 of 2: ") && message.contains(word), "{message}");
    }
}

#[test]
fn too_deep_rows_are_refused() {
    let deep = format!("{}{}", "[".repeat(300), "]".repeat(300));
    let body = format!(r#"{{"rows":[{{"id":"a","experiment_id":"e","input":{deep}}}]}}"#);
    assert!(fault(&body).contains("row 1 of 1: recursion limit"), "{}", fault(&body));
}

#[test]
fn invalid_utf8_is_refused() {
    assert!(decode(b"{\"rows\":[{\"id\":\"\xff\",\"experiment_id\":\"e\"}]}").is_err());
}

#[test]
fn rows_become_the_change_they_ask_for() {
    let body = r#"{"api_version":2,"rows":[
        {"id":"a","experiment_id":"e","_is_merge":false},
        {"id":"b","experiment_id":"e","_is_merge":true},
        {"id":"c","experiment_id":"e","_object_delete":true,"_is_merge":true}]}"#;
    let decoded = decode(body.as_bytes()).expect("valid");
    assert_eq!(decoded.ids, ["a", "b", "c"]);
    let changes: Vec<_> = decoded.writes.into_iter().map(|write| write.change).collect();
    assert!(matches!(changes.as_slice(), [Change::Replace(_), Change::Merge(_), Change::Delete]));
}

#[test]
fn half_a_pair_is_replaced_and_the_row_kept() {
    let body = r#"{"rows":[{"id":"a","experiment_id":"e","input":"x\ud83d"}]}"#;
    let decoded = decode(body.as_bytes()).expect("repaired");
    let Change::Replace(document) = &decoded.writes[0].change else { panic!("replace") };
    let Body::Text(text) = &document.body else { panic!("plain") };
    assert!(text.contains("x\u{fffd}"), "{text}");
}

fn same(body: &str) -> Result<bool, TestCaseError> {
    let Some(fast) = fast::decode(body) else { return Ok(false) };
    let slow = slow(body.as_bytes());
    prop_assert!(slow.is_ok(), "{body}: {slow:?}");
    let slow = slow.expect("checked");
    prop_assert_eq!(&fast.ids, &slow.ids);
    let fast: Vec<_> = fast.writes.iter().map(meaning).collect();
    let slow: Vec<_> = slow.writes.iter().map(meaning).collect();
    prop_assert_eq!(fast, slow, "{}", body);
    Ok(true)
}

/// Values as they may be written; the last ones only the slow way takes, or none.
fn values() -> impl Strategy<Value = String> {
    let text = "[a-z ]{0,8}".prop_map(|text| format!("\"{text}\""));
    let plain = prop::sample::select(vec![
        "null",
        "true",
        "false",
        "0",
        "-1.50",
        "1E5",
        "[]",
        "[ ]",
        "{}",
        "[\"p\"]",
        "[null]",
        "\"\"",
        "\"g\"",
        "\"2020-01-02T03:04:05.678Z\"",
        "\"2020-01-02\"",
        "\"caf\\u00e9 \\ud83d\\ude00\"",
        "\"000000000000000000000000000000ab\"",
        "{ \"a\" : [ 1 , {\"a\":2,\"a\":3} ] }",
        "\"0198c5a2-0000-7000-8000-0000000000ab\"",
        "[[\"input\"]]",
        "12345678901234567890123",
    ]);
    let odd = prop::sample::select(vec!["1e400", "1e-400", "\"\\ud83d\"", "tru", "[1,]", "\"\t\""]);
    prop_oneof![
        3 => text,
        8 => plain.prop_map(str::to_owned),
        1 => (1_000..1_100_usize).prop_map(|length| format!("\"{}\"", "x".repeat(length))),
        1 => odd.prop_map(str::to_owned),
    ]
}

fn keys() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "id",
        "experiment_id",
        "dataset_id",
        "prompt_session_id",
        "project_id",
        "log_id",
        "created",
        "root_span_id",
        "span_id",
        "span_parents",
        "_parent_id",
        "comment",
        "is_root",
        "_xact_id",
        "_is_merge",
        "_object_delete",
        "_merge_paths",
        "_array_delete",
        "input",
        "ou\\u0074put",
        "tags",
    ])
}

prop_compose! {
    fn rows()(
        members in prop::collection::vec((keys(), values()), 0..12),
        id in prop::option::weighted(0.95, "[a-z]{1,3}"),
        place in prop::option::weighted(0.9, prop::sample::select(vec![
            r#""experiment_id":"e""#, r#""project_id":"p","log_id":"g""#, r#""dataset_id":"d""#,
        ])),
        unique: bool,
        space in prop::sample::select(vec!["", " ", "\n\t"]),
    ) -> String {
        let mut row = String::new();
        let mut seen = Vec::new();
        let mut put = |key: &str, text: &str| {
            if !unique || !seen.iter().any(|seen| seen == key) {
                let comma = if row.is_empty() { "" } else { "," };
                write!(row, "{comma}{space}{text}").expect("written");
                seen.push(key.to_owned());
            }
        };
        if let Some(id) = id {
            put("id", &format!("\"id\":\"{id}\""));
        }
        if let Some(place) = place {
            put(place, place);
            for key in ["experiment_id", "project_id", "log_id", "dataset_id"] {
                if place.contains(key) {
                    put(key, "\"extra\":1");
                }
            }
        }
        for (key, value) in members {
            put(key, &format!("\"{key}\"{space}:{space}{value}"));
        }
        format!("{{{row}{space}}}")
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_fast_way_decodes_to_what_the_slow_way_does(
        rows in prop::collection::vec(rows(), 0..4),
        more in prop::sample::select(vec!["", ",\"api_version\":2", ",\"x\":{\"rows\":[]}", ",\"rows\":[]"]),
    ) {
        same(&format!("{{\"rows\":[{}]{more}}}", rows.join(",")))?;
    }

    #[test]
    fn damaged_bodies_are_not_taken_for_good(
        rows in prop::collection::vec(rows(), 1..3), at: prop::sample::Index, put in "[\\]{}:,\"a0\\\\ ]?",
    ) {
        let mut body = format!("{{\"rows\":[{}]}}", rows.join(","));
        let mut at = at.index(body.len());
        while !body.is_char_boundary(at) {
            at -= 1;
        }
        let end = at + body[at..].chars().next().map_or(0, char::len_utf8);
        body.replace_range(at..end, &put);
        same(&body)?;
    }
}

#[test]
fn ordinary_bodies_go_the_fast_way() {
    for row in [
        json!({"id": "a", "experiment_id": "e", "_is_merge": false, "input": {"q": [1, "ü\n"]}}),
        json!({"id": "a", "project_id": "p", "log_id": "g", "output": "x".repeat(2_000)}),
        json!({"id": "a", "dataset_id": "d", "_is_merge": true, "expected": null}),
        json!({"id": "a", "dataset_id": "d", "_object_delete": true}),
        json!({"id": "a", "experiment_id": "e", "created": null, "is_root": true, "comment": {}}),
    ] {
        let body = json!({"rows": [row, row], "api_version": 2});
        for body in [body.to_string(), format!("{body:#}")] {
            assert!(same(&body).expect("the same"), "{body}");
        }
    }
    assert!(same(r#"{"rows":[]}"#).expect("the same"));
    // One unusual row does not make the others slow.
    let mixed = r#"{"rows":[{"id":"a","id":"b","experiment_id":"e"},
        {"\u0069d":"c","experiment_id":"e"}, {"id":"d","experiment_id":"e"}]}"#;
    assert!(same(mixed).expect("the same"));
    let many: Row = (0..100).map(|n| (n.to_string(), n.into())).collect();
    let mut row = Value::Object(many);
    row["id"] = "a".into();
    row["experiment_id"] = "e".into();
    assert!(same(&json!({"rows": [row]}).to_string()).expect("the same"));
}
