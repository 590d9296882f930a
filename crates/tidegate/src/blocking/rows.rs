//! Rows one by one, read page by page.

use std::future::Future;
use std::iter::FusedIterator;
use std::time::Duration;

use serde_json::{Map, Value};
use tidegate_client::{ApiError, DatasetRow, DatasetRows, RowPages};

use super::wait;
use crate::Error;

/// By so much a page's own deadline comes first, whose error says what was read.
const GRACE: Duration = Duration::from_secs(1);

/// What is read page by page.
pub trait Pages {
    /// One row.
    type Row;

    /// Reads the next page, which may be empty; `None` after the last one.
    fn next_page(
        &mut self,
        deadline: Duration,
    ) -> impl Future<Output = Result<Option<Vec<Self::Row>>, ApiError>>;
}

impl Pages for DatasetRows {
    type Row = DatasetRow;

    fn next_page(
        &mut self,
        deadline: Duration,
    ) -> impl Future<Output = Result<Option<Vec<DatasetRow>>, ApiError>> {
        self.next(deadline)
    }
}

impl Pages for RowPages {
    type Row = Map<String, Value>;

    fn next_page(
        &mut self,
        deadline: Duration,
    ) -> impl Future<Output = Result<Option<Vec<Map<String, Value>>>, ApiError>> {
        self.next(deadline)
    }
}

/// The rows of a dataset or an experiment. Memory holds one page of them, for each of which the
/// handle's deadline counts. After an error there are no more.
#[derive(Debug)]
pub struct Rows<P: Pages> {
    pages: P,
    page: std::vec::IntoIter<P::Row>,
    deadline: Duration,
    is_over: bool,
}

impl<P: Pages> Rows<P> {
    pub(super) fn new(pages: P, deadline: Duration) -> Self {
        Self { pages, page: Vec::new().into_iter(), deadline, is_over: false }
    }
}

impl Rows<DatasetRows> {
    /// Sets how many rows are read at once; see [`DatasetRows::page_rows`].
    #[must_use]
    pub fn page_rows(mut self, rows: usize) -> Self {
        self.pages = self.pages.page_rows(rows);
        self
    }
}

impl<P: Pages> Iterator for Rows<P> {
    type Item = Result<P::Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.page.next() {
                return Some(Ok(row));
            }
            if self.is_over {
                return None;
            }
            let page = self.pages.next_page(self.deadline);
            let page = wait(self.deadline.saturating_add(GRACE), page);
            match page.and_then(|page| Ok(page?)) {
                Ok(Some(page)) => self.page = page.into_iter(),
                Ok(None) => self.is_over = true,
                Err(error) => {
                    // Who goes on in spite of errors would read the same page for ever.
                    self.is_over = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl<P: Pages> FusedIterator for Rows<P> {}
