//! The JSON form of BTQL, as far as it is understood: all rows of one object, page by page.

use serde::Deserialize;
use serde_json::{Map, Value};
use tidegate_model::{Destination, XactId};

use crate::store::Cursor;

/// Rows in a page unless the query says otherwise, and at most.
const DEFAULT_LIMIT: usize = 1_000;
const MAX_LIMIT: usize = 10_000;

/// A request for rows of an object.
#[derive(Debug, PartialEq)]
pub(crate) struct RowQuery {
    pub(crate) destination: Destination,
    pub(crate) limit: usize,
    pub(crate) after: Option<Cursor>,
    /// Read as of this transaction.
    pub(crate) version: Option<XactId>,
}

/// Why a query is refused.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum QueryError {
    #[error("queries in SQL text are not supported; send the JSON form")]
    Text,
    #[error("\"query\" must be an object")]
    NotAnObject,
    #[error(
        "\"from\" must be a function call on one object: experiment, project_logs, dataset or \
         playground_logs"
    )]
    From,
    #[error("only \"select\": [{{\"op\": \"star\"}}] is supported")]
    Select,
    #[error("query member {0:?} is not supported")]
    Unsupported(String),
    #[error("\"limit\" must be a whole number above zero")]
    Limit,
    #[error("\"cursor\" is not one that this server returned")]
    Cursor,
    #[error("\"version\" must be a transaction id")]
    Version,
}

/// Members a client may leave out or set to null.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Paging {
    limit: Option<Value>,
    cursor: Option<Value>,
    version: Option<Value>,
}

impl Paging {
    /// Reads the parameters of a URL, where numbers are texts.
    pub(crate) fn from_texts(
        limit: Option<String>,
        cursor: Option<String>,
        version: Option<String>,
    ) -> Self {
        let number = |text: String| text.parse::<u64>().map_or(Value::String(text), Value::from);
        Self {
            limit: limit.map(number),
            cursor: cursor.map(Value::from),
            version: version.map(Value::from),
        }
    }
}

impl RowQuery {
    /// Reads the body of `POST /btql`.
    pub(crate) fn from_btql(body: &Map<String, Value>) -> Result<Self, QueryError> {
        let query = match body.get("query") {
            Some(Value::Object(query)) => query,
            Some(Value::String(_)) => return Err(QueryError::Text),
            _ => return Err(QueryError::NotAnObject),
        };
        for (name, value) in query {
            // A filter left out would return rows nobody asked for.
            let known = matches!(name.as_str(), "select" | "from" | "limit" | "cursor");
            if !known && !value.is_null() {
                return Err(QueryError::Unsupported(name.clone()));
            }
        }
        let star = serde_json::json!([{"op": "star"}]);
        if query.get("select").is_some_and(|select| *select != star && !select.is_null()) {
            return Err(QueryError::Select);
        }
        let destination = query.get("from").and_then(source).ok_or(QueryError::From)?;
        let paging = Paging {
            limit: query.get("limit").cloned(),
            cursor: query.get("cursor").cloned(),
            version: body.get("version").cloned(),
        };
        Self::of(destination, paging)
    }

    /// Builds a query from the members that `/btql` and the fetch routes share.
    pub(crate) fn of(destination: Destination, paging: Paging) -> Result<Self, QueryError> {
        let present = |value: Option<Value>| value.filter(|value| !value.is_null());
        let limit = match present(paging.limit) {
            None => DEFAULT_LIMIT,
            Some(limit) => limit
                .as_u64()
                .filter(|&limit| limit > 0)
                .map(|limit| usize::try_from(limit).map_or(MAX_LIMIT, |limit| limit.min(MAX_LIMIT)))
                .ok_or(QueryError::Limit)?,
        };
        let after = match present(paging.cursor) {
            None => None,
            Some(Value::String(text)) if text.is_empty() => None,
            Some(value) => {
                Some(value.as_str().and_then(Cursor::from_text).ok_or(QueryError::Cursor)?)
            }
        };
        let version = match present(paging.version) {
            None => None,
            Some(value) => {
                let parsed = value.as_str().and_then(|text| text.parse().ok());
                Some(parsed.ok_or(QueryError::Version)?)
            }
        };
        Ok(Self { destination, limit, after, version })
    }
}

fn source(from: &Value) -> Option<Destination> {
    if from.get("op")?.as_str()? != "function" {
        return None;
    }
    let names = from.get("name")?.get("name")?.as_array()?;
    let [name] = names.as_slice() else { return None };
    let [argument] = from.get("args")?.as_array()?.as_slice() else { return None };
    let id = argument.get("value")?.as_str().filter(|id| !id.is_empty())?;
    Destination::from_kind(name.as_str()?, id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn query(change: impl FnOnce(&mut Value)) -> Result<RowQuery, QueryError> {
        let mut body = json!({
            "query": {
                "select": [{"op": "star"}],
                "from": {"op": "function", "name": {"op": "ident", "name": ["experiment"]},
                    "args": [{"op": "literal", "value": "e"}]},
                "cursor": null,
                "limit": 7,
            },
            "use_columnstore": false,
            "brainstore_realtime": true,
        });
        change(&mut body);
        RowQuery::from_btql(body.as_object().expect("object"))
    }

    #[test]
    fn what_the_clients_send_is_understood() {
        let expected = RowQuery {
            destination: Destination::Experiment("e".into()),
            limit: 7,
            after: None,
            version: None,
        };
        assert_eq!(query(|_| ()), Ok(expected));
        let ours = tidegate_model::wire::logs::BtqlRequest::rows_of("project_logs", "p", 5, None);
        let ours = serde_json::to_value(ours).expect("JSON");
        let ours = RowQuery::from_btql(ours.as_object().expect("object")).expect("ours");
        assert_eq!(ours.destination, Destination::ProjectLogs("p".into()));
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        let refused = |change: fn(&mut Value)| query(change).expect_err("refused");
        assert_eq!(refused(|q| q["query"] = json!("select 1")), QueryError::Text);
        assert_eq!(refused(|q| q["query"] = json!(null)), QueryError::NotAnObject);
        assert_eq!(refused(|q| q["query"]["from"] = json!("experiment('e')")), QueryError::From);
        assert_eq!(
            refused(|q| q["query"]["filter"] = json!({"op": "eq"})),
            QueryError::Unsupported("filter".into())
        );
        assert_eq!(refused(|q| q["query"]["select"] = json!([])), QueryError::Select);
        assert_eq!(refused(|q| q["query"]["limit"] = json!(0)), QueryError::Limit);
        assert_eq!(refused(|q| q["query"]["cursor"] = json!("zzz")), QueryError::Cursor);
        assert_eq!(refused(|q| q["version"] = json!("now")), QueryError::Version);
    }
}
