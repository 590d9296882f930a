//! Tasks and scorers as types, and what a task sees and leaves.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tidegate_eval::{
    BoxFuture, Case, Context, Eval, Outcome, Report, Score, Scorer, SharedArgs, Task, TaskError,
};

use crate::world::world;

/// Doubles; refuses odd numbers.
struct Doubling {
    refuses: u32,
}

impl Task<u32, u32> for Doubling {
    fn call(&self, input: Arc<u32>, cx: Context) -> BoxFuture<'_, Result<u32, TaskError>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            match *input {
                7 => panic!("broke"),
                input if input == self.refuses && cx.metadata().get("attempts").is_none() => {
                    Err(TaskError::retryable("busy"))
                }
                input => Ok(2 * input),
            }
        })
    }
}

struct Exact {
    name: &'static str,
}

impl Scorer<u32, u32, u32> for Exact {
    fn name(&self) -> &str {
        self.name
    }

    fn score(&self, args: SharedArgs<u32, u32, u32>) -> BoxFuture<'_, Result<Score, String>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let expected = args.expected.ok_or("nothing is expected")?;
            // Out of range for 5, which is a failure of the scorer.
            let score =
                if *args.input == 5 { 2.0 } else { f64::from(u8::from(expected == args.output)) };
            Ok(Score::new(score).metadata("by", self.name))
        })
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_and_scorers_may_be_objects() {
    let task: Arc<dyn Task<u32, u32>> = Arc::new(Doubling { refuses: 3 });
    let scorers: [Box<dyn Scorer<u32, u32, u32>>; 2] =
        [Box::new(Exact { name: "exact" }), Box::new(Exact { name: "same" })];
    let cases = (0..10).map(|number| match number {
        9 => Case::new(number).maybe_expected(None),
        number => Case::new(number).expected(2 * number),
    });
    let mut eval = Eval::new("p").data(cases).task_with(task).retries(1);
    for scorer in scorers {
        eval = eval.scorer_with(scorer);
    }
    let outcome = eval.report(Report::Silent).run_without_sending().await.expect("runs");
    let of = |input: u32| outcome.results.iter().find(|r| *r.input == input).expect("a result");
    assert_eq!(of(7).error.as_deref(), Some("panicked: broke"));
    assert_eq!((of(3).output.as_deref(), &of(3).metadata["attempts"]), (Some(&6), &json!(2)));
    assert_eq!(of(4).scores["same"], Some(1.0));
    assert_eq!(of(9).scorer_errors["exact"], "nothing is expected");
    assert_eq!(of(5).scorer_errors["same"], "score 2 is outside of 0..=1");
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

/// Answers what it sees, and adds tags.
fn seeing() -> Eval<u32, Value, String> {
    Eval::new("project")
        .parameters(object(json!({"model": "small", "temperature": 0.5})))
        .data([
            Case::new(1).expected("one".to_owned()).tags(["short"]),
            Case::new(2).maybe_expected(None),
        ])
        .task(async |input, cx| {
            if *input == 1 {
                cx.add_tags(["seen", "short", "seen"]);
            }
            json!({
                "expected": cx.expected::<String>().as_deref(),
                "of another type": cx.expected::<u32>().as_deref(),
                "model": cx.parameters()["model"],
            })
        })
        .scorer("tagged", |args| args.tags.iter().any(|tag| tag == "seen"))
        .report(Report::Silent)
}

fn check(outcome: &Outcome<u32, Value, String>) {
    let of = |input: u32| outcome.results.iter().find(|r| *r.input == input).expect("a result");
    let seen = json!({"expected": "one", "of another type": null, "model": "small"});
    assert_eq!(of(1).output.as_deref(), Some(&seen));
    let seen = json!({"expected": null, "of another type": null, "model": "small"});
    assert_eq!(of(2).output.as_deref(), Some(&seen));
    assert_eq!(
        (&*of(1).tags, of(1).scores["tagged"]),
        (&["short".into(), "seen".into()][..], Some(1.0))
    );
    assert_eq!((of(2).tags.len(), of(2).scores["tagged"]), (0, Some(0.0)));
    let warning = "the task asked for an expected output of type u32 and got none: those of the \
                   cases are alloc::string::String";
    assert_eq!(outcome.summary.warnings, [warning]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_sees_parameters_and_what_is_expected_and_adds_tags() {
    check(&seeing().run_without_sending().await.expect("runs"));

    let world = world().await;
    let metadata = object(json!({"team": "search"}));
    let outcome = seeing().metadata(metadata).run_with(&world.client).await.expect("runs");
    check(&outcome);
    let experiment = outcome.summary.experiment.as_ref().expect("recorded");
    let rows = world.rows(&experiment.id).await;
    let root = rows.iter().find(|row| row["is_root"] == true && row["input"] == 1).expect("a root");
    assert_eq!(root["tags"], json!(["short", "seen"]));
    let url = world.collector.url().to_owned();
    let path = format!("/v1/experiment/{}", experiment.id);
    let stored = tokio::task::spawn_blocking(move || tidegate_testkit::get(&url, &path).json());
    let stored = stored.await.expect("an experiment");
    let wanted = json!({
        "team": "search",
        "parameters": {"model": "small", "temperature": 0.5},
        "tidegate": {"planned_trials": 2},
    });
    assert_eq!(stored["metadata"], wanted);
}
