//! What a run gives to other programs, and which cases it shows.

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_client::{Client, Config, Policy};
use tidegate_eval::{Case, Eval, Outcome, Report, report};
use tidegate_server::{Options, Role, start};

#[tokio::test]
async fn a_result_is_one_line_of_json_with_documented_members() {
    let outcome = Eval::new("p")
        .data([
            Case::new("a").expected(1).id("first").tags(["t"]).metadata("k", &2),
            Case::new("b").expected(2),
        ])
        .try_task(async |input, _cx| if *input == "a" { Ok(1) } else { Err("broken\nbadly") })
        .scorer("exact", |args| args.expected == Some(args.output))
        .scorer("judge", |_args| -> Result<f64, &str> { Err("no answer") })
        .report(Report::Silent)
        .run_without_sending()
        .await
        .expect("runs");
    let mut lines = Vec::new();
    report::jsonl(&outcome.results, &mut lines).expect("written");
    let lines = String::from_utf8(lines).expect("UTF-8");
    let mut lines: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    lines.sort_by_key(|line| line["input"].to_string());
    for line in &mut lines {
        let duration = line["metrics"]["duration"].take();
        assert!(duration.as_f64().is_some_and(|seconds| seconds >= 0.0), "{duration}");
    }
    assert_eq!(
        lines,
        [
            json!({"case_id": "first", "trial": 0, "input": "a", "output": 1, "expected": 1,
                "error": null, "scores": {"exact": 1.0}, "scorer_errors": {"judge": "no answer"},
                "metrics": {"duration": null}, "metadata": {"case_id": "first", "k": 2},
                "tags": ["t"]}),
            json!({"case_id": null, "trial": 0, "input": "b", "output": null, "expected": 2,
                "error": "broken\nbadly", "scores": {}, "scorer_errors": {},
                "metrics": {"duration": null}, "metadata": {}, "tags": []}),
        ]
    );
}

type Ran = Outcome<u32, Value, ()>;

/// 1 200 cases, so that the rows of a run are several pages.
async fn run(client: &Client, wrong: &'static [u32], most: usize) -> Ran {
    Eval::new("p")
        .data((0..1_200).map(|case| Case::new(case).id(format!("case {case}"))))
        .task(async move |input, _cx| json!({"n": *input, "right": !wrong.contains(&input)}))
        .scorer("exact", |args| args.output["right"] == true)
        .worst_regressions(most)
        .report(Report::Silent)
        .run_with(client)
        .await
        .expect("runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worst_regressions_come_with_both_outputs_and_a_diff() {
    let data = TempDir::new().expect("a directory");
    let listen = "127.0.0.1:0".parse().expect("an address");
    let options = Options::new(data.path()).listen(listen).role(Role::Embedded);
    let collector = start(options).await.expect("a collector");
    let config = Config::default().app_url(collector.url()).policy(Policy::Block);
    let client = Client::new(config).expect("a client");
    let first = run(&client, &[5], 5).await;
    assert!(first.summary.worst_regressions.is_empty(), "there is no base");

    let second = run(&client, &[700, 3], 5).await;
    let worst = &second.to_json()["worst_regressions"];
    let ids: Vec<_> = worst.as_array().expect("an array").iter().map(|c| &c["case_id"]).collect();
    assert_eq!(ids, ["case 3", "case 700"], "{worst}");
    assert_eq!(worst[1]["input"], "700");
    assert_eq!((&worst[1]["base_score"], &worst[1]["score"]), (&json!(1.0), &json!(0.0)));
    let diff =
        json!(["…", "    \"n\": 700,", "-   \"right\": true", "+   \"right\": false", "  }"]);
    assert_eq!(worst[1]["diff"], diff);

    let one = run(&client, &[1, 2, 3, 4], 1).await;
    assert_eq!(one.summary.worst_regressions.len(), 1);
    let none = run(&client, &[10, 11], 0).await;
    assert!(none.summary.worst_regressions.is_empty());
    assert!(none.summary.warnings.is_empty(), "{:?}", none.summary.warnings);
}
