//! What can be wrong with records.

use std::io;
use std::path::PathBuf;

use super::Shard;

/// Why cells cannot be used, taken over, kept or merged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CellsError {
    /// A file or directory cannot be used.
    #[error("cannot use {path}")]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A record that was synced is not what was written.
    #[error("{path} is damaged at byte {offset}: {problem}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the line begins.
        offset: u64,
        /// What is wrong there.
        problem: String,
    },
    /// A file says something that this version does not understand.
    #[error("{path} cannot be understood: {problem}")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Another process writes the same part of the run.
    #[error("the run {run} is being written by another process (part {shard})")]
    Busy {
        /// The run.
        run: String,
        /// The part.
        shard: Shard,
    },
    /// There is no such run.
    #[error("there is no run {run} (part {shard}) below {dir}")]
    UnknownRun {
        /// As it was asked for.
        run: String,
        /// The part.
        shard: Shard,
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// A new run would have the name of an old one.
    #[error("there is a run {run} (part {shard}) already")]
    RunExists {
        /// The run.
        run: String,
        /// The part.
        shard: Shard,
    },
    /// The run was recorded for something else, so nothing of it can be taken over.
    #[error("the run {run} was recorded with {what} {recorded:?}, and now it is {now:?}")]
    Different {
        /// The run.
        run: String,
        /// What differs.
        what: &'static str,
        /// As recorded.
        recorded: String,
        /// As it is.
        now: String,
    },
    /// The settings contradict each other or make no sense.
    #[error("{0}")]
    Setting(String),
    /// An experiment that shards share is not, or is of another run.
    #[error("the experiment {experiment} is not one that these shards can share: {problem}")]
    Shared {
        /// Its name.
        experiment: String,
        /// Why.
        problem: String,
    },
    /// Parts that do not make one run.
    #[error("these are not the shards of one run: {0}")]
    Unmergeable(String),
}

impl CellsError {
    pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::File { .. } => "check the permissions of the directory and the space on the disk",
            Self::Damaged { .. } => {
                "the disk or another program changed the file: restore it, or start a new run"
            }
            Self::Manifest { .. } => "use the version that wrote it, or start a new run",
            Self::Busy { .. } => "wait for that process, or end it, then try again",
            Self::UnknownRun { .. } => "look for the name in the output of the interrupted run",
            Self::RunExists { .. } => "resume it, or choose another name",
            Self::Different { .. } => {
                "start a new run; if the task is the same all the same, say so with `same_task`"
            }
            Self::Setting(_) => "see the documentation of `Cells`",
            Self::Shared { .. } => {
                "shards of one run need the same evaluation; for another run choose another name"
            }
            Self::Unmergeable(_) => "give exactly the shards of one finished run, each once",
        }
    }
}
