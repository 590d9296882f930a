//! Records of cells: what runs again, what does not, and what happens to damaged files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_eval::statistics::Threshold;
use tidegate_eval::{
    Case, Cells, CellsError, CellsSummary, Eval, EvalError, Outcome, Report, merge,
};

/// What was called how often.
#[derive(Debug, Clone, Default)]
struct Calls {
    task: Arc<AtomicUsize>,
    exact: Arc<AtomicUsize>,
    close: Arc<AtomicUsize>,
}

impl Calls {
    /// Since the last time: tasks, and calls of each scorer.
    fn take(&self) -> (usize, usize, usize) {
        let take = |count: &AtomicUsize| count.swap(0, Ordering::Relaxed);
        (take(&self.task), take(&self.exact), take(&self.close))
    }
}

type Ran = Outcome<u32, f64, f64>;

fn cases(count: u32) -> Vec<Case<u32, f64>> {
    (0..count).map(|number| Case::new(number).expected(f64::from(number) / 3.0)).collect()
}

/// The third of a number, as a task with two scorers. Number 7 fails.
fn thirds(calls: &Calls, cases: Vec<Case<u32, f64>>) -> Eval<u32, f64, f64> {
    let Calls { task, exact, close } = calls.clone();
    Eval::new("thirds")
        .data(cases)
        .try_task(async move |number, cx| {
            task.fetch_add(1, Ordering::Relaxed);
            cx.set_metadata("seen", &*number);
            if *number == 7 { Err("unlucky") } else { Ok(f64::from(*number) / 3.0) }
        })
        .scorer("exact", move |args| {
            exact.fetch_add(1, Ordering::Relaxed);
            args.expected == Some(args.output)
        })
        .scorer("close", move |args| {
            close.fetch_add(1, Ordering::Relaxed);
            if *args.input == 9 { Err("cannot score") } else { Ok((args.output / 40.0).min(1.0)) }
        })
        .task_version("1")
        .scorer_version("exact", "1")
        .scorer_version("close", "1")
        .gate("close", Threshold::AtLeast(0.05))
        .max_concurrency(4)
        .report(Report::Silent)
}

async fn run(eval: Eval<u32, f64, f64>, cells: Cells) -> Ran {
    eval.cells(cells).run_without_sending().await.expect("runs")
}

fn summary(outcome: &Ran) -> &CellsSummary {
    outcome.summary.cells.as_ref().expect("with cells")
}

/// Figures apart from times and from where results come.
fn figures(outcome: &Outcome<impl Sized, impl Sized, impl Sized>) -> Value {
    let mut json = outcome.to_json();
    for member in ["cells", "duration_s", "cpu_s", "cpu_idle_ratio", "metrics", "metric_estimates"]
    {
        json.as_object_mut().expect("an object").remove(member).expect("known");
    }
    json
}

fn results(outcome: &Ran) -> Vec<Value> {
    let result = |r: &tidegate_eval::CaseResult<u32, f64, f64>| {
        json!([
            *r.input,
            r.trial,
            r.output.as_deref(),
            r.error,
            r.scores,
            r.scorer_errors,
            r.metadata,
            r.expected.as_deref(),
            r.tags,
            r.case_id
        ])
    };
    outcome.results.iter().map(result).collect()
}

fn records(directory: &TempDir, run: &str) -> PathBuf {
    directory.path().join("cells").join(run).join("1-of-1").join("records.log")
}

#[tokio::test]
async fn a_finished_run_is_taken_over_to_the_last_bit() {
    let (directory, calls) = (TempDir::new().expect("a directory"), Calls::default());
    let eval = || thirds(&calls, cases(30)).trials(2);
    let first = run(eval(), Cells::new(directory.path()).run_id("r")).await;
    assert_eq!(calls.take(), (60, 58, 58));
    assert_eq!(summary(&first).ran, 60);
    assert!(summary(&first).complete);
    let again = run(eval(), Cells::new(directory.path()).resume("r")).await;
    assert_eq!(calls.take(), (0, 0, 0));
    assert_eq!((summary(&again).taken_over, summary(&again).ran), (60, 0));
    assert_eq!(results(&again), results(&first));
    assert_eq!(figures(&again), figures(&first));
    assert!(again.results.is_sorted_by_key(|result| (*result.input, result.trial)));
    let durations = |ran: &Ran| ran.results.iter().map(|r| r.duration).collect::<Vec<_>>();
    assert_eq!(durations(&again), durations(&first));
    assert_eq!(
        figures(&run(eval(), Cells::new(directory.path()).resume("last")).await),
        figures(&first)
    );
}

#[tokio::test]
async fn a_cache_runs_what_has_changed_and_what_has_failed() {
    let (directory, calls) = (TempDir::new().expect("a directory"), Calls::default());
    let cache = || Cells::new(directory.path()).cache(true);
    run(thirds(&calls, cases(20)), Cells::new(directory.path())).await;
    calls.take();
    // Two more cases; number 7 and the score of number 9 failed and are tried again.
    let more = run(thirds(&calls, cases(22)), cache()).await;
    assert_eq!(calls.take(), (3, 2, 3));
    let of = summary(&more);
    assert_eq!((of.taken_over, of.rescored, of.ran), (18, 1, 3));
    // What came from the cache is recorded in this run too.
    let run_id = of.run.clone();
    run(thirds(&calls, cases(22)), Cells::new(directory.path()).resume(run_id)).await;
    assert_eq!(calls.take(), (0, 0, 0));
    // A corrected expectation costs scores and no answer.
    let mut corrected = cases(22);
    corrected[3] = Case::new(3).expected(0.5);
    let ran = run(thirds(&calls, corrected), cache()).await;
    assert_eq!(calls.take(), (1, 1, 2), "number 7 again, and two cases are scored");
    assert_eq!(ran.results[3].scores["exact"], Some(0.0));
    // A new version of the task is another task.
    run(thirds(&calls, cases(5)).task_version("2"), cache()).await;
    assert_eq!(calls.take(), (5, 5, 5));
    // And the old one is still known, but for the scores of the case that was corrected meanwhile.
    run(thirds(&calls, cases(5)), cache()).await;
    assert_eq!(calls.take(), (0, 1, 1));
}

#[tokio::test]
async fn a_changed_scorer_runs_alone_and_so_does_one_that_is_asked_for() {
    let (directory, calls) = (TempDir::new().expect("a directory"), Calls::default());
    let cells = || Cells::new(directory.path());
    let first = run(thirds(&calls, cases(12)), cells().run_id("r")).await;
    calls.take();
    let changed = thirds(&calls, cases(12)).scorer_version("close", "2");
    let again = run(changed, cells().resume("r")).await;
    assert_eq!(calls.take(), (0, 0, 11));
    assert_eq!(summary(&again).rescored, 11);
    assert_eq!(results(&again), results(&first));
    // The new scores are what is recorded now.
    let changed = || thirds(&calls, cases(12)).scorer_version("close", "2");
    run(changed(), cells().resume("r")).await;
    assert_eq!(calls.take(), (0, 0, 0));
    run(changed(), cells().resume("r").only_scorers(["exact"])).await;
    assert_eq!(calls.take(), (0, 11, 0));
    // Never the task, even for cases without an output.
    let more = thirds(&calls, cases(15)).scorer_version("close", "3");
    let more = run(more, cells().only_scorers(["exact"])).await;
    assert_eq!(calls.take(), (0, 11, 0));
    assert_eq!((more.results.len(), summary(&more).left_out), (11, 4));
    assert!(!summary(&more).complete);
    let warning = "4 cells have no recorded output and were left out, since only scorers run";
    assert!(more.summary.warnings.iter().any(|w| w == warning), "{:?}", more.summary.warnings);
    let unknown = thirds(&calls, cases(1)).cells(cells().only_scorers(["exat"]));
    let error = unknown.run_without_sending().await.expect_err("no such scorer");
    assert!(matches!(error, EvalError::Cells(CellsError::Setting(_))), "{error:?}");
}

#[tokio::test]
async fn only_what_failed_is_tried_again() {
    let (directory, calls) = (TempDir::new().expect("a directory"), Calls::default());
    let cells = || Cells::new(directory.path());
    run(thirds(&calls, cases(12)), cells().run_id("r")).await;
    calls.take();
    let again = run(thirds(&calls, cases(12)), cells().resume("r").only_errors(true)).await;
    assert_eq!(calls.take(), (1, 0, 1), "number 7, and a score of number 9");
    assert_eq!((summary(&again).ran, summary(&again).rescored), (1, 1));
    assert_eq!(again.summary.task_errors, 1);
}

#[tokio::test]
async fn equal_inputs_match_by_id_and_else_by_occurrence() {
    let (directory, calls) = (TempDir::new().expect("a directory"), Calls::default());
    let cells = || Cells::new(directory.path());
    let case = |id: Option<&str>| match id {
        Some(id) => Case::new(1).expected(1.0).id(id),
        None => Case::new(1).expected(1.0),
    };
    let data = [Some("a"), None, Some("b"), None, None].map(case).to_vec();
    run(thirds(&calls, data), cells()).await;
    assert_eq!(calls.take().0, 5);
    // Another order, one of the nameless fewer: all are known.
    let data = [None, Some("b"), Some("a"), None].map(case).to_vec();
    run(thirds(&calls, data), cells().cache(true)).await;
    assert_eq!(calls.take().0, 0);
    let data = [None, None, None, None, Some("c")].map(case).to_vec();
    run(thirds(&calls, data), cells().cache(true)).await;
    assert_eq!(calls.take().0, 2, "a fourth nameless one, and c");
}

#[tokio::test]
async fn data_that_has_changed_since_is_no_trouble() {
    let (directory, calls) = (TempDir::new().expect("a directory"), Calls::default());
    let cells = || Cells::new(directory.path());
    run(thirds(&calls, cases(6)), cells().run_id("r")).await;
    let mut turned = cases(5);
    turned.reverse();
    turned.insert(2, Case::new(40).expected(1.0));
    calls.take();
    let now = run(thirds(&calls, turned), cells().resume("r")).await;
    assert_eq!(calls.take().0, 1);
    let order: Vec<u32> = now.results.iter().map(|result| *result.input).collect();
    assert_eq!(order, [4, 3, 40, 2, 1, 0]);
    let part = records(&directory, "r").parent().expect("a directory").to_owned();
    let merged = merge(vec![part], None, Report::Silent).await.expect("one whole run");
    let order: Vec<_> = merged.results.iter().map(|result| result.input.as_u64()).collect();
    assert_eq!(order, [4, 3, 40, 2, 1, 0].map(Some));
    assert_eq!(figures(&merged), figures(&now));
}

#[tokio::test]
async fn a_task_of_another_version_is_not_resumed_unless_it_is_said_to_be_the_same() {
    let (directory, calls) = (TempDir::new().expect("a directory"), Calls::default());
    let resume = || Cells::new(directory.path()).resume("r");
    run(thirds(&calls, cases(3)), Cells::new(directory.path()).run_id("r")).await;
    calls.take();
    let other = || thirds(&calls, cases(3)).task_version("2");
    let error = other().cells(resume()).run_without_sending().await.expect_err("another");
    let EvalError::Cells(error) = error else { panic!("{error:?}") };
    assert_eq!(
        error.to_string(),
        "the run r was recorded with the task version \"1\", and now it is \"2\""
    );
    run(other(), resume().same_task(true)).await;
    assert_eq!(calls.take(), (0, 0, 0));
    let cells = Cells::new(directory.path());
    for (cells, wanted) in [
        (cells.clone().run_id("r"), "there is a run r (part 1/1) already"),
        (cells.clone().resume("s"), "there is no run s (part 1/1) below"),
        (cells.clone().run_id("../r"), "\"../r\" is no name of a run"),
        (cells.clone().shard(3, 2), "there is no shard 3/2"),
        (cells.clone().only_errors(true), "which run?"),
    ] {
        let failed = thirds(&calls, cases(3)).cells(cells).run_without_sending().await;
        let Err(EvalError::Cells(error)) = failed else { panic!("{wanted}: {failed:?}") };
        assert!(error.to_string().contains(wanted), "{error}");
    }
}

#[tokio::test]
async fn a_torn_end_is_cut_off_and_damage_is_an_error_with_its_place() {
    let (directory, calls) = (TempDir::new().expect("a directory"), Calls::default());
    let eval = || thirds(&calls, cases(20));
    let whole = run(eval(), Cells::new(directory.path()).run_id("r")).await;
    let path = records(&directory, "r");
    let bytes = fs::read(&path).expect("readable");
    // As after a kill in the middle of a write, of the last cell but one. Other lines vouch for those
    // before them, wherever the writer happened to sync.
    let mut offset = 0;
    let mut cells = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if line.get(41..44).is_some_and(|what| what == b" + " || what == b" - ") {
            cells.push(offset);
        }
        offset += line.len();
    }
    assert_eq!(cells.len(), 20);
    fs::write(&path, &bytes[..cells[18] + 30]).expect("written");
    calls.take();
    let again = run(eval(), Cells::new(directory.path()).resume("r")).await;
    assert_eq!(calls.take().0, 2, "the cell that was cut, and the one after it");
    assert_eq!(results(&again), results(&whole));
    let said = again.summary.warnings.iter().any(|warning| warning.contains("were cut off"));
    assert!(said, "{:?}", again.summary.warnings);
    let mut bytes = fs::read(&path).expect("readable");
    let at = bytes.len() / 2;
    bytes[at] ^= 0x20;
    fs::write(&path, &bytes).expect("written");
    let failed = eval().cells(Cells::new(directory.path()).resume("r")).run_without_sending().await;
    let Err(EvalError::Cells(CellsError::Damaged { path: named, offset, .. })) = failed else {
        panic!("{failed:?}")
    };
    assert_eq!(named, path);
    assert!(offset <= at as u64 && bytes[offset as usize - 1] == b'\n', "{offset} for {at}");
    assert_eq!(fs::read(&path).expect("readable"), bytes, "nothing was changed");
}

#[tokio::test]
async fn what_the_time_out_cut_off_is_not_finished() {
    let (directory, calls) = (TempDir::new().expect("a directory"), Calls::default());
    let slow = |sleep: bool, limit: Duration| {
        let task = Arc::clone(&calls.task);
        Eval::new("slow")
            .data((0..4).map(Case::new))
            .task(async move |number: Arc<u32>, _cx| {
                task.fetch_add(1, Ordering::Relaxed);
                if sleep && *number == 2 {
                    std::future::pending::<()>().await;
                }
                *number
            })
            .task_version("1")
            .timeout(limit)
            .report(Report::Silent)
    };
    let cells = Cells::new(directory.path()).run_id("r");
    let cut =
        slow(true, Duration::from_secs(1)).cells(cells).run_without_sending().await.expect("runs");
    assert!(cut.summary.timed_out);
    let of = cut.summary.cells.expect("with cells");
    assert!(!of.complete);
    calls.take();
    let finished = cut.results.iter().filter(|result| result.error.is_none()).count();
    assert!(finished < 4);
    let cells = Cells::new(directory.path()).resume("r");
    let patient = slow(false, Duration::from_secs(60));
    let rest = patient.cells(cells).run_without_sending().await.expect("runs");
    assert_eq!(calls.take().0, 4 - finished);
    assert_eq!((rest.summary.trials, rest.summary.task_errors), (4, 0));
    assert!(rest.summary.cells.expect("with cells").complete);
}

#[tokio::test]
async fn outputs_that_do_not_come_back_from_their_json_run_again() {
    let directory = TempDir::new().expect("a directory");
    let calls = Arc::new(AtomicUsize::new(0));
    let run = |cells| {
        let calls = Arc::clone(&calls);
        Eval::new("nan")
            .data([Case::new(0.0), Case::new(1.0)])
            .task(async move |number: Arc<f64>, _cx| {
                calls.fetch_add(1, Ordering::Relaxed);
                // JSON has no NaN.
                *number / *number
            })
            .task_version("1")
            .report(Report::Silent)
            .cells(cells)
            .run_without_sending()
    };
    run(Cells::new(directory.path()).run_id("r")).await.expect("runs");
    let again = run(Cells::new(directory.path()).resume("r")).await.expect("runs");
    assert_eq!(calls.load(Ordering::Relaxed), 3);
    let warnings = &again.summary.warnings;
    assert!(warnings[0].contains("a recorded output is of no use any more"), "{warnings:?}");
}

async fn shards(directory: &Path, count: u32, cases: impl Fn() -> Vec<Case<u32, f64>>) -> Vec<Ran> {
    let mut outcomes = Vec::new();
    for number in 1..=count {
        let cells = Cells::new(directory).run_id("r").shard(number, count);
        outcomes.push(run(thirds(&Calls::default(), cases()).trials(3), cells).await);
    }
    outcomes
}

#[tokio::test]
async fn eight_shards_make_the_figures_of_one_run() {
    let (directory, one) = (TempDir::new().expect("a directory"), TempDir::new().expect("one"));
    let data = || {
        let mut data = cases(50);
        // Equal inputs, in different shards.
        data.extend(cases(9));
        data
    };
    let whole = run(thirds(&Calls::default(), data()).trials(3), Cells::new(one.path())).await;
    let parts = shards(directory.path(), 8, data).await;
    let sizes: Vec<_> = parts.iter().map(|part| part.results.len()).collect();
    assert_eq!(sizes, [23, 22, 22, 22, 22, 22, 22, 22]);
    let run_directory = directory.path().join("cells/r");
    let out = TempDir::new().expect("a directory");
    let merged = merge(vec![run_directory.clone()], Some(out.path()), Report::Silent).await;
    let merged = merged.expect("all are there");
    assert_eq!(figures(&merged).to_string(), figures(&whole).to_string(), "byte for byte");
    let cells = merged.summary.cells.expect("with cells");
    assert_eq!((cells.ran, cells.taken_over, cells.complete), (177, 0, true));
    // The merged run is one that can be resumed.
    let calls = Calls::default();
    let cells = Cells::new(out.path()).resume("r");
    let resumed = run(thirds(&calls, data()).trials(3), cells).await;
    assert_eq!(calls.take(), (0, 0, 0));
    assert_eq!(results(&resumed), results(&whole));
    // None may be missing or there twice.
    let part = |number: u32| run_directory.join(format!("{number}-of-8"));
    let all = || (1..=8).map(part);
    for (paths, wanted) in [
        (
            all().filter(|path| *path != part(3) && *path != part(7)).collect(),
            "missing: shard 3/8, 7/8",
        ),
        (all().chain([part(5)]).collect::<Vec<_>>(), "are both shard 5/8"),
        (vec![directory.path().join("nowhere")], "there is no run in"),
    ] {
        let failed = merge(paths, None, Report::Silent).await.expect_err(wanted);
        let EvalError::Cells(error) = failed else { panic!("{failed:?}") };
        assert!(error.to_string().contains(wanted), "{error}");
    }
}

#[tokio::test]
async fn shards_of_different_runs_are_not_merged() {
    let (one, other) = (TempDir::new().expect("a directory"), TempDir::new().expect("other"));
    shards(one.path(), 2, || cases(6)).await;
    shards(other.path(), 2, || cases(8)).await;
    let part =
        |directory: &TempDir, number: u32| directory.path().join(format!("cells/r/{number}-of-2"));
    let failed = merge(vec![part(&one, 1), part(&other, 2)], None, Report::Silent).await;
    let error = failed.expect_err("other data");
    assert!(
        matches!(&error, EvalError::Cells(error) if error.to_string().contains("different data"))
    );
    // One that was cut off has to be finished first.
    let path = part(&one, 2).join("run.json");
    let text = fs::read_to_string(&path).expect("readable");
    fs::write(&path, text.replace("\"complete\": true", "\"complete\": false")).expect("written");
    let failed = merge(vec![one.path().join("cells/r")], None, Report::Silent).await;
    let EvalError::Cells(error) = failed.expect_err("not finished") else { panic!("another") };
    assert!(error.to_string().contains("is not finished: resume r"), "{error}");
}
