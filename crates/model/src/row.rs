//! A row as it travels and as it is stored, where it belongs, and its merge key.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One row: a JSON object. Member order is kept.
pub type Row = Map<String, Value>;

/// Members that identify a row; see [`MergeKey`].
const KEY_MEMBERS: [&str; 7] =
    ["org_id", "project_id", "experiment_id", "dataset_id", "prompt_session_id", "log_id", "id"];

/// The object a row belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "object_type", content = "object_id", rename_all = "snake_case")]
pub enum Destination {
    /// `experiment_id`.
    Experiment(String),
    /// `project_id` with `log_id: "g"`: a project's logs.
    ProjectLogs(String),
    /// `prompt_session_id` with `log_id: "x"`: a playground.
    PlaygroundLogs(String),
    /// `dataset_id`.
    Dataset(String),
}

/// Why a row has no place to go.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// No destination member.
    #[error(
        "row has no destination: set experiment_id, dataset_id, prompt_session_id, or project_id with log_id \"g\""
    )]
    NoDestination,
    /// The `id` member is missing.
    #[error("row has no id")]
    NoId,
    /// A member that must be text is not.
    #[error("row member {0:?} must be a non-empty string")]
    NotText(&'static str),
}

impl Destination {
    /// Reads the destination members of a row, most specific first.
    ///
    /// # Errors
    /// [`RowError::NoDestination`] if none is there, [`RowError::NotText`] if one is not text.
    pub fn of(row: &Row) -> Result<Self, RowError> {
        if let Some(id) = text(row, "experiment_id")? {
            Ok(Self::Experiment(id))
        } else if let Some(id) = text(row, "dataset_id")? {
            Ok(Self::Dataset(id))
        } else if let Some(id) = text(row, "prompt_session_id")? {
            Ok(Self::PlaygroundLogs(id))
        } else if let (Some(id), Some("g")) =
            (text(row, "project_id")?, row.get("log_id").and_then(Value::as_str))
        {
            Ok(Self::ProjectLogs(id))
        } else {
            Err(RowError::NoDestination)
        }
    }

    /// Returns the members that carry this destination in a row.
    #[must_use]
    pub fn members(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Experiment(id) => vec![("experiment_id", id)],
            Self::ProjectLogs(id) => vec![("project_id", id), ("log_id", "g")],
            Self::PlaygroundLogs(id) => vec![("prompt_session_id", id), ("log_id", "x")],
            Self::Dataset(id) => vec![("dataset_id", id)],
        }
    }

    /// Returns the name that `/btql` and stored objects use: `experiment`, `project_logs`,
    /// `playground_logs` or `dataset`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Experiment(_) => "experiment",
            Self::ProjectLogs(_) => "project_logs",
            Self::PlaygroundLogs(_) => "playground_logs",
            Self::Dataset(_) => "dataset",
        }
    }

    /// Returns the id of the object.
    #[must_use]
    pub fn object_id(&self) -> &str {
        match self {
            Self::Experiment(id)
            | Self::ProjectLogs(id)
            | Self::PlaygroundLogs(id)
            | Self::Dataset(id) => id,
        }
    }

    /// Builds a destination from the name of [`Destination::kind`] and an id.
    #[must_use]
    pub fn from_kind(kind: &str, object_id: &str) -> Option<Self> {
        let id = object_id.to_owned();
        match kind {
            "experiment" => Some(Self::Experiment(id)),
            "project_logs" => Some(Self::ProjectLogs(id)),
            "playground_logs" => Some(Self::PlaygroundLogs(id)),
            "dataset" => Some(Self::Dataset(id)),
            _ => None,
        }
    }
}

/// Reads an optional text member; null counts as absent, empty text does not identify anything.
fn text(row: &Row, member: &'static str) -> Result<Option<String>, RowError> {
    match row.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(_) => Err(RowError::NotText(member)),
    }
}

/// Reads the row's own id.
///
/// # Errors
/// [`RowError::NoId`] without one, [`RowError::NotText`] if it is not text.
pub fn id(row: &Row) -> Result<String, RowError> {
    text(row, "id")?.ok_or(RowError::NoId)
}

/// What makes two rows of a client's queue one row: the destination members and the id, each as
/// JSON, absent ones empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MergeKey([Option<String>; 7]);

impl MergeKey {
    /// Reads the key of a row.
    #[must_use]
    pub fn of(row: &Row) -> Self {
        Self(KEY_MEMBERS.map(|member| match row.get(member) {
            None | Some(Value::Null) => None,
            Some(value) => Some(value.to_string()),
        }))
    }
}

/// Whether the row is the root of its trace: a span without parents.
///
/// Rows without any span member (dataset rows) count as roots, as readers expect of them.
#[must_use]
pub fn is_root(row: &Row) -> bool {
    let no_parents = match row.get("span_parents") {
        None | Some(Value::Null) => true,
        Some(Value::Array(parents)) => parents.is_empty(),
        Some(_) => false,
    };
    no_parents && row.get("_parent_id").is_none_or(Value::is_null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(value: Value) -> Row {
        match value {
            Value::Object(row) => row,
            other => panic!("a row is an object, not {other}"),
        }
    }

    #[test]
    fn destination_round_trips_through_members() {
        for destination in [
            Destination::Experiment("e".into()),
            Destination::ProjectLogs("p".into()),
            Destination::PlaygroundLogs("s".into()),
            Destination::Dataset("d".into()),
        ] {
            let mut row = Row::new();
            for (name, value) in destination.members() {
                row.insert(name.into(), value.into());
            }
            assert_eq!(Destination::of(&row), Ok(destination.clone()));
            assert_eq!(
                Destination::from_kind(destination.kind(), destination.object_id()),
                Some(destination)
            );
        }
    }

    #[test]
    fn rows_without_a_place_are_refused() {
        assert_eq!(Destination::of(&row(json!({}))), Err(RowError::NoDestination));
        assert_eq!(Destination::of(&row(json!({"project_id": "p"}))), Err(RowError::NoDestination));
        assert_eq!(
            Destination::of(&row(json!({"experiment_id": 3}))),
            Err(RowError::NotText("experiment_id"))
        );
        assert_eq!(id(&row(json!({"id": null}))), Err(RowError::NoId));
    }

    #[test]
    fn roots_are_rows_without_parents_whatever_their_ids() {
        assert!(is_root(&row(json!({"span_id": "a", "root_span_id": "b"}))));
        assert!(is_root(&row(json!({"span_parents": null}))));
        assert!(is_root(&row(json!({"span_parents": []}))));
        assert!(!is_root(&row(
            json!({"span_id": "a", "root_span_id": "a", "span_parents": ["p"]})
        )));
        assert!(!is_root(&row(json!({"_parent_id": "p"}))));
    }

    #[test]
    fn merge_key_tells_destinations_apart() {
        let a = MergeKey::of(&row(json!({"id": "1", "experiment_id": "e"})));
        let b = MergeKey::of(&row(json!({"id": "1", "experiment_id": "f"})));
        let same = MergeKey::of(&row(json!({"id": "1", "experiment_id": "e", "input": 3})));
        assert_ne!(a, b);
        assert_eq!(a, same);
    }
}
