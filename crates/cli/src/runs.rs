//! Finished runs, wherever they are: an experiment on a server or in the data directory, or a file
//! of results.

mod file;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use bytes::Bytes;
use tidegate::Connection;
use tidegate::client::env::Settings;
use tidegate_analysis::comparison::{Trial, trials_by_trace};
use tidegate_client::{ApiError, Client, FoundExperiment};
use tidegate_model::row::Row;

use crate::args::DataDir;
use crate::destination;
use crate::exit::Failure;

/// For reading all pages of one run.
const READ_TIMEOUT: Duration = Duration::from_secs(600);
/// Experiments named in an error when a name is not enough.
const SHOWN: usize = 5;

/// A finished run.
#[derive(Debug, Clone)]
pub(crate) enum Run {
    Recorded(FoundExperiment),
    File(PathBuf),
}

impl Run {
    /// As people call it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Recorded(experiment) => experiment.name.clone(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// What tells it from all others.
    pub(crate) fn id(&self) -> String {
        match self {
            Self::Recorded(experiment) => experiment.id.clone(),
            Self::File(path) => path.display().to_string(),
        }
    }
}

/// Where runs are looked for. The connection is made when the first run that is no file is asked for.
pub(crate) struct Runs<'a> {
    data_dir: &'a DataDir,
    project: Option<&'a str>,
    connection: Option<Connection>,
}

impl<'a> Runs<'a> {
    pub(crate) fn new(data_dir: &'a DataDir, project: Option<&'a str>) -> Self {
        Self { data_dir, project, connection: None }
    }

    /// Closes the connection, so that a collector in this process finishes its requests.
    pub(crate) async fn close(self) {
        if let Some(connection) = self.connection {
            connection.close().await;
        }
    }

    /// Whether there is a server, or a data directory in which something was recorded.
    pub(crate) fn can_look(&self) -> bool {
        let is_set = Settings::from_env().is_ok_and(|settings| settings.destination_is_set());
        is_set || self.data_dir.path().join("tidegate.db").exists()
    }

    pub(crate) fn client(&mut self) -> Result<Client, Failure> {
        if let Some(connection) = &self.connection {
            return Ok(connection.client().clone());
        }
        let settings = Settings::from_env()
            .map_err(|error| Failure::failed(error.into(), "correct or remove the file"))?;
        let data_dir = self.data_dir.path();
        // Reading must not leave an empty data directory behind.
        if !settings.destination_is_set() && !data_dir.is_dir() {
            let error = anyhow!("there is no data directory {}", data_dir.display());
            return Err(Failure::usage(error, NOWHERE));
        }
        let connection = destination::open(settings, self.data_dir)?;
        Ok(self.connection.insert(connection).client().clone())
    }

    /// Finds a run: a file of that path, else the experiment of that id or name.
    pub(crate) async fn find(&mut self, wanted: &str) -> Result<Run, Failure> {
        let path = PathBuf::from(wanted);
        if path.is_file() {
            return Ok(Run::File(path));
        }
        let looks_like_a_file = wanted.contains(['/', '\\'])
            || path.extension().is_some_and(|end| end == "jsonl" || end == "json");
        match self.experiment(wanted).await? {
            Some(experiment) => Ok(Run::Recorded(experiment)),
            None if looks_like_a_file => {
                let error = anyhow!("there is no file {wanted}, and no experiment of that name");
                Err(Failure::usage(error, "check the path"))
            }
            None => {
                let place = self.project.map(|name| format!(" in the project {name:?}"));
                let place = place.unwrap_or_default();
                let error = anyhow!("there is no experiment {wanted:?}{place}");
                Err(Failure::usage(error, NOWHERE))
            }
        }
    }

    /// Finds the experiment of that id or name, if there is one.
    pub(crate) async fn experiment(
        &mut self,
        wanted: &str,
    ) -> Result<Option<FoundExperiment>, Failure> {
        let client = self.client()?;
        if is_uuid(wanted)
            && let Some(found) = client.experiment_by_id(wanted).await.map_err(unreachable)?
        {
            return Ok(Some(found));
        }
        let mut found = client.find_experiments(self.project, wanted).await.map_err(unreachable)?;
        match found.len() {
            0 => Ok(None),
            1 => Ok(found.pop()),
            count => {
                let ids: Vec<_> = found.iter().take(SHOWN).map(|e| e.id.as_str()).collect();
                let error = anyhow!("{count} projects have an experiment {wanted:?}");
                let ids = ids.join(", ");
                Err(Failure::usage(error, format!("add --project NAME, or give an id: {ids}")))
            }
        }
    }

    /// The profile that a server keeps with an experiment, if it keeps one.
    pub(crate) async fn profile(
        &mut self,
        experiment: &FoundExperiment,
    ) -> Result<Option<Bytes>, Failure> {
        let client = self.client()?;
        client.download_profile(&experiment.id).await.map_err(unreachable)
    }

    /// All trials of a run, each with its trace: a `root_span_id`, or the line of a file.
    pub(crate) async fn trials(&mut self, run: &Run) -> Result<Vec<(String, Trial)>, Failure> {
        match run {
            Run::File(path) => {
                let path = path.clone();
                blocking(move || file::trials(&path)).await
            }
            Run::Recorded(experiment) => {
                let client = self.client()?;
                let rows = client.experiment_outline(&experiment.id, READ_TIMEOUT).await;
                let rows = rows.map_err(unreachable)?;
                blocking(move || Ok(trials_by_trace(&rows))).await
            }
        }
    }

    /// What was put in and came out in some trials, with the trace of each.
    pub(crate) async fn rows(
        &mut self,
        run: &Run,
        traces: BTreeSet<String>,
    ) -> Result<Vec<(String, Row)>, Failure> {
        match run {
            Run::File(path) => {
                let path = path.clone();
                blocking(move || file::rows(&path, &traces)).await
            }
            Run::Recorded(experiment) => {
                let client = self.client()?;
                let rows = client.experiment_roots(&experiment.id, traces, READ_TIMEOUT).await;
                let rows = rows.map_err(unreachable)?.into_iter();
                Ok(rows.map(|row| (trace(&row).to_owned(), row)).collect())
            }
        }
    }

    /// The client and a reader of files are both needed by an export, which reads page by page.
    pub(crate) fn client_of(&mut self, run: &Run) -> Result<Option<Client>, Failure> {
        match run {
            Run::File(_) => Ok(None),
            Run::Recorded(_) => self.client().map(Some),
        }
    }
}

pub(crate) use file::lines;

/// The trace that a row of a server belongs to.
pub(crate) fn trace(row: &Row) -> &str {
    let trace = row.get("root_span_id").or_else(|| row.get("id"));
    trace.and_then(serde_json::Value::as_str).unwrap_or_default()
}

const NOWHERE: &str = "name an experiment, its id, or a file of results; \
     see --data-dir, --project, and BRAINTRUST_APP_URL for where experiments are looked for";

pub(crate) fn unreachable(error: ApiError) -> Failure {
    let hint = error.hint();
    Failure::failed(error.into(), hint)
}

/// Runs code that takes long on a thread that may be held.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn is_uuid(text: &str) -> bool {
    let is_part = |(part, length): (&str, usize)| {
        part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let parts: Vec<_> = text.split('-').collect();
    parts.len() == 5 && parts.into_iter().zip([8, 4, 4, 4, 12]).all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_names() {
        assert!(is_uuid("01890a5d-ac96-774b-bcce-b302099a8057"));
        assert!(!is_uuid("main-1-2-3-4") && !is_uuid("") && !is_uuid("01890a5d"));
    }
}
