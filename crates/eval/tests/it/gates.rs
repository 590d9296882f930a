//! Gates: pass, fail and undecided, each with its reason.

use serde_json::json;
use tempfile::TempDir;
use tidegate_client::{Client, Config, Policy};
use tidegate_eval::statistics::{GateOutcome, Margin, Threshold};
use tidegate_eval::{Case, Eval, Outcome, Report};
use tidegate_server::{Options, Role, start};

/// 200 cases, of which those below `right` are right, and every tenth task fails if `failing`.
fn eval(right: u32, failing: bool) -> Eval<u32, bool, ()> {
    Eval::new("p")
        .data((0..200).map(Case::new))
        .try_task(async move |input, _cx| match failing && *input % 10 == 0 {
            true => Err("no answer"),
            false => Ok(*input < right),
        })
        .scorer("exact", |args| *args.output)
        .report(Report::Silent)
}

async fn alone(eval: Eval<u32, bool, ()>) -> Outcome<u32, bool, ()> {
    eval.run_without_sending().await.expect("runs")
}

fn gate(outcome: &Outcome<u32, bool, ()>) -> (GateOutcome, &str) {
    (outcome.gates[0].outcome, &outcome.gates[0].why)
}

#[tokio::test]
async fn a_threshold_is_decided_by_the_interval_and_says_by_which() {
    let at_least = Threshold::AtLeast(0.9);
    let passed = alone(eval(195, false).gate("exact", at_least)).await;
    assert_eq!(gate(&passed).0, GateOutcome::Pass, "{:?}", passed.gates);
    assert!(gate(&passed).1.starts_with("0.975 with an interval of 0.9428 to"));
    let undecided = alone(eval(184, false).gate("exact", at_least)).await;
    assert_eq!(gate(&undecided).0, GateOutcome::Undecided);
    // (1.9616 + 0.8421)² · 0.07397 / 0.02²: quantiles of t, and the variance with n - 1.
    let hint = "about 1454 cases would decide, if the others are like these";
    assert_eq!(undecided.gates[0].hint.as_deref(), Some(hint));
    let failed = alone(eval(160, false).gate("exact", at_least)).await;
    assert_eq!(gate(&failed).0, GateOutcome::Fail);
    assert_eq!(failed.to_json()["gates"][0]["rule"], "at least 0.9");
    assert_eq!(failed.to_json()["verdict"], "fail");
    let metric = alone(eval(200, false).gate("duration", Threshold::AtMost(60.0))).await;
    assert_eq!(gate(&metric).0, GateOutcome::Pass, "{:?}", metric.gates);
}

#[tokio::test]
async fn a_gate_on_a_score_that_never_appears_is_a_failure_that_says_so() {
    let misspelt = alone(
        eval(200, false)
            .gate("exakt", Threshold::AtLeast(0.1))
            .gate("exact", Threshold::AtLeast(0.1)),
    )
    .await;
    assert_eq!(gate(&misspelt), (GateOutcome::Fail, "no trial has a score or metric of this name"));
    assert_eq!(misspelt.gates[1].outcome, GateOutcome::Pass);
    assert_eq!(misspelt.verdict(), GateOutcome::Fail, "one that fails decides");
    assert_eq!(alone(eval(0, false)).await.verdict(), GateOutcome::Pass, "no gate, no objection");
    let holes = alone(eval(200, true).gate("exact", Threshold::AtLeast(0.5))).await;
    assert!(gate(&holes).1.ends_with("20 of 200 trials have none"), "{:?}", holes.gates);
}

/// Half of the cases crash, and all others are right.
#[tokio::test]
async fn a_gate_does_not_pass_by_leaving_out_the_trials_that_failed() {
    let crashing = Eval::new("p")
        .data((0..200).map(Case::<u32>::new))
        .try_task(async |input, _cx| if *input < 100 { Err("crashed") } else { Ok(true) })
        .scorer("exact", |args| *args.output)
        .gate("exact", Threshold::AtLeast(0.9))
        .report(Report::Silent);
    let crashing = alone(crashing).await;
    assert_eq!(gate(&crashing).0, GateOutcome::Undecided, "{:?}", crashing.gates);
    assert!(gate(&crashing).1.contains("trials that failed"), "{:?}", crashing.gates);
    assert_eq!(crashing.verdict(), GateOutcome::Undecided);

    let skipping = Eval::new("p")
        .data((0..200).map(Case::<u32>::new))
        .task(async |_, _cx| true)
        .scorer("exact", |args| (*args.input >= 100).then_some(1.0))
        .gate("exact", Threshold::AtLeast(0.9))
        .report(Report::Silent);
    let skipping = alone(skipping).await;
    assert_eq!(
        gate(&skipping).0,
        GateOutcome::Pass,
        "a scorer may not apply: {:?}",
        skipping.gates
    );
}

/// Four cases, all right.
async fn four(condition: &str) -> Outcome<u32, bool, ()> {
    let four = Eval::new("p")
        .data((0..4).map(Case::new))
        .task(async |_: std::sync::Arc<u32>, _cx| true)
        .scorer("exact", |args| *args.output)
        .condition("exact", condition.parse().expect("a condition"))
        .report(Report::Silent);
    alone(four).await
}

#[tokio::test]
async fn a_gate_on_the_plain_mean_decides_what_an_interval_leaves_open() {
    let at_least = Threshold::AtLeast(0.9);
    let by_interval = four(">= 0.9").await;
    assert_eq!(gate(&by_interval).0, GateOutcome::Undecided);
    // Wilson's lower end of n in n is n / (n + 1.96²).
    let hint = "about 35 cases would decide, if the others are like these";
    assert_eq!(by_interval.gates[0].hint.as_deref(), Some(hint));
    let by_mean = four("mean >= 100%").await;
    assert_eq!(gate(&by_mean), (GateOutcome::Pass, "1 from 4 cases"));
    assert_eq!(by_mean.gates[0].rule, "mean at least 1");
    let failed = alone(eval(179, false).gate_mean("exact", at_least)).await;
    assert_eq!(gate(&failed), (GateOutcome::Fail, "0.895 from 200 cases"));
    let holes = alone(eval(200, true).gate_mean("exact", at_least)).await;
    assert_eq!(gate(&holes).0, GateOutcome::Undecided, "{:?}", holes.gates);
    assert!(
        holes.gates[0].hint.as_ref().is_some_and(|hint| hint.contains("see why trials failed"))
    );
}

#[tokio::test]
async fn a_limit_in_percent_that_no_score_can_keep_is_pointed_out() {
    let outcome = four(">= 90").await;
    assert_eq!(gate(&outcome).0, GateOutcome::Fail);
    assert_eq!(outcome.gates[0].hint.as_deref(), Some("scores are fractions: is 0.9 meant?"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_regression_gate_compares_with_the_base_and_says_if_there_is_none() {
    let data = TempDir::new().expect("a directory");
    let listen = "127.0.0.1:0".parse().expect("an address");
    let options = Options::new(data.path()).listen(listen).role(Role::Embedded);
    let collector = start(options).await.expect("a collector");
    let config = Config::default().app_url(collector.url()).policy(Policy::Block);
    let client = Client::new(config).expect("a client");
    let margin = Margin::new(0.05).expect("a margin");
    let run = async |right, margin| {
        let eval = eval(right, false)
            .no_regression("exact", margin)
            .gate("duration", Threshold::AtMost(60.0));
        eval.run_with(&client).await.expect("runs")
    };
    let first = run(180, margin).await;
    let none = "there is no base experiment to compare with";
    assert_eq!(gate(&first), (GateOutcome::Undecided, none));
    assert_eq!(first.gates[0].hint.as_deref(), Some("run once more, or name the base"));
    assert_eq!(
        first.gates[1].outcome,
        GateOutcome::Pass,
        "metrics are read back: {:?}",
        first.gates
    );
    assert_eq!(first.verdict(), GateOutcome::Undecided);

    let same = run(180, margin).await;
    assert_eq!(gate(&same).0, GateOutcome::Pass, "{:?}", same.gates);
    let unchanged = run(180, Margin::ZERO).await;
    let why = "no case changed: all 200 of both runs came out as before";
    assert_eq!(gate(&unchanged), (GateOutcome::Pass, why));
    assert_eq!(unchanged.gates[0].hint, None);
    let strict = run(179, Margin::ZERO).await;
    assert_eq!(gate(&strict).0, GateOutcome::Undecided);
    assert!(gate(&strict).1.contains("only a sure improvement or no change"), "{:?}", strict.gates);
    assert_eq!(strict.gates[0].hint.as_deref(), Some("give a margin that would not matter"));
    let worse = run(140, margin).await;
    assert_eq!(gate(&worse).0, GateOutcome::Fail);
    assert!(gate(&worse).1.starts_with("-0.195 from 200 cases"), "{:?}", worse.gates);
    assert_eq!(worse.to_json()["gates"][0]["outcome"], json!("fail"));
}
