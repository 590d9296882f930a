//! Rows that a server gives out page by page, read as the run asks for them.

use std::time::Duration;

use futures_util::stream::{self, Stream, TryStreamExt as _};
use tidegate_client::{ApiError, DatasetRow, DatasetRows, RowPages};
use tidegate_model::row::Row;

use super::DataError;

/// For one page. A server that does not answer must not hold a run for ever.
const PAGE_TIMEOUT: Duration = Duration::from_secs(60);

/// Whatever gives out its rows a page at a time.
pub(super) trait Pages: Send + 'static {
    type Row: Send + 'static;

    /// The next page; `None` after the last one.
    fn next(
        &mut self,
        deadline: Duration,
    ) -> impl Future<Output = Result<Option<Vec<Self::Row>>, ApiError>> + Send;
}

impl Pages for DatasetRows {
    type Row = DatasetRow;

    async fn next(&mut self, deadline: Duration) -> Result<Option<Vec<DatasetRow>>, ApiError> {
        Self::next(self, deadline).await
    }
}

impl Pages for RowPages {
    type Row = Row;

    async fn next(&mut self, deadline: Duration) -> Result<Option<Vec<Row>>, ApiError> {
        Self::next(self, deadline).await
    }
}

/// The rows, one page of them in memory at a time; ends after an error.
pub(super) fn rows<P: Pages>(
    pages: P,
) -> impl Stream<Item = Result<P::Row, DataError>> + Send + 'static {
    let pages = stream::try_unfold(pages, async |mut pages| {
        let page = pages.next(PAGE_TIMEOUT).await.map_err(DataError::source)?;
        Ok::<_, DataError>(page.map(|rows| (rows, pages)))
    });
    pages.map_ok(|rows| stream::iter(rows.into_iter().map(Ok))).try_flatten()
}
