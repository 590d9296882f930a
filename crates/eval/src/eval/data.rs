//! Where the cases of a run come from.

use std::future::Future;

use futures_util::{FutureExt as _, Stream};
use serde::de::DeserializeOwned;
use tidegate_client::Dataset;

use super::Eval;
use crate::case::IntoCase;
use crate::data::{DataError, Earlier, Source};

impl Eval {
    /// Sets where cases come from: anything that iterates over [`Case`](crate::Case)s, or over
    /// results of them such as [`data::jsonl`](crate::data::jsonl).
    ///
    /// It is read on a thread of its own, as the run goes, at most two cases ahead. An error
    /// ends the run with [`EvalError::Data`](crate::EvalError::Data) after the cases before it.
    pub fn data<D, I, E>(self, data: D) -> Eval<I, (), E>
    where
        D: IntoIterator<
                Item: IntoCase<Input = I, Expected = E> + 'static,
                IntoIter: Send + 'static,
            >,
        I: Send + 'static,
        E: Send + 'static,
    {
        self.source(Source::new(data))
    }

    /// Takes cases from a stream: of [`Case`](crate::Case)s, or of results of them. It is read on
    /// a task of its own, as the run goes, at most two cases ahead; its errors and panics end the
    /// run as those of [`Eval::data`] do.
    pub fn stream<S, I, E>(self, data: S) -> Eval<I, (), E>
    where
        S: Stream<Item: IntoCase<Input = I, Expected = E>> + Send + 'static,
        I: Send + 'static,
        E: Send + 'static,
    {
        self.source(Source::stream(data))
    }

    /// Takes cases from what an async function returns, such as a query's rows. The future is
    /// waited for when the run starts; what it returns is read as [`Eval::data`] reads it.
    pub fn data_async<D, I, E>(
        self,
        data: impl Future<Output = D> + Send + 'static,
    ) -> Eval<I, (), E>
    where
        D: IntoIterator<
                Item: IntoCase<Input = I, Expected = E> + 'static,
                IntoIter: Send + 'static,
            > + 'static,
        I: Send + 'static,
        E: Send + 'static,
    {
        self.source(Source::later(data.map(Ok::<D, DataError>)))
    }

    /// As [`Eval::data_async`], for an async function that can fail. Its error ends the run with
    /// [`EvalError::Data`](crate::EvalError::Data); [`DataError::source`] makes one of any error.
    ///
    /// ```
    /// use tidegate_eval::{Case, DataError, Eval, Report};
    ///
    /// async fn load() -> Result<Vec<Case<String>>, DataError> {
    ///     let text = tokio::task::spawn_blocking(|| std::fs::read_to_string("Cargo.toml")).await;
    ///     let text = text.map_err(DataError::source)??;
    ///     Ok(text.lines().map(|line| Case::new(line.to_owned())).collect())
    /// }
    ///
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let outcome = Eval::new("lines")
    ///     .try_data_async(load())
    ///     .task(async |line, _cx| line.len())
    ///     .report(Report::Silent)
    ///     .run_without_sending()
    ///     .await?;
    /// assert!(outcome.summary.trials > 0);
    /// # Ok::<(), tidegate_eval::EvalError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_data_async<D, X, I, E>(
        self,
        data: impl Future<Output = Result<D, X>> + Send + 'static,
    ) -> Eval<I, (), E>
    where
        D: IntoIterator<
                Item: IntoCase<Input = I, Expected = E> + 'static,
                IntoIter: Send + 'static,
            >,
        X: Into<DataError>,
        I: Send + 'static,
        E: Send + 'static,
    {
        self.source(Source::later(data))
    }

    /// Takes the rows of a dataset as cases: inputs, expected values, tags and metadata, each with a
    /// link to the row it comes from. They are read a page at a time, as the run goes.
    ///
    /// A run that records holds the dataset at the version it has when the run starts, unless
    /// [`Dataset::at`] chose one, and the experiment says which. If that cannot be asked for, the
    /// run ends with [`EvalError::NoData`](crate::EvalError::NoData).
    ///
    /// ```no_run
    /// # async fn run(client: tidegate_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use tidegate_client::{Dataset, DatasetOptions};
    /// use tidegate_eval::Eval;
    ///
    /// let names = Dataset::init(&client, DatasetOptions::new("greetings", "names")).await?;
    /// let outcome = Eval::new("greetings")
    ///     .data_from_dataset::<String, String>(&names)
    ///     .task(async |name, _cx| format!("Hello, {name}"))
    ///     .scorer("exact", |args| args.expected == Some(args.output))
    ///     .run_with(&client)
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn data_from_dataset<I, E>(self, dataset: &Dataset) -> Eval<I, (), E>
    where
        I: DeserializeOwned + Send + 'static,
        E: DeserializeOwned + Send + 'static,
    {
        self.source(Source::dataset(dataset.clone()))
    }

    /// Takes the cases of an earlier experiment of the same project: inputs, expected values,
    /// tags, metadata and ids, each trial a case. They are read through the client of
    /// [`Eval::run_with`], a page at a time, as the run goes.
    ///
    /// The run is compared with that experiment, unless [`Eval::base_experiment`] is called after
    /// this. If it does not exist, the run ends with
    /// [`EvalError::NoData`](crate::EvalError::NoData) before anything is made on the server.
    ///
    /// ```no_run
    /// # async fn again(client: tidegate_client::Client) -> Result<(), tidegate_eval::EvalError> {
    /// use tidegate_eval::Eval;
    ///
    /// let outcome = Eval::new("greetings")
    ///     .data_from_experiment::<String, String>("first-run")
    ///     .task(async |name, _cx| format!("Hello, {name}"))
    ///     .scorer("exact", |args| args.expected == Some(args.output))
    ///     .run_with(&client)
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn data_from_experiment<I, E>(mut self, name: impl Into<String>) -> Eval<I, (), E>
    where
        I: DeserializeOwned + Send + 'static,
        E: DeserializeOwned + Send + 'static,
    {
        let name = name.into();
        self.plan.experiment = self.plan.experiment.base_experiment(&name);
        self.source(Source::experiment(Earlier::Named(name)))
    }

    /// Takes the cases of the experiment that this run is compared with: the one named by
    /// [`Eval::base_experiment`], else the one that the server chooses. Otherwise as
    /// [`Eval::data_from_experiment`].
    pub fn data_from_base<I, E>(self) -> Eval<I, (), E>
    where
        I: DeserializeOwned + Send + 'static,
        E: DeserializeOwned + Send + 'static,
    {
        self.source(Source::experiment(Earlier::Base))
    }
}
