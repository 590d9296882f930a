use std::time::Duration;

use tidegate_analysis::comparison::{Metric, Trial, compare};
use tidegate_analysis::statistics::{
    Options, compare_metrics, compare_scores, summarize, summarize_metrics,
};
use tidegate_client::Experiment;
use tidegate_model::wire::objects::Named;

use super::*;

/// 200 cases, of which the first `right` are right, 12.3 ms times `factor` each and a bit.
fn trials(right: usize, factor: f64) -> Vec<Trial> {
    let trial = |case: usize| {
        let value = factor * (0.0123 + case as f64 * 1e-6);
        Trial {
            case_key: case.to_string(),
            scores: [("exact".to_owned(), f64::from(u8::from(case < right)))].into(),
            metrics: [("duration".to_owned(), Metric { value, unit: "s".into() })].into(),
        }
    };
    (0..200).map(trial).collect()
}

pub(in crate::report) fn summary() -> Summary {
    let mut now = trials(190, 1.5);
    for trial in now.iter_mut().take(50) {
        trial.scores.insert("fresh", 0.5);
    }
    let before = trials(150, 1.0);
    let named = |name: &str| Named { id: "i".into(), name: name.into() };
    let options = Options::default();
    Summary {
        project: "p".into(),
        wanted_name: Some("wanted".into()),
        experiment: Some(Experiment {
            id: "e".into(),
            name: "now".into(),
            project: named("p"),
            url: Some("http://h/app".into()),
        }),
        base: Some(named("before")),
        comparison: compare(&now, Some(&before)),
        estimates: summarize(&now, options.level),
        metric_estimates: summarize_metrics(&now, options.level),
        comparisons: compare_scores(&now, &before, &options),
        metric_comparisons: compare_metrics(&now, &before, &options),
        worst_regressions: Vec::new(),
        warnings: vec!["something is missing".into()],
        trials: 10,
        task_errors: 1,
        scorer_errors: 0,
        timed_out: false,
        cells: None,
        too_many_errors: false,
        stopped: false,
        concurrency: None,
        classifications: BTreeMap::new(),
        classifier_errors: 0,
        run_scores: [("f1".into(), Some(0.75))].into(),
        unscored: vec!["broken".into()],
        duration: Duration::from_millis(1500),
        cpu: None,
    }
}

fn receipt() -> Receipt {
    Receipt { accepted: 90, acknowledged: 90, rows: 30, ..Receipt::default() }
}

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or_default()
}

#[test]
fn values_intervals_verdicts_link_and_receipt_fit_80_columns() {
    let text =
        render(&summary(), &[], Some(&receipt()), TableStyle { colors: false, width: Some(80) });
    let expected = "\
p / now
10 trials in 1.50 s, 1 failed
──────────────────────────────────────────────────────────────────────────────
                              value               vs before          improved/
                                                                     regressed
──────────────────────────────────────────────────────────────────────────────
 exact      95.00 %     (91.0–97.3)  +20.00 %   (14.1–25.5)  better       40/0
 fresh      50.00 %     (46.4–53.6)       new                              0/0
 broken    no score
 f1         75.00 %
 duration   18.6 ms (18.587–18.611)   +50.0 % (49.97–50.03)  worse       0/200
──────────────────────────────────────────────────────────────────────────────
warning: something is missing
http://h/app
30 rows recorded, nothing lost
";
    assert_eq!(text, expected);
}

#[test]
fn narrow_terminals_do_without_intervals_first() {
    let at = |width| {
        render(&summary(), &[], Some(&receipt()), TableStyle { colors: false, width: Some(width) })
    };
    let narrow = at(60);
    assert!(widest(&narrow) <= 60 && !narrow.contains("(91"), "{narrow}");
    assert!(narrow.contains("better") && narrow.contains("improved/"), "{narrow}");
    let narrower = at(46);
    assert!(widest(&narrower) <= 46 && !narrower.contains("improved/"), "{narrower}");
    assert!(narrower.contains("better"), "{narrower}");
    let summary = Summary { warnings: Vec::new(), ..summary() };
    let least =
        render(&summary, &[], Some(&receipt()), TableStyle { colors: false, width: Some(32) });
    assert!(widest(&least) <= 32, "{least}");
}

#[test]
fn a_comparison_without_statistics_has_no_verdict() {
    let mut summary = summary();
    (summary.comparisons, summary.metric_comparisons) = Default::default();
    let text = render(&summary, &[], Some(&receipt()), TableStyle { colors: true, width: None });
    assert!(text.contains("+20.00 %") && !text.contains("better"), "{text}");
    assert!(!text.contains('\u{1b}'), "what may be chance has no colour: {text:?}");
}

#[test]
fn cases_of_one_side_only_are_said() {
    let mut summary = summary();
    summary.comparisons =
        compare_scores(&trials(190, 1.0), &trials(150, 1.0)[20..], &Options::default());
    let text = render(&summary, &[], Some(&receipt()), TableStyle::default());
    assert!(text.contains("compared on 180 cases; 20 only in this run and 0 only"), "{text}");
}

#[test]
fn gates_are_listed_with_their_reason() {
    let gate = GateResult {
        name: "exact".into(),
        rule: "at least 0.9".into(),
        outcome: GateOutcome::Fail,
        why: "it is not".into(),
        hint: None,
    };
    let gates = [gate];
    let plain = render(&summary(), &gates, Some(&receipt()), TableStyle::default());
    assert!(plain.contains("\ngate FAILED: exact at least 0.9: it is not\n"), "{plain}");
    let colored =
        render(&summary(), &gates, Some(&receipt()), TableStyle { colors: true, width: None });
    assert!(colored.contains("gate \u{1b}[31mFAILED"), "{colored:?}");
}

#[test]
fn losses_are_shouted() {
    let dropped = [(tidegate_client::DropReason::Unreachable, 7)].into();
    let receipt = Receipt { accepted: 10, pending: 2, dropped, ..Receipt::default() };
    assert!(record(&receipt).contains("7 were LOST and 2 are still pending"));
    let mut receipt = Receipt { rows: 10, ..Receipt::default() };
    (receipt.attachments.accepted, receipt.attachments.uploaded) = (3, 1);
    assert_eq!(record(&receipt), "10 rows recorded; 2 of 3 attachments are NOT uploaded");
}

#[test]
fn colours_only_when_asked_and_only_for_verdicts() {
    let colored =
        render(&summary(), &[], Some(&receipt()), TableStyle { colors: true, width: None });
    assert!(colored.contains("\u{1b}[32m+20.00 %"), "{colored:?}");
    assert!(colored.contains("\u{1b}[31m+50.0 %"), "slower is worse: {colored:?}");
    assert!(colored.contains("worse\u{1b}[0m"), "{colored:?}");
}

#[test]
fn the_most_frequent_classes_are_listed() {
    let mut summary = summary();
    let topics = (0..11).map(|topic| (format!("t{topic}"), if topic == 3 { 40 } else { 2 }));
    summary.classifications = [("topic".to_owned(), topics.collect())].into();
    let text = render(&summary, &[], Some(&receipt()), TableStyle::default());
    let line = "\ntopic: t3 40, t0 2, t1 2, t10 2, t2 2, t4 2, t5 2, t6 2, 3 other classes 6\n";
    assert!(text.contains(line), "{text}");
}

fn regression() -> ChangedCase {
    ChangedCase {
        name: "exact".into(),
        base_score: 1.0,
        score: 0.0,
        case_id: Some("deu-1".into()),
        input: "Alle Menschen sind frei und gleich an W\u{fc}rde und Rechten geboren.".into(),
        expected: Some("deu".into()),
        base_output: "deu".into(),
        output: "\u{1b}[2Jnld".into(),
        diff: vec!["- deu".into(), "+ \u{1b}[2Jnld".into()],
        base_trace: "b".into(),
        trace: "c".into(),
    }
}

#[test]
fn worst_regressions_are_listed_with_a_diff_and_never_wrap() {
    let text = changed_cases("worst regressions", &[regression()], TableStyle::default().width(60));
    let expected = "\
worst regressions
  exact 100.00 % to 0.00 %: deu-1
    input: Alle Menschen sind frei und gleich an W\u{fc}rde und …
    expected: deu
    - deu
    + \\u{1b}[2Jnld
";
    assert_eq!(text, expected);
    let narrow = changed_cases("worst", &[regression()], TableStyle::default().width(24));
    assert!(widest(&narrow) <= 24, "{narrow}");
    let colored = TableStyle { colors: true, width: None };
    let colored = changed_cases("worst", &[regression()], colored);
    assert!(colored.contains("\u{1b}[31m- deu\u{1b}[0m"), "{colored:?}");
    assert!(!colored.contains("\u{1b}[2J"), "{colored:?}");
}

#[test]
fn forty_columns_are_enough_for_long_names_and_every_verdict() {
    let mut now = trials(190, 1.5);
    for trial in &mut now {
        trial.scores.insert("closeness_to_the_reference", 0.5);
    }
    let options = Options::default();
    let mut summary = summary();
    summary.comparison = compare(&now, Some(&now));
    summary.comparisons = compare_scores(&now, &now, &options);
    summary.metric_comparisons = compare_metrics(&now, &now, &options);
    let text = score_table(&summary, TableStyle::default().width(40));
    let expected = "\
────────────────────────────────────────
                       value  vs base
────────────────────────────────────────
 closeness_to_the…   50.00 %   0.00 %  ?
";
    assert!(text.starts_with(expected), "{text}");
    assert!(widest(&text) <= 40, "{text}");
}

#[test]
fn how_idle_the_processor_was_is_said_of_runs_that_last() {
    let line = |millis: u64, cpu_millis: Option<u64>| {
        let duration = Duration::from_millis(millis);
        let cpu = cpu_millis.map(Duration::from_millis);
        let text =
            render(&Summary { duration, cpu, ..summary() }, &[], None, TableStyle::default());
        text.lines().nth(1).expect("a line").to_owned()
    };
    assert_eq!(line(2000, Some(140)), "10 trials in 2.00 s, CPU 93.0 % idle, 1 failed");
    assert_eq!(line(2000, Some(2000)), "10 trials in 2.00 s, CPU 0.0 % idle, 1 failed");
    let busy = "10 trials in 2.00 s, CPU 0.0 % idle (1.7 cores busy), 1 failed";
    assert_eq!(line(2000, Some(3400)), busy);
    // Not known, and too short to say.
    assert_eq!(line(2000, None), "10 trials in 2.00 s, 1 failed");
    assert_eq!(line(200, Some(20)), "10 trials in 200.0 ms, 1 failed");
}
