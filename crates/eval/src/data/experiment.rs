//! Cases of an earlier experiment, read back page by page as the run asks for them.

use futures_util::stream::{Stream, StreamExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tidegate_client::{Client, Select};
use tidegate_model::row::Row;

use super::{DataError, pages};
use crate::case::Case;

/// Metadata that runs add themselves, and that says nothing about the case.
const OF_RUNS: [&str; 4] = ["case_id", "attempts", "scorer_errors", "classifier_errors"];

/// Which experiment.
#[derive(Debug, Clone)]
pub(crate) enum Earlier {
    /// One of the same project.
    Named(String),
    /// The one that the run is compared with.
    Base,
}

/// Finds an experiment by its name.
pub(crate) async fn find(client: &Client, project: &str, name: &str) -> Result<String, DataError> {
    let found = client.find_experiments(Some(project), name).await;
    let found = found.map_err(DataError::source)?;
    match found.into_iter().find(|found| found.name == name) {
        Some(found) => Ok(found.id),
        None => Err(DataError::NoExperiment { project: project.to_owned(), name: name.to_owned() }),
    }
}

/// Reads the cases of an experiment, one page of rows in memory at a time.
pub(crate) fn read<I, E>(
    client: &Client,
    id: String,
) -> impl Stream<Item = Result<Case<I, E>, DataError>> + Send + 'static
where
    I: DeserializeOwned + Send + 'static,
    E: DeserializeOwned + Send + 'static,
{
    let rows = pages::rows(client.experiment_pages(&id, Select::Roots));
    rows.map(move |row| case(&id, row?))
}

fn case<I, E>(experiment: &str, mut row: Row) -> Result<Case<I, E>, DataError>
where
    I: DeserializeOwned,
    E: DeserializeOwned,
{
    let id = row.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let fault = |what: &str, error: serde_json::Error| DataError::Row {
        experiment: experiment.to_owned(),
        row: id.clone(),
        reason: format!("{what}: {error}"),
    };
    let mut take = |name| row.remove(name).unwrap_or(Value::Null);
    let input = serde_json::from_value(take("input")).map_err(|error| fault("input", error))?;
    let expected = serde_json::from_value(take("expected"));
    let mut case = Case::new(input).maybe_expected(expected.map_err(|e| fault("expected", e))?);
    if let Value::Array(tags) = take("tags") {
        case = case.tags(tags.iter().filter_map(Value::as_str));
    }
    if let Value::Object(mut metadata) = take("metadata") {
        case.id = metadata.get("case_id").and_then(Value::as_str).map(str::to_owned);
        metadata.retain(|name, _| !OF_RUNS.contains(&name.as_str()));
        case.metadata = metadata;
    }
    // What a dataset's case came from is still where it came from.
    let origin = match take("origin") {
        Value::Null => {
            let mut origin =
                json!({"object_type": "experiment", "object_id": experiment, "id": id});
            for name in ["_xact_id", "created"] {
                if let Some(value) = row.remove(name) {
                    origin[name] = value;
                }
            }
            origin
        }
        origin => origin,
    };
    Ok(case.origin(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_no_case_is_named() {
        let row = |row: Value| row.as_object().cloned().expect("an object");
        let error = case::<u32, ()>("e1", row(json!({"id": "r1", "input": "seven"})));
        let error = error.expect_err("no number").to_string();
        assert!(error.starts_with("row r1 of the experiment e1 is not a case: input: "), "{error}");
        let known = row(json!({"id": "r2", "input": 7, "expected": null, "origin": {"id": "d"}}));
        let known = case::<u32, String>("e1", known).expect("a case");
        assert_eq!((known.expected_output(), &known.origin), (None, &Some(json!({"id": "d"}))));
    }
}
