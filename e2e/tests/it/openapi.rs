//! PyPI `schemathesis` 4.32.5: requests that the served OpenAPI document allows, and such that it
//! does not, never make the server fail.

use std::process::Command;
use std::time::Duration;

use tidegate_testkit::{get, post, run};

use crate::clients::{World, venv};

/// Some thousand requests: half a minute on an idle machine.
const DEADLINE: Duration = Duration::from_secs(580);

/// Requests that are made up for each operation, beside those that cover its parameters.
const EXAMPLES: &str = "--max-examples=8";

#[test]
fn no_request_makes_the_server_fail() {
    let world = World::start();
    let document = format!("{}/openapi.json", world.url());
    let paths = get(world.url(), "/openapi.json").json();
    let paths = paths["paths"].as_object().expect("paths").len();
    assert!(paths > 20, "only {paths} paths");

    let mut schemathesis = Command::new(venv("venv-schemathesis"));
    schemathesis.args(["-m", "schemathesis.cli", "run", &document]);
    // The same requests each time.
    schemathesis.args(["--generation-deterministic"]);
    schemathesis.args(["--checks=not_a_server_error", "--continue-on-failure", EXAMPLES]);
    // It goes on for ever.
    schemathesis.args(["--exclude-path=/api/events"]);
    schemathesis.args(["--no-color", "--request-timeout=60", "--workers=1", "--warnings=off"]);
    // It leaves a folder where it runs.
    let place = tempfile::TempDir::new().expect("a temporary directory");
    let finished = run(schemathesis.current_dir(place.path()), DEADLINE).success();
    assert!(finished.stdout.contains("No issues found"), "{}", finished.stdout);

    // It is still there and still takes rows.
    assert_eq!(get(world.url(), "/health/ready").status, 200);
    let row = r#"{"rows":[{"id":"1","project_id":"p","log_id":"g","input":1}]}"#;
    assert_eq!(post(world.url(), "/logs3", &[], row).expect("an answer").status, 200);
}
