//! `--watch`: the files of an evaluation, looked at twice a second.
//!
//! Polling, because it works on every file system, in containers and over networks, where
//! notifications of the kernel do not; some hundred calls of `stat` per second cost nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::file::{self, Data, EvalFile, Kind, Program, Prompt, Task};
use super::paths;
use crate::args::eval::Eval as Arguments;

const EVERY: Duration = Duration::from_millis(500);

/// Size and time of change; `None` for a file that is not there.
type State = Option<(u64, Option<SystemTime>)>;

/// Files and how they were when they were first looked at.
pub(crate) struct Files {
    states: BTreeMap<PathBuf, State>,
}

impl Files {
    /// The files that the arguments name, and those that these name in turn. Of a file with a fault
    /// only itself is known.
    pub(crate) fn of(arguments: &Arguments) -> Self {
        let mut files: Vec<PathBuf> = arguments.run.env_file.iter().cloned().collect();
        for path in paths::expand(&arguments.files).unwrap_or_default() {
            if let Ok(file) = file::read(&path) {
                named(&file, &mut files);
            }
            files.push(path.into());
        }
        let states = files.into_iter().map(|path| (path.clone(), state(&path)));
        Self { states: states.collect() }
    }

    pub(crate) fn len(&self) -> usize {
        self.states.len()
    }

    /// Resolves once one of them is not as it was.
    ///
    /// # Cancel safety
    /// Dropping it has no effect.
    pub(crate) async fn changed(&self) {
        while self.states.iter().all(|(path, before)| state(path) == *before) {
            tokio::time::sleep(EVERY).await;
        }
    }
}

fn state(path: &Path) -> State {
    let found = std::fs::metadata(path).ok()?;
    Some((found.len(), found.modified().ok()))
}

fn named(file: &EvalFile, files: &mut Vec<PathBuf>) {
    let EvalFile { directory, data, task, matrix, scorers, .. } = file;
    if let Data::File { path, .. } | Data::Csv { path, .. } = data {
        files.push(path.clone());
    }
    let mut prompts: Vec<&Prompt> = matrix
        .iter()
        .flat_map(|axis| &axis.values)
        .filter_map(|value| value.prompt.as_ref())
        .collect();
    match task {
        Task::Program(program, _) => words(program, directory, files),
        Task::Chat(chat) => prompts.extend(chat.prompt.iter().chain(&chat.system)),
        Task::Http(..) => {}
    }
    files.extend(prompts.iter().filter_map(|prompt| prompt.file.clone()));
    for scorer in scorers {
        if let Kind::Program(program) = &scorer.kind {
            words(program, directory, files);
        }
    }
}

/// The words of a command that are files, such as a script.
fn words(program: &Program, directory: &Path, files: &mut Vec<PathBuf>) {
    let words = program.command.iter().map(|word| directory.join(word));
    files.extend(words.filter(|path| path.is_file()));
}
