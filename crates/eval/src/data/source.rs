//! Pulling cases from an iterator or a stream as the run asks for them.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::thread;

use futures_util::{FutureExt as _, Stream, StreamExt as _};
use serde::de::DeserializeOwned;
use tidegate_client::{Client, Dataset, ExperimentOptions};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::chunk::{PATIENCE, next_size};
use super::experiment::{self, Earlier};
use super::{DataError, dataset};
use crate::case::{Case, IntoCase};
use crate::{clock, panic};

pub(crate) type Item<I, E> = Result<Case<I, E>, DataError>;
type Iter<I, E> = Box<dyn Iterator<Item = Item<I, E>> + Send>;
type Later<I, E> = Pin<Box<dyn Future<Output = Result<Iter<I, E>, DataError>> + Send>>;

/// Data that nobody has begun to read.
pub(crate) enum Source<I, E> {
    Iterator(Iter<I, E>),
    Stream(Cased<I, E>),
    /// An iterator that has to be waited for.
    Later(Later<I, E>),
    /// The cases of an earlier experiment, and how to read them once its id is known.
    Experiment(Earlier, ReadEarlier<I, E>),
    /// The rows of a dataset.
    Dataset(Dataset, ReadDataset<I, E>),
}

type Cased<I, E> = Pin<Box<dyn Stream<Item = Item<I, E>> + Send>>;
type ReadDataset<I, E> = fn(&Dataset) -> Cased<I, E>;
type ReadEarlier<I, E> = fn(&Client, String) -> Cased<I, E>;

impl<I: Send + 'static, E: Send + 'static> Source<I, E> {
    pub(crate) fn new<D>(data: D) -> Self
    where
        D: IntoIterator<
                Item: IntoCase<Input = I, Expected = E> + 'static,
                IntoIter: Send + 'static,
            >,
    {
        Self::Iterator(iterator(data))
    }

    pub(crate) fn stream<S>(data: S) -> Self
    where
        S: Stream<Item: IntoCase<Input = I, Expected = E>> + Send + 'static,
    {
        Self::Stream(Box::pin(data.map(IntoCase::into_case)))
    }

    pub(crate) fn later<D, X>(data: impl Future<Output = Result<D, X>> + Send + 'static) -> Self
    where
        D: IntoIterator<
                Item: IntoCase<Input = I, Expected = E> + 'static,
                IntoIter: Send + 'static,
            >,
        X: Into<DataError>,
    {
        Self::Later(Box::pin(data.map(|data| data.map(iterator).map_err(Into::into))))
    }

    pub(crate) fn experiment(earlier: Earlier) -> Self
    where
        I: DeserializeOwned,
        E: DeserializeOwned,
    {
        Self::Experiment(earlier, |client, id| Box::pin(experiment::read(client, id)))
    }

    pub(crate) fn dataset(dataset: Dataset) -> Self
    where
        I: DeserializeOwned,
        E: DeserializeOwned,
    {
        Self::Dataset(dataset, |dataset| Box::pin(dataset::read(dataset)))
    }

    /// Holds a dataset at the version that it has now, so that the experiment says which one, and
    /// nobody else's writes get into the run.
    pub(crate) async fn pinned(
        self,
        experiment: &mut ExperimentOptions,
    ) -> Result<Self, DataError> {
        let Self::Dataset(dataset, read) = self else { return Ok(self) };
        let version = dataset.version().await.map_err(DataError::source)?;
        *experiment = std::mem::take(experiment).dataset(dataset.id(), version.clone());
        let dataset = match version {
            Some(version) => dataset.at(version),
            None => dataset,
        };
        Ok(Self::Stream(read(&dataset)))
    }

    /// How many cases there will be, where that is known before one is read.
    pub(crate) fn count(&self) -> Option<u64> {
        match self {
            Self::Iterator(cases) => exact(cases.size_hint()),
            Self::Stream(cases) => exact(cases.size_hint()),
            Self::Later(_) | Self::Dataset(..) | Self::Experiment(..) => None,
        }
    }

    /// Whether it can be read only through a client.
    pub(crate) fn needs_client(&self) -> bool {
        matches!(self, Self::Experiment(..))
    }

    /// Finds the experiment of this name, if that is where the cases are.
    pub(crate) async fn found(self, client: &Client, project: &str) -> Result<Self, DataError> {
        match self {
            Self::Experiment(Earlier::Named(name), read) => {
                let id = experiment::find(client, project, &name).await?;
                Ok(Self::Stream(read(client, id)))
            }
            other => Ok(other),
        }
    }

    /// Takes the base of the experiment of this id, if that is where the cases are.
    pub(crate) async fn based(
        self,
        client: &Client,
        id: &str,
        project: &str,
    ) -> Result<Self, DataError> {
        match self {
            Self::Experiment(Earlier::Base, read) => {
                let base = client.base_experiment(id).await.map_err(DataError::source)?;
                let none = || DataError::NoBase { project: project.to_owned() };
                Ok(Self::Stream(read(client, base.ok_or_else(none)?.id)))
            }
            other => Ok(other),
        }
    }

    /// Starts to read: iterators on a thread of their own, since they may read files or compute,
    /// which async threads must not do; streams on a task of their own.
    ///
    /// The channel holds one hand-over, so the reader is at most two ahead: one waiting there, one
    /// waiting for room. A hand-over is one case, or of an iterator so many as the run needs in
    /// half a millisecond.
    pub(crate) fn start(self) -> Result<Cases<I, E>, DataError> {
        let (send, receive) = mpsc::channel(1);
        let mut reader = JoinSet::new();
        let count = match self {
            Self::Iterator(cases) => {
                let count = exact(cases.size_hint());
                read(cases, send)?;
                count
            }
            Self::Stream(cases) => {
                let count = exact(cases.size_hint());
                reader.spawn(forward(cases, send));
                count
            }
            Self::Later(cases) => {
                reader.spawn(arrive(cases, send));
                None
            }
            // A run that records nothing: no experiment has to say which version it was.
            Self::Dataset(dataset, cases) => {
                reader.spawn(forward(cases(&dataset), send));
                None
            }
            Self::Experiment(..) => unreachable!("found before the run starts"),
        };
        Ok(Cases { receive, count, _reader: reader })
    }
}

fn iterator<D>(data: D) -> Iter<<D::Item as IntoCase>::Input, <D::Item as IntoCase>::Expected>
where
    D: IntoIterator<Item: IntoCase + 'static, IntoIter: Send + 'static>,
{
    Box::new(data.into_iter().map(IntoCase::into_case))
}

/// Only an exact count is worth showing; a filter would make it an overestimate.
fn exact((lower, upper): (usize, Option<usize>)) -> Option<u64> {
    upper.filter(|upper| lower == *upper).map(|count| count as u64)
}

/// Starts the thread that reads an iterator.
fn read<I: Send + 'static, E: Send + 'static>(
    mut cases: Iter<I, E>,
    send: mpsc::Sender<Vec<Item<I, E>>>,
) -> Result<(), DataError> {
    let read = move || {
        let (mut size, mut handed_over) = (1, clock::now());
        loop {
            let (chunk, last) = chunk(&mut cases, size);
            let read = chunk.len();
            if read == 0 {
                return;
            }
            // Fails once the run is over and wants no more.
            if send.blocking_send(chunk).is_err() || last {
                return;
            }
            let now = clock::now();
            size = next_size(read, now.saturating_duration_since(handed_over));
            handed_over = now;
        }
    };
    let thread = thread::Builder::new().name("tidegate-data".to_owned()).spawn(read);
    thread.map(drop).map_err(DataError::Thread)
}

/// Reads up to `size` cases; true if nothing follows them.
fn chunk<I, E>(cases: &mut Iter<I, E>, size: usize) -> (Vec<Item<I, E>>, bool) {
    let begun = clock::now();
    let mut chunk = Vec::with_capacity(size);
    while chunk.len() < size {
        let next = match catch_unwind(AssertUnwindSafe(|| cases.next())) {
            Ok(None) => return (chunk, true),
            Ok(Some(next)) => next,
            Err(payload) => Err(DataError::Panicked(panic::message(&*payload))),
        };
        let failed = next.is_err();
        chunk.push(next);
        if failed {
            return (chunk, true);
        }
        if size > 1 && clock::now().saturating_duration_since(begun) >= PATIENCE {
            break;
        }
    }
    (chunk, false)
}

/// Reads a stream to its end or its first error.
async fn forward<I, E>(cases: Cased<I, E>, send: mpsc::Sender<Vec<Item<I, E>>>) {
    let mut cases = pin!(cases);
    loop {
        let next = match caught(cases.next()).await {
            Ok(None) => return,
            Ok(Some(next)) => next,
            Err(error) => Err(error),
        };
        let last = next.is_err();
        if send.send(vec![next]).await.is_err() || last {
            return;
        }
    }
}

/// Waits for an iterator and has it read.
async fn arrive<I: Send + 'static, E: Send + 'static>(
    cases: Later<I, E>,
    send: mpsc::Sender<Vec<Item<I, E>>>,
) {
    let cases = caught(cases).await.and_then(|cases| cases);
    if let Err(error) = cases.and_then(|cases| read(cases, send.clone())) {
        // Fails once the run is over and wants no more.
        send.send(vec![Err(error)]).await.ok();
    }
}

/// Runs code of the data source.
async fn caught<T>(code: impl Future<Output = T>) -> Result<T, DataError> {
    let done = AssertUnwindSafe(code).catch_unwind().await;
    done.map_err(|payload| DataError::Panicked(panic::message(&*payload)))
}

/// Cases as they are read. Nothing more is read once this is dropped.
pub(crate) struct Cases<I, E> {
    receive: mpsc::Receiver<Vec<Item<I, E>>>,
    count: Option<u64>,
    /// The task that reads, if it is one; aborted when this is dropped.
    _reader: JoinSet<()>,
}

impl<I, E> Cases<I, E> {
    /// The next cases; `None` at the end. Nothing follows an error.
    ///
    /// # Cancel safety
    /// Dropping the future loses no case.
    pub(crate) async fn next(&mut self) -> Option<Vec<Item<I, E>>> {
        self.receive.recv().await
    }

    /// How many cases there are, if the data knows.
    pub(crate) fn count(&self) -> Option<u64> {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panicking_iterator_is_an_error_at_its_place() {
        let data = (0..3).map(|input| {
            assert!(input < 1, "broken on purpose");
            Case::new(input)
        });
        let mut cases = Source::new(data).start().unwrap();
        assert_eq!(cases.count(), Some(3));
        let mut read = cases.next().await.unwrap();
        assert_eq!(read.remove(0).unwrap().input(), &0);
        let error = cases.next().await.unwrap().remove(0).unwrap_err();
        assert_eq!(error.to_string(), "reading the data panicked: broken on purpose");
        assert!(cases.next().await.is_none());
    }

    #[tokio::test]
    async fn only_an_exact_count_is_a_count() {
        let all = Source::new(vec![Case::new(1), Case::new(2)]).start().unwrap();
        assert_eq!(all.count(), Some(2));
        let some = vec![Case::new(1), Case::new(2)].into_iter().filter(|case| *case.input() > 1);
        assert_eq!(Source::new(some).start().unwrap().count(), None);
    }
}
