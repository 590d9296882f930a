//! What has to be in the store at the end, and what is there.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidegate_testkit::rows;

use crate::clients::Report;

/// How many of the differences a failure shows.
const SHOWN: usize = 20;

/// Compares the logs of a project, as one collector answers, with what the clients recorded: each
/// row is there once, as it was last, and there is nothing else.
///
/// # Panics
/// If they differ.
pub(crate) fn check(url: &str, project: &str, reports: &[Report]) {
    let rows = rows(url, "project_logs", project);
    let differences = differences(&rows, reports);
    let count = differences.len();
    let shown = &differences[..count.min(SHOWN)];
    assert!(differences.is_empty(), "{count} differences at {url}, {shown:#?}");
    let confirmed: u64 = reports.iter().map(|report| report.rows).sum();
    assert_eq!(rows.len() as u64, confirmed, "rows at {url}, and in the receipts of {reports:?}");
}

fn differences(rows: &[Value], reports: &[Report]) -> Vec<String> {
    let mut found: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for row in rows {
        found.entry(row["id"].as_str().unwrap_or_default()).or_default().push(row);
    }
    let mut differences = Vec::new();
    for report in reports {
        for number in 0..report.spans {
            let id = format!("{}-{number}", report.client);
            match found.remove(id.as_str()).as_deref() {
                None => differences.push(format!("{id} is missing")),
                Some([row]) if is_complete(row, report.client, number) => {}
                Some([row]) => differences.push(format!("{id} is {}", shortened(row))),
                Some(several) => differences.push(format!("{id} is there {} times", several.len())),
            }
        }
    }
    differences.extend(found.keys().map(|id| format!("{id} is of nobody")));
    differences
}

fn shortened(row: &Value) -> String {
    const SHOWN_CHARS: usize = 800;
    let mut row = row.clone();
    // The longest part by far, with nothing in it that the number does not say.
    if let Some(text) = row.pointer_mut("/input/text") {
        *text = json!(text.as_str().map(str::len));
    }
    row.to_string().chars().take(SHOWN_CHARS).collect()
}

/// Whether all that was logged of a span is there, the later over the earlier.
fn is_complete(row: &Value, client: u64, number: u64) -> bool {
    let (start, end) = (&row["metrics"]["start"], &row["metrics"]["end"]);
    row["input"] == json!({"client": client, "number": number, "text": text(client, number)})
        && row["output"] == format!("answer {number}")
        && row["metadata"] == json!({"first": number, "last": number})
        && row["span_attributes"]["name"] == "soak"
        && start.as_f64().zip(end.as_f64()).is_some_and(|(start, end)| start <= end)
}

/// As `src/bin/soak_client.rs` makes it.
fn text(client: u64, number: u64) -> String {
    let length = number * 7_919 % 2_000;
    format!("{client}:{number} ").repeat(usize::try_from(length / 8).expect("a length"))
}

#[test]
fn every_kind_of_difference_is_found() {
    let row = |number: u64| {
        json!({"id": format!("3-{number}"), "output": format!("answer {number}"),
            "input": {"client": 3, "number": number, "text": text(3, number)},
            "metadata": {"first": number, "last": number},
            "span_attributes": {"name": "soak"}, "metrics": {"start": 1.5, "end": 2.5}})
    };
    let reports = [Report { client: 3, spans: 4, rows: 4 }];
    let all: Vec<Value> = (0..4).map(row).collect();
    assert!(differences(&all, &reports).is_empty());
    assert_eq!(differences(&all[..3], &reports), ["3-3 is missing"]);
    let twice: Vec<Value> = all.iter().chain(&all[..1]).cloned().collect();
    assert_eq!(differences(&twice, &reports), ["3-0 is there 2 times"]);
    let more: Vec<Value> = (0..5).map(row).collect();
    assert_eq!(differences(&more, &reports), ["3-4 is of nobody"]);
    for (pointer, value) in [
        ("/output", json!("not yet")),
        ("/metadata", json!({"first": 1})),
        ("/metadata", json!({"last": 1})),
        ("/input/text", json!("")),
        ("/metrics/end", json!(null)),
        ("/metrics/end", json!(1.0)),
        ("/span_attributes", json!({})),
    ] {
        let mut stale = all.clone();
        *stale[1].pointer_mut(pointer).expect("a member") = value;
        let found = differences(&stale, &reports);
        assert!(found.len() == 1 && found[0].starts_with("3-1 is {"), "{pointer}: {found:?}");
    }
}
