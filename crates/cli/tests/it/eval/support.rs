//! A directory with files, and the binary run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tidegate_testkit::{Finished, run};

use crate::support::binary;

const DEADLINE: Duration = Duration::from_secs(60);

/// A task that needs no program of its own: text in capitals. Two lines.
pub(crate) const SHOUT: &str = r#"project = "shout"
task = {command = ["tr", "a-z", "A-Z"], stdin = "input"}
"#;

pub(crate) struct Folder {
    directory: TempDir,
}

impl Folder {
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self { directory: TempDir::new().expect("a directory") };
        files.iter().for_each(|(name, text)| folder.write(name, text));
        folder
    }

    /// With a Python program `task.py`, and a file `eval.toml` that runs it.
    pub(crate) fn python(program: &str, toml: &str) -> Self {
        let head = "project = \"p\"\ntask.command = [\"python3\", \"task.py\"]\n";
        Self::with(&[("task.py", program), ("eval.toml", &format!("{head}{toml}"))])
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("written");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        command(self.directory.path(), arguments)
    }

    /// Runs `tidegate eval` to its end.
    pub(crate) fn eval(&self, arguments: &[&str]) -> Finished {
        run(&mut self.command(arguments), DEADLINE)
    }

    /// Runs `eval.toml` with `--json` and without recording, and returns code and evaluations.
    pub(crate) fn json(&self, arguments: &[&str]) -> (i32, Vec<Value>) {
        let all = [&["eval.toml", "--json", "--no-send-logs"], arguments].concat();
        self.recorded(&all)
    }

    /// The same with all arguments given.
    pub(crate) fn recorded(&self, arguments: &[&str]) -> (i32, Vec<Value>) {
        let finished = self.eval(arguments);
        let value: Value = serde_json::from_str(&finished.stdout)
            .unwrap_or_else(|error| panic!("{error}: {finished:#?}"));
        let evaluations = value["evaluations"].as_array().expect("an array").clone();
        (finished.status.code().expect("a code"), evaluations)
    }

    /// Runs `eval.toml` with `--jsonl` and returns code and trials, in the order of their inputs.
    pub(crate) fn trials(&self, arguments: &[&str]) -> (i32, Vec<Value>) {
        let finished =
            self.eval(&[&["eval.toml", "--jsonl", "--no-send-logs"], arguments].concat());
        let lines = finished.stdout.lines().map(serde_json::from_str);
        let mut lines: Vec<Value> = lines
            .collect::<Result<_, _>>()
            .unwrap_or_else(|error| panic!("{error}: {finished:#?}"));
        lines.sort_by_key(|line| line["input"].to_string());
        (finished.status.code().expect("a code"), lines)
    }
}

/// The binary, with nothing of the developer's settings.
pub(crate) fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.arg("eval").args(arguments).current_dir(directory);
    for name in [
        "BRAINTRUST_API_KEY",
        "BRAINTRUST_APP_URL",
        "BRAINTRUST_API_URL",
        "BRAINTRUST_ORG_NAME",
        // What says which shard of which run this is, where the tests run in CI themselves.
        "BUILDKITE_BUILD_ID",
        "BUILDKITE_PARALLEL_JOB",
        "CIRCLE_NODE_INDEX",
        "CIRCLE_WORKFLOW_ID",
        "CI_PIPELINE_ID",
        "GITHUB_RUN_ID",
        "GITLAB_CI",
        "JOB_COMPLETION_INDEX",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "SLURM_ARRAY_JOB_ID",
        "SLURM_ARRAY_TASK_ID",
        "TIDEGATE_DATA_DIR",
        "TIDEGATE_JUDGE_MODEL",
        "TIDEGATE_LOG",
        "TIDEGATE_SHARD",
        "TIDEGATE_SHARDS",
    ] {
        command.env_remove(name);
    }
    command
}

/// The repository, for its examples.
pub(crate) fn repository() -> PathBuf {
    let cli = Path::new(env!("CARGO_MANIFEST_DIR"));
    cli.parent().and_then(Path::parent).expect("a workspace").to_owned()
}
