//! Starting the binary and sending it rows.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};
use tidegate_testkit::{Finished, ServerProcess, post, run};

pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_tidegate"))
}

pub(crate) fn serve(data_dir: &Path, extra: &[&str]) -> ServerProcess {
    ServerProcess::start(binary(), data_dir, extra)
}

/// Runs the binary to its end, with nothing of the developer's settings.
pub(crate) fn tidegate(arguments: &[&str]) -> Finished {
    let mut command = Command::new(binary());
    command.args(arguments).env_remove("TIDEGATE_DATA_DIR").env_remove("TIDEGATE_LOG");
    run(&mut command, Duration::from_secs(60))
}

/// Rows in the database of a server that has ended.
pub(crate) fn stored_rows(data_dir: &Path) -> i64 {
    let database = Connection::open(data_dir.join("tidegate.db")).expect("a database");
    database.query_row("SELECT count(*) FROM rows", [], |row| row.get(0)).expect("a count")
}

/// Registers an experiment and returns its id.
pub(crate) fn experiment(url: &str) -> String {
    let body = json!({"project_name": "p", "experiment_name": "e"}).to_string();
    let reply = post(url, "/api/experiment/register", &[], &body).expect("an answer");
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["experiment"]["id"].as_str().expect("an id").to_owned()
}

/// A `/logs3` body with the given rows of an experiment.
pub(crate) fn body(experiment: &str, ids: impl IntoIterator<Item = String>) -> String {
    let rows: Vec<Value> = ids
        .into_iter()
        .map(|id| json!({"id": id, "experiment_id": experiment, "input": id, "span_id": id}))
        .collect();
    json!({"rows": rows, "api_version": 2}).to_string()
}

/// What SQLite finds wrong with a database, served or not; `ok` if nothing.
pub(crate) fn integrity(data_dir: &Path) -> String {
    let database = Connection::open(data_dir.join("tidegate.db")).expect("a database");
    database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a result")
}
