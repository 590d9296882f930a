//! Cases of a dataset, read page by page as the run asks for them.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use serde::de::DeserializeOwned;
use tidegate_client::{Dataset, DatasetRow, DatasetRows};

use super::DataError;
use crate::case::Case;

/// For one page. A server that does not answer must not hold a run for ever.
const PAGE_TIMEOUT: Duration = Duration::from_secs(60);

/// Reads the cases of a dataset, one page of rows in memory at a time.
pub(crate) fn read<I, E>(
    dataset: &Dataset,
) -> impl Stream<Item = Result<Case<I, E>, DataError>> + Send + 'static
where
    I: DeserializeOwned + Send + 'static,
    E: DeserializeOwned + Send + 'static,
{
    let (pages, name) = (dataset.fetch(), dataset.name().to_owned());
    let reading = Reading { pages, name, rows: VecDeque::new() };
    stream::try_unfold(reading, async |mut reading| {
        Ok(reading.next().await?.map(|case| (case, reading)))
    })
}

struct Reading {
    pages: DatasetRows,
    name: String,
    rows: VecDeque<DatasetRow>,
}

impl Reading {
    async fn next<I, E>(&mut self) -> Result<Option<Case<I, E>>, DataError>
    where
        I: DeserializeOwned,
        E: DeserializeOwned,
    {
        loop {
            if let Some(row) = self.rows.pop_front() {
                return case(&self.name, row).map(Some);
            }
            match self.pages.next(PAGE_TIMEOUT).await.map_err(DataError::source)? {
                Some(rows) => self.rows = rows.into(),
                None => return Ok(None),
            }
        }
    }
}

fn case<I, E>(dataset: &str, row: DatasetRow) -> Result<Case<I, E>, DataError>
where
    I: DeserializeOwned,
    E: DeserializeOwned,
{
    let fault = |what: &str, error: serde_json::Error| DataError::DatasetRow {
        dataset: dataset.to_owned(),
        row: row.id.clone(),
        reason: format!("{what}: {error}"),
    };
    let input = serde_json::from_value(row.input).map_err(|error| fault("input", error))?;
    let expected = serde_json::from_value(row.expected).map_err(|e| fault("expected", e))?;
    let mut case = Case::new(input).maybe_expected(expected).tags(row.tags).origin(row.origin);
    case.metadata = row.metadata;
    Ok(case)
}
