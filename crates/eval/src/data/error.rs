//! What can be wrong with data.

use std::io;
use std::path::PathBuf;

/// Why the data cannot be read any further. The message names the file and the line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file cannot be opened.
    #[error("cannot open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be read on.
    #[error("cannot read {} at line {line}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Line, starting at 1.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// A line is not a case.
    #[error("{}:{line}:{column}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Line, starting at 1.
        line: u64,
        /// Column in bytes, starting at 1.
        column: usize,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// There is no earlier experiment of this name to take cases from.
    #[error("the project {project:?} has no experiment {name:?}")]
    NoExperiment {
        /// Name of the project.
        project: String,
        /// Name that was looked for.
        name: String,
    },
    /// The cases are to be those of the base experiment, and there is none.
    #[error("the project {project:?} has no earlier experiment to take cases from")]
    NoBase {
        /// Name of the project.
        project: String,
    },
    /// A row of an earlier experiment is not a case of the wanted types.
    #[error("row {row} of the experiment {experiment} is not a case: {reason}")]
    Row {
        /// Id of the experiment.
        experiment: String,
        /// Id of the row.
        row: String,
        /// What is wrong.
        reason: String,
    },
    /// A row of a dataset is not a case of the wanted types.
    #[error("row {row} of the dataset {dataset:?} is not a case: {reason}")]
    DatasetRow {
        /// Name of the dataset.
        dataset: String,
        /// Id of the row.
        row: String,
        /// What is wrong.
        reason: String,
    },
    /// Reading panicked.
    #[error("reading the data panicked: {0}")]
    Panicked(String),
    /// The thread that reads the data could not be started.
    #[error("cannot start the thread that reads the data")]
    Thread(#[source] io::Error),
    /// A data source of the user's own failed.
    #[error("the data source failed")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl DataError {
    /// Wraps the error of a data source of one's own.
    pub fn source(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Source(error.into())
    }
}

impl From<io::Error> for DataError {
    fn from(error: io::Error) -> Self {
        Self::source(error)
    }
}

impl From<Box<dyn std::error::Error + Send + Sync>> for DataError {
    fn from(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self::Source(error)
    }
}
