//! `tidegate timeline` with the real binary.

mod bad;
mod export;
mod follow;
mod picture;
mod runs;
mod svg;
mod what_if;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tidegate_testkit::{Finished, run};

use crate::support::binary;

const DEADLINE: Duration = Duration::from_secs(60);

/// A profile beside these tests: `serial`, `parallel` or `busy`.
fn fixture(name: &str) -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/profiles");
    tests.join(format!("{name}.jsonl"))
}

/// The command in a UTF-8 locale of 80 columns, with nothing of the developer's settings.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.arg("timeline").args(arguments);
    for name in ["LC_CTYPE", "LANG", "NO_COLOR", "CLICOLOR", "TIDEGATE_DATA_DIR", "TIDEGATE_LOG"] {
        command.env_remove(name);
    }
    for name in ["BRAINTRUST_APP_URL", "BRAINTRUST_API_URL", "BRAINTRUST_API_KEY"] {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C.UTF-8").env("COLUMNS", "80");
    command
}

fn timeline(arguments: &[&str]) -> Finished {
    run(&mut command(arguments), DEADLINE)
}

/// What a fixture looks like with more arguments.
fn of_fixture(name: &str, arguments: &[&str]) -> String {
    let path = fixture(name);
    let finished = run(command(arguments).arg(path), DEADLINE).success();
    assert_eq!(finished.stderr, "");
    finished.stdout
}
