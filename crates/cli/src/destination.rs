//! Where the commands that evaluate and read results find them: the table of `Connection`, with
//! the data directory that the command was given.

use tidegate::client::Policy;
use tidegate::client::env::Settings;
use tidegate::{Connection, Error};

use crate::args::DataDir;
use crate::exit::Failure;

/// Connects as the settings say. Close the connection in the end, so that a collector inside of
/// this process finishes its requests.
pub(crate) fn open(mut settings: Settings, data_dir: &DataDir) -> Result<Connection, Failure> {
    // Settings may come from a file beside the environment; what the command line says wins.
    if let Some(given) = data_dir.given() {
        settings.data_dir = Some(given.to_owned());
    }
    settings.data_dir.get_or_insert_with(|| data_dir.path().to_owned());
    Connection::with(&settings, Policy::Block).map_err(failure)
}

/// A failure of the library as the commands report it.
pub(crate) fn failure(error: Error) -> Failure {
    let hint = error.hint();
    Failure::failed(error.into(), hint)
}
