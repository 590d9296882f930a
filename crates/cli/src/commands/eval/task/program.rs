//! Programs: what they get, and what becomes of what they print.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tidegate_eval::TaskError;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::group::{Group, ending, read_capped};
use super::worker::Workers;
use super::{Reply, lookup};
use crate::commands::eval::file::{Fault, Format, Mode, Program, Source, Stdin, filled};
use crate::env::Environment;

/// Most bytes of one answer.
pub(super) const MAX_ANSWER_BYTES: usize = 16 << 20;
/// EX_TEMPFAIL of sysexits.h: try again later.
const TEMPORARY: i32 = 75;

/// A program that is ready to be called.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(super) shown: String,
    program: PathBuf,
    arguments: Vec<String>,
    directory: PathBuf,
    env: Vec<(String, String)>,
    stdin: Stdin,
    pub(super) format: Format,
    timeout: Duration,
    workers: Option<Workers>,
}

impl Caller {
    /// Finds the program, and fills parameters of the matrix into its arguments.
    pub(crate) fn new(
        program: &Program,
        source: &Source,
        directory: &Path,
        parameters: &Map<String, Value>,
        environment: &Environment,
    ) -> Result<Arc<Self>, Fault> {
        let hint = "name a program in PATH, or one with a slash relative to this file";
        let variables = serde_json::json!({"parameters": parameters});
        let mut words = Vec::new();
        for word in &program.command {
            // Arguments may hold braces of their own; only places of parameters are filled.
            words.push(if word.contains("{{parameters.") {
                match filled(&Value::from(word.as_str()), &variables) {
                    Ok(Value::String(text)) => text,
                    Ok(other) => other.to_string(),
                    Err(error) => return Err(source.fault(program.place, error, "see [matrix]")),
                }
            } else {
                word.clone()
            });
        }
        let path = program.env.iter().find(|(name, _)| name == "PATH");
        let path = path.map(|(_, value)| value.as_str());
        let found = lookup::program(&words[0], directory, path, environment)
            .map_err(|error| source.fault(program.place, error, hint))?;
        let env = environment.for_children();
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Arc::new(Self {
            shown: words[0].clone(),
            program: found,
            arguments: words.split_off(1),
            directory: if directory.as_os_str().is_empty() { ".".into() } else { directory.into() },
            env: env.chain(program.env.iter().cloned()).collect(),
            stdin: program.stdin,
            format: program.format,
            timeout: program.timeout,
            workers: (program.mode == Mode::Worker).then(Workers::default),
        }))
    }

    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.directory);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Gives a program one JSON value and reads its answer.
    ///
    /// # Cancel safety
    /// Dropping it kills the process that has the case.
    pub(crate) async fn call(&self, request: &Value) -> Result<Reply, TaskError> {
        let line = match (self.stdin, &request["input"]) {
            (Stdin::Input, Value::String(text)) => text.clone().into_bytes(),
            (Stdin::Input, other) => other.to_string().into_bytes(),
            (Stdin::Json, _) => format!("{request}\n").into_bytes(),
        };
        let call = async {
            match &self.workers {
                Some(workers) => workers.ask(self, &line).await,
                None => Box::pin(self.once(&line)).await,
            }
        };
        let answer = tokio::time::timeout(self.timeout, call).await;
        let answer = answer.map_err(|_| {
            TaskError::new(format!("{} has no answer after {:?}", self.shown, self.timeout))
        })??;
        Reply::read(&self.shown, &answer, self.format)
    }

    /// A process for this call only.
    async fn once(&self, line: &[u8]) -> Result<Vec<u8>, TaskError> {
        let (mut group, mut stdin, mut stdout) = Group::start(self.command()).map_err(|error| {
            TaskError::new(format!("cannot start {}: {error}", self.program.display()))
        })?;
        let write = async move {
            // A program need not read what it is given.
            stdin.write_all(line).await.ok();
            drop(stdin);
            Ok(())
        };
        let shown = &self.shown;
        // An error here ends the group, which would wait for somebody to read on.
        let read = async {
            let bytes = read_capped(&mut stdout, MAX_ANSWER_BYTES).await.map_err(TaskError::new)?;
            bytes.ok_or_else(|| {
                TaskError::new(format!("{shown} printed more than {MAX_ANSWER_BYTES} bytes"))
            })
        };
        let end = async {
            let status = group.ended().await.map_err(TaskError::new)?;
            Ok((status, group.last_words().await))
        };
        let ((), bytes, (status, said)) = tokio::try_join!(write, read, end)?;
        if status.success() {
            return Ok(bytes);
        }
        let message = format!("{shown} {}{said}", ending(status));
        match status.code() {
            Some(TEMPORARY) => Err(TaskError::retryable(message)),
            _ => Err(TaskError::new(message)),
        }
    }

    /// Ends workers, which may finish what they do outside of cases.
    pub(crate) async fn close(&self) {
        if let Some(workers) = &self.workers {
            workers.close().await;
        }
    }
}
