//! Pulling cases from an iterator as the run asks for them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use tokio::sync::mpsc;

use super::DataError;
use crate::case::{Case, IntoCase};
use crate::panic;

type Item<I, E> = Result<Case<I, E>, DataError>;

/// Data that nobody has begun to read.
pub(crate) struct Source<I, E> {
    cases: Box<dyn Iterator<Item = Item<I, E>> + Send>,
}

impl<I: Send + 'static, E: Send + 'static> Source<I, E> {
    pub(crate) fn new<D>(data: D) -> Self
    where
        D: IntoIterator<
                Item: IntoCase<Input = I, Expected = E> + 'static,
                IntoIter: Send + 'static,
            >,
    {
        Self { cases: Box::new(data.into_iter().map(IntoCase::into_case)) }
    }

    /// Starts the thread that reads.
    ///
    /// Iterators may read files or compute, which async threads must not do. The channel holds
    /// one case, so the thread is at most two ahead: one waiting there, one waiting for room.
    pub(crate) fn start(self) -> Result<Cases<I, E>, DataError> {
        let mut cases = self.cases;
        let (_, upper) = cases.size_hint();
        // Only an exact count is worth showing; a filter would make it an overestimate.
        let count = upper.filter(|upper| cases.size_hint().0 == *upper);
        let (send, receive) = mpsc::channel(1);
        let read = move || {
            loop {
                let next = catch_unwind(AssertUnwindSafe(|| cases.next()));
                let next = match next {
                    Ok(None) => return,
                    Ok(Some(next)) => next,
                    Err(payload) => Err(DataError::Panicked(panic::message(&*payload))),
                };
                let last = next.is_err();
                // Fails once the run is over and wants no more.
                if send.blocking_send(next).is_err() || last {
                    return;
                }
            }
        };
        thread::Builder::new()
            .name("tidegate-data".to_owned())
            .spawn(read)
            .map_err(DataError::Thread)?;
        Ok(Cases { receive, count: count.map(|count| count as u64) })
    }
}

/// Cases as they are read. Nothing more is read once this is dropped.
pub(crate) struct Cases<I, E> {
    receive: mpsc::Receiver<Item<I, E>>,
    count: Option<u64>,
}

impl<I, E> Cases<I, E> {
    /// The next case; `None` at the end. Nothing follows an error.
    ///
    /// # Cancel safety
    /// Dropping the future loses no case.
    pub(crate) async fn next(&mut self) -> Option<Item<I, E>> {
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
        assert_eq!(cases.next().await.unwrap().unwrap().input(), &0);
        let error = cases.next().await.unwrap().unwrap_err();
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
