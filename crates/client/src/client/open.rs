//! Opening what rows are recorded into or read from.

use std::sync::Arc;

use tidegate_model::{Destination, RowId};

use super::Client;
use crate::error::ApiError;
use crate::event::Event;
use crate::experiment::ExperimentOptions;
use crate::logger::Logger;
use crate::open_experiment::{OpenExperiment, ReadonlyExperiment};
use crate::record::Head;
use crate::recorder::Draft;

impl Client {
    /// Makes a logger for a project, which is created if it is unknown. [`Logger::new`] makes one
    /// for an id that is known, without a request.
    ///
    /// # Errors
    /// [`ApiError`] if the server cannot be reached or refuses.
    pub async fn init_logger(&self, project: impl Into<String>) -> Result<Logger, ApiError> {
        Ok(Logger::new(self, self.register_project(project).await?))
    }

    /// Registers an experiment that the program records by itself, row by row.
    ///
    /// # Errors
    /// As [`Client::register_experiment`].
    pub async fn init_experiment(
        &self,
        options: ExperimentOptions,
    ) -> Result<OpenExperiment, ApiError> {
        Ok(OpenExperiment::new(self, self.register_experiment(options).await?))
    }

    /// Finds an experiment by its project and name, to read it; `None` if there is none. Nothing is
    /// created or changed.
    ///
    /// # Errors
    /// [`ApiError`] if the server cannot be reached or refuses.
    pub async fn open_experiment(
        &self,
        project: &str,
        name: &str,
    ) -> Result<Option<ReadonlyExperiment>, ApiError> {
        let found = self.find_experiments(Some(project), name).await?;
        let found = found.iter().find(|found| found.name == name);
        Ok(found.map(|found| ReadonlyExperiment::found(self, found)))
    }

    /// Merges fields into a row, by its id.
    pub(crate) fn update_row(&self, destination: &Arc<Destination>, row_id: &str, event: Event) {
        let head = Head::detached(Arc::clone(destination), RowId::from(row_id), None);
        let draft = Draft { head, start: None, end: None, event };
        self.inner.recorder.record(draft, None);
    }
}
