//! `run()`: an evaluation that finds its destination by itself.

use std::future::Future;

use serde::Serialize;
use tidegate_eval::{Eval, Outcome};

use crate::connection::Connection;
use crate::error::Error;

/// Adds [`Run::run`] to [`Eval`].
pub trait Run: Sized {
    /// What the evaluation gives back.
    type Outcome;

    /// Runs, records where [`Connection::open`] says, and reports.
    ///
    /// # Errors
    /// [`Error`] if nothing says where to record, or as [`Eval::run_with`].
    ///
    /// # Cancel safety
    /// As [`Eval::run_with`]; a collector in this process closes without waiting.
    fn run(self) -> impl Future<Output = Result<Self::Outcome, Error>> + Send;
}

impl<I, O, E> Run for Eval<I, O, E>
where
    I: Serialize + Send + Sync + 'static,
    O: Serialize + Send + Sync + 'static,
    E: Serialize + Send + Sync + 'static,
{
    type Outcome = Outcome<I, O, E>;

    async fn run(self) -> Result<Self::Outcome, Error> {
        let connection = Connection::open()?;
        let outcome = self.run_with(connection.client()).await;
        connection.close().await;
        Ok(outcome?)
    }
}
