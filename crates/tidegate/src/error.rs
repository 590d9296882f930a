//! What can keep a run from starting or from being recorded.

use std::fmt;
use std::time::Duration;

use tidegate_client::env::SettingsError;
use tidegate_client::{
    ApiError, AttachmentStatus, DownloadError, FlushError, LoadError, ParentError, SummaryError,
};
use tidegate_eval::EvalError;

/// Why a run did not happen, or not completely. [`Error::hint`] says what to do.
///
/// Its `Debug` form is for people, since that is what `fn main() -> Result<(), Error>` prints.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing says where the run should go.
    #[error("nowhere to send the run: no destination is set")]
    NoDestination,
    /// A settings file cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The operating system refused a thread.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
    /// The data directory cannot be served.
    #[cfg(feature = "embedded")]
    #[error(transparent)]
    Collector(#[from] tidegate_server::StartError),
    /// The logger's project cannot be registered.
    #[error("cannot register the project of the logger")]
    Logger(#[source] ApiError),
    /// The evaluation failed.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// A request to the server did not give what was asked for.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// Not everything that was recorded is stored.
    #[error(transparent)]
    Flush(#[from] FlushError),
    /// An experiment has no summary.
    #[error(transparent)]
    Summary(#[from] SummaryError),
    /// A slug cannot be a parent.
    #[error(transparent)]
    Parent(#[from] ParentError),
    /// A prompt or parameters cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// An attachment cannot be read.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// A call of [`blocking`](crate::blocking) did not end in time.
    #[error("not done within {deadline:?}")]
    Deadline {
        /// How long it had.
        deadline: Duration,
    },
}

impl Error {
    /// What the user can do about it, in one line.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoDestination => NO_DESTINATION_HINT.to_owned(),
            Self::Settings(_) => "correct or remove the file".to_owned(),
            Self::Thread(_) => "raise the limit of processes (ulimit -u)".to_owned(),
            #[cfg(feature = "embedded")]
            Self::Collector(error) => collector_hint(error).to_owned(),
            Self::Logger(error) => error.hint().to_owned(),
            Self::Eval(error) => error.hint().to_string(),
            Self::Api(error)
            | Self::Summary(SummaryError::Api(error))
            | Self::Parent(ParentError::Lookup(error))
            | Self::Download(DownloadError::Api(error)) => error.hint().to_owned(),
            Self::Flush(error) | Self::Summary(SummaryError::Flush(error)) => {
                flush_hint(error).to_owned()
            }
            Self::Summary(_) => "check the server and its log".to_owned(),
            Self::Parent(_) => "pass on what `export()` of a span gave, unchanged".to_owned(),
            Self::Load(error) => error.hint().to_owned(),
            Self::Download(error) => download_hint(error).to_owned(),
            Self::Deadline { .. } => {
                "check that the server answers, or allow more time (`Blocking::deadline`)"
                    .to_owned()
            }
        }
    }

    /// Message, causes and hint on two lines, as command-line programs print them.
    #[must_use]
    pub fn report(&self) -> String {
        format!("error: {self:?}")
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        write!(f, "\nhint: {}", self.hint())
    }
}

fn flush_hint(error: &FlushError) -> &'static str {
    match error {
        FlushError::Lost { .. } => "see the warnings of the client and the server's log",
        FlushError::Forked { .. } => "make a client of its own in the child",
        // What is pending may still arrive.
        _ => "check the server, then flush again",
    }
}

fn download_hint(error: &DownloadError) -> &'static str {
    match error {
        DownloadError::NotThere(AttachmentStatus::Uploading) => {
            "flush the client that has recorded it, then read it again"
        }
        DownloadError::NotThere(_) => "record it again; the client that did has warned of it",
        DownloadError::TooLarge { .. } => "allow more bytes, or save it to a file",
        _ => "check the directory and the room on its disk",
    }
}

const NO_DESTINATION_HINT: &str = "set BRAINTRUST_APP_URL to a collector (`tidegate serve`), or \
     BRAINTRUST_API_KEY for the hosted service, or build with the feature `embedded`";

#[cfg(feature = "embedded")]
fn collector_hint(error: &tidegate_server::StartError) -> &'static str {
    use tidegate_server::StartError;
    match error {
        StartError::Locked { .. } => "wait for the other process, or set TIDEGATE_DATA_DIR",
        StartError::NotWritable { .. } | StartError::DataDir { .. } => {
            "make it writable, or set TIDEGATE_DATA_DIR to another directory"
        }
        StartError::NewerSchema { .. } => {
            "upgrade tidegate, or set TIDEGATE_DATA_DIR to another directory"
        }
        StartError::ForeignDatabase { .. } => "set TIDEGATE_DATA_DIR to another directory",
        _ => "check the data directory, or set TIDEGATE_DATA_DIR to another one",
    }
}
