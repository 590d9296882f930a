//! Cases of a dataset, read page by page as the run asks for them.

use futures_util::stream::{Stream, StreamExt as _};
use serde::de::DeserializeOwned;
use tidegate_client::{Dataset, DatasetRow};

use super::{DataError, pages};
use crate::case::Case;

/// Reads the cases of a dataset, one page of rows in memory at a time.
pub(crate) fn read<I, E>(
    dataset: &Dataset,
) -> impl Stream<Item = Result<Case<I, E>, DataError>> + Send + 'static
where
    I: DeserializeOwned + Send + 'static,
    E: DeserializeOwned + Send + 'static,
{
    let name = dataset.name().to_owned();
    pages::rows(dataset.fetch()).map(move |row| case(&name, row?))
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
