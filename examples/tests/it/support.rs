//! Running the example and counting independently of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tidegate_testkit::{Finished, run};

const DEADLINE: Duration = Duration::from_secs(120);

/// The built example: cargo builds examples before it runs the tests of their package.
pub(crate) fn program() -> PathBuf {
    program_of("language_id")
}

fn program_of(example: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test executable");
    let profile = test.parent().and_then(Path::parent).expect("a cargo target directory");
    profile.join("examples").join(format!("{example}{}", std::env::consts::EXE_SUFFIX))
}

/// The example in a directory of its own, with nothing of the developer's settings.
pub(crate) fn command(directory: &Path) -> Command {
    command_of("language_id", directory)
}

/// Any example, as [`command`].
pub(crate) fn command_of(example: &str, directory: &Path) -> Command {
    let mut command = Command::new(program_of(example));
    command.current_dir(directory);
    for name in [
        "BRAINTRUST_API_KEY",
        "BRAINTRUST_APP_URL",
        "BRAINTRUST_API_URL",
        "BRAINTRUST_ORG_NAME",
        "TIDEGATE_DATA_DIR",
    ] {
        command.env_remove(name);
    }
    command
}

pub(crate) fn finished(command: &mut Command) -> Finished {
    run(command, DEADLINE)
}

/// Runs with `--json` and returns the result; stdout must hold nothing else.
pub(crate) fn json(directory: &Path, arguments: &[&str]) -> Value {
    let finished = finished(command(directory).arg("--json").args(arguments)).success();
    serde_json::from_str(&finished.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", finished.stdout))
}

/// Which sentences a detector gets right, by calling the library itself on the lines of the file.
pub(crate) fn right(detector: fn(&str) -> Option<&'static str>) -> BTreeMap<String, bool> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/udhr.jsonl");
    let text = std::fs::read_to_string(path).expect("the data");
    text.lines()
        .map(|line| {
            let case: Value = serde_json::from_str(line).expect("a JSON line");
            let input = case["input"].as_str().expect("an input").to_owned();
            let right = detector(&input) == case["expected"].as_str();
            (input, right)
        })
        .collect()
}

pub(crate) fn whatlang(text: &str) -> Option<&'static str> {
    whatlang::detect_lang(text).map(|lang| lang.code())
}

pub(crate) fn whichlang(text: &str) -> Option<&'static str> {
    Some(whichlang::detect_language(text).three_letter_code())
}
