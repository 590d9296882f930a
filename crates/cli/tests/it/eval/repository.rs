//! The examples of the repository.

use serde_json::Value;
use tidegate_testkit::run;

use super::support::{Folder, command, repository};

#[test]
fn the_example_passes_its_gate_and_is_recorded() {
    let data = Folder::with(&[]);
    let data_dir = data.path("data").to_str().expect("UTF-8").to_owned();
    let arguments = ["examples/language_id.toml", "--json", "--data-dir", &data_dir];
    let finished =
        run(&mut command(&repository(), &arguments), std::time::Duration::from_secs(120)).success();
    let value: Value = serde_json::from_str(&finished.stdout).expect("JSON");
    let evaluation = &value["evaluations"][0];
    assert_eq!(evaluation["trials"], 2_500);
    assert_eq!(evaluation["task_errors"], 0);
    assert_eq!(evaluation["gates"][0]["outcome"], "pass", "{:#}", evaluation["gates"]);
    // A root, a task and a scorer span for each case, all acknowledged.
    assert_eq!(evaluation["receipt"]["acknowledged"], evaluation["receipt"]["accepted"]);
    assert_eq!(evaluation["receipt"]["rows"], 7_500);
    assert_eq!(evaluation["experiment"]["name"], "frequent-words");
}
