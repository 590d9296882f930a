//! `run()`: an evaluation that finds its destination by itself.

use std::future::Future;

use serde::Serialize;
use tidegate_eval::{Eval, EvalError, Outcome};

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

    /// As [`Run::run`], blocking the calling thread; for programs that are not async.
    ///
    /// ```no_run
    /// use tidegate::prelude::*;
    ///
    /// fn main() -> Result<(), Error> {
    ///     Eval::new("greetings")
    ///         .data([Case::new("Ada").expected("Hello, Ada")])
    ///         .task(async |name, _cx| format!("Hello, {name}"))
    ///         .scorer("exact", |args| args.expected.is_some_and(|e| e == args.output))
    ///         .run_blocking()?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`Run::run`].
    fn run_blocking(self) -> Result<Self::Outcome, Error>;
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

    fn run_blocking(self) -> Result<Self::Outcome, Error> {
        tidegate_eval::block_on(self.run()).map_err(EvalError::Thread)?
    }
}
