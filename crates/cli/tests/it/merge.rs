//! `tidegate merge` on shards that evaluations in Rust have left.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use tidegate_eval::statistics::Threshold;
use tidegate_eval::{Case, Cells, Eval, Report, block_on};

use crate::runs::on;

/// A part of an evaluation with 40 cases, 10 of which score nothing.
fn shard(data: &Path, number: u32, count: u32, least: f64) -> Value {
    let eval = Eval::new("halves")
        .data((0..40_u32).map(|number| Case::new(number).expected(number % 4)))
        .task(
            async |number: std::sync::Arc<u32>, _cx| if *number % 4 == 3 { 9 } else { *number % 4 },
        )
        .task_version("1")
        .scorer("exact", |args| args.expected == Some(args.output))
        .scorer_version("exact", "1")
        .gate_mean("exact", Threshold::AtLeast(least))
        .report(Report::Silent)
        .cells(Cells::new(data).run_id("nightly").shard(number, count));
    let outcome = block_on(eval.run_without_sending()).expect("a thread").expect("runs");
    figures(outcome.to_json())
}

/// Without times, and without where the results come from.
fn figures(mut json: Value) -> Value {
    let members = json.as_object_mut().expect("an object");
    for member in ["duration_s", "cpu_s", "cpu_idle_ratio", "metrics", "metric_estimates", "cells"]
    {
        members.remove(member).expect("known");
    }
    json
}

#[test]
fn shards_are_merged_into_the_json_of_one_run_and_its_exit_code() {
    let (data, whole) = (TempDir::new().expect("a directory"), TempDir::new().expect("another"));
    for number in 1..=8 {
        shard(data.path(), number, 8, 0.7);
    }
    let (code, text, said) = on(data.path(), &["merge", "nightly", "--json"]);
    assert_eq!((code, said.as_str()), (Some(0), ""), "{text}");
    let merged: Value = serde_json::from_str(&text).expect("nothing but JSON on stdout");
    assert_eq!((&merged["cells"]["ran"], &merged["cells"]["run"]), (&40.into(), &"nightly".into()));
    let one = shard(whole.path(), 1, 1, 0.7);
    assert_eq!(figures(merged).to_string(), one.to_string(), "byte for byte");

    let (code, text, _) = on(data.path(), &["merge", "nightly"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("run nightly: 40 cells ran") && text.contains("75.00 %"), "{text}");

    // Directories that were moved are as good.
    let part = |number: u32| {
        let path = data.path().join("cells/nightly").join(format!("{number}-of-8"));
        path.to_str().expect("text").to_owned()
    };
    let parts: Vec<String> = (1..=7).map(part).collect();
    let mut arguments = vec!["merge"];
    arguments.extend(parts.iter().map(String::as_str));
    let (code, text, said) = on(data.path(), &arguments);
    assert_eq!((code, text.as_str()), (Some(3), ""));
    assert!(said.contains("these are not the shards of one run: missing: shard 8/8"), "{said}");
    assert!(said.contains("hint: give exactly the shards of one finished run"), "{said}");
    let (code, _, said) = on(data.path(), &["merge", "nightyl"]);
    assert_eq!(code, Some(3));
    assert!(said.contains("there is no run in") && said.contains("nightyl"), "{said}");
}

#[test]
fn a_merged_run_fails_by_the_gates_it_was_made_with() {
    let data = TempDir::new().expect("a directory");
    for number in 1..=2 {
        shard(data.path(), number, 2, 0.9);
    }
    let (code, text, said) = on(data.path(), &["merge", "nightly"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(text.contains("gate FAILED: exact"), "{text}");
}
