//! `kill -9` of a real process at random points, then resume: the figures and rows are those of an
//! uninterrupted run, and no finished cell's task runs again.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::world::{World, world};

/// `cargo xtask soak` sets more.
#[expect(clippy::disallowed_methods, reason = "the one setting of this test")]
fn kill_points() -> u32 {
    let points = std::env::var("TIDEGATE_KILL_POINTS").ok();
    points.map_or(4, |points| points.parse().expect("a number of kill points"))
}

/// Built by Cargo together with the tests.
fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().expect("this program");
    let target = tests.parent().and_then(|deps| deps.parent()).expect("target/<profile>/deps");
    target.join("examples").join(name)
}

/// One evaluation and what it leaves behind.
struct Victim {
    directory: TempDir,
    url: Option<String>,
}

type Calls = BTreeMap<(u64, u64), u32>;

impl Victim {
    fn new(url: Option<&str>) -> Self {
        Self { directory: TempDir::new().expect("a directory"), url: url.map(str::to_owned) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn start(&self, resume: bool) -> Child {
        let mut command = Command::new(example("interrupted"));
        command.arg(self.path("data")).arg(self.path("calls.txt"));
        if resume {
            command.args(["--resume", "demo"]);
        }
        command.args(&self.url).stdout(Stdio::piped()).stderr(Stdio::inherit());
        command.spawn().expect("the example `interrupted` is built")
    }

    /// Runs to the end; the summary without times and without where results come from.
    fn finish(&self, resume: bool) -> (Value, Value) {
        let output = self.start(resume).wait_with_output().expect("ends");
        assert!(output.status.success(), "{:?}", output.status);
        let mut summary: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let members = summary.as_object_mut().expect("an object");
        let cells = members.remove("cells").expect("with cells");
        // A kill in the middle of a write is said, and changes nothing else.
        let warnings = members["warnings"].as_array_mut().expect("an array");
        warnings.retain(|warning| !warning.to_string().contains("were cut off"));
        for member in [
            "duration_s",
            "cpu_s",
            "cpu_idle_ratio",
            "metrics",
            "metric_estimates",
            "receipt",
            "experiment",
        ] {
            members.remove(member).expect("known");
        }
        (summary, cells)
    }

    /// How often the task was called for each number and trial, as it counts itself.
    fn calls(&self) -> Calls {
        let mut calls = Calls::new();
        for line in std::fs::read_to_string(self.path("calls.txt")).unwrap_or_default().lines() {
            let (number, trial) = line.split_once(' ').expect("two numbers");
            let cell = (number.parse().expect("a number"), trial.parse().expect("a trial"));
            *calls.entry(cell).or_default() += 1;
        }
        calls
    }

    /// Cells with a whole line in the file of records, read by other means than the program's.
    fn finished(&self) -> HashSet<(u64, u64)> {
        let path = self.path("data/cells/demo/1-of-1/records.log");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let json = whole.filter_map(|line| Some(&line[line.find('{')?..]));
        json.map(|json| {
            let record: Value = serde_json::from_str(json).expect("JSON");
            let number = |name: &str| record[name].as_u64().expect("a number");
            (number("input"), number("trial"))
        })
        .collect()
    }

    fn has_begun(&self) -> bool {
        self.path("data/cells/demo/1-of-1/run.json").exists()
    }
}

/// Differs for each point, over all of the time that a run takes.
fn moment(point: u32, part: u32, whole: Duration) -> Duration {
    let mut bits = u64::from(point) << 32 | u64::from(part) << 8 | 0x5a;
    for _ in 0..3 {
        bits = (bits ^ (bits >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    whole.mul_f64((bits >> 11) as f64 / (1_u64 << 53) as f64)
}

#[expect(clippy::disallowed_methods, reason = "measures a real process")]
fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    (run(), started.elapsed())
}

fn kill_after(victim: &Victim, resume: bool, wait: Duration) {
    let mut child = victim.start(resume);
    // An experiment that was registered in the very moment before the run is written down stays
    // behind empty, and would be the base of the next.
    while victim.url.is_some() && !victim.has_begun() {
        assert!(child.try_wait().expect("known").is_none(), "it ended before it began");
        thread::park_timeout(Duration::from_millis(1));
    }
    thread::park_timeout(wait);
    child.kill().ok();
    child.wait().expect("reaped");
}

/// Kills one run at two points, resumes it, and says how many cells had been finished before.
fn killed_and_resumed(victim: &Victim, point: u32, whole: Duration, wanted: &Value) -> usize {
    kill_after(victim, false, moment(point, 0, whole));
    let first = victim.finished();
    // Before the manifest there is no run; the next process just begins it.
    kill_after(victim, victim.has_begun(), moment(point, 1, whole));
    let (calls, finished) = (victim.calls(), victim.finished());
    assert!(finished.is_superset(&first), "nothing finished is lost");
    let (summary, cells) = victim.finish(victim.has_begun());
    assert_eq!(summary, *wanted, "killed at point {point}");
    let all = victim.calls();
    assert_eq!(all.len(), 240, "each trial of each case ran");
    for cell in &finished {
        assert_eq!(all[cell], calls[cell], "{cell:?} was finished and ran again");
    }
    assert_eq!(cells["taken_over"].as_u64(), Some(finished.len() as u64), "{cells}");
    assert_eq!(cells["complete"], true);
    finished.len()
}

#[test]
fn a_killed_run_is_resumed_without_running_a_finished_cell_again() {
    let ((wanted, _), whole) = timed(|| Victim::new(None).finish(false));
    assert_eq!(wanted["trials"], 240);
    let mut between = 0;
    for point in 0..kill_points() {
        let finished = killed_and_resumed(&Victim::new(None), point, whole, &wanted);
        between += usize::from((1..240).contains(&finished));
    }
    assert!(between > 0, "no run was killed between its first and its last cell");
}

/// Rows without ids and times, in an order that does not depend on those.
fn shapes(rows: &[Value]) -> Vec<String> {
    let name_of: BTreeMap<&str, &str> = rows
        .iter()
        .map(|row| {
            let name = &row["span_attributes"]["name"];
            (row["span_id"].as_str().expect("a span"), name.as_str().expect("a name"))
        })
        .collect();
    let roots: HashSet<_> = rows
        .iter()
        .filter(|row| row["span_attributes"]["name"] == "eval")
        .map(|row| row["root_span_id"].as_str().expect("a trace"))
        .collect();
    let mut shapes: Vec<String> = rows
        .iter()
        .map(|row| {
            let trace = row["root_span_id"].as_str().expect("a trace");
            assert!(roots.contains(trace), "a row without its root: {row}");
            let parent = row["span_parents"][0].as_str().map(|parent| name_of[parent]);
            let seconds = |name: &str| row["metrics"][name].as_f64().expect("a time");
            assert!(seconds("end") >= seconds("start"), "{row}");
            json!([
                row["span_attributes"],
                parent,
                row["input"],
                row["output"],
                row["expected"],
                row["error"],
                row["scores"],
                row["metadata"],
                row["tags"]
            ])
            .to_string()
        })
        .collect();
    shapes.sort_unstable();
    shapes
}

async fn rows_of_only_experiment(world: &World, id: &str) -> Vec<String> {
    shapes(&world.rows(id).await)
}

/// The experiment that the manifest names.
fn experiment(directory: &Path) -> String {
    let path = directory.join("data/cells/demo/1-of-1/run.json");
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(path).expect("a manifest")).expect("JSON");
    manifest["experiment"]["id"].as_str().expect("recorded").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_run_has_the_rows_of_an_uninterrupted_one() {
    let reference = world().await;
    let url = reference.collector.url().to_owned();
    let (whole_run, (wanted, _), whole) = tokio::task::spawn_blocking(move || {
        let victim = Victim::new(Some(&url));
        let (finished, whole) = timed(|| victim.finish(false));
        (victim, finished, whole)
    })
    .await
    .expect("no panic");
    let wanted_rows =
        rows_of_only_experiment(&reference, &experiment(whole_run.directory.path())).await;
    assert_eq!(wanted_rows.len(), 240 * 2 + 216 * 2, "scorers run where the task succeeded");
    for point in 0..kill_points() {
        let world = world().await;
        let (url, wanted) = (world.collector.url().to_owned(), wanted.clone());
        let killed = tokio::task::spawn_blocking(move || {
            let victim = Victim::new(Some(&url));
            killed_and_resumed(&victim, 1_000 + point, whole, &wanted);
            victim
        });
        let victim = killed.await.expect("no panic");
        let rows = rows_of_only_experiment(&world, &experiment(victim.directory.path())).await;
        assert_eq!(rows, wanted_rows, "killed at point {point}");
    }
}
