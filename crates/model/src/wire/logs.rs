//! `POST /logs3` and reading rows back through `POST /btql`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::row::Row;
use crate::xact::XactId;

/// Body of `POST /logs3`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Logs3Request {
    /// Rows, applied in order.
    pub rows: Vec<Row>,
    /// [`crate::limits::LOGS3_API_VERSION`].
    #[serde(default)]
    pub api_version: u32,
}

/// Reply to `POST /logs3`. Clients only need it to be JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logs3Reply {
    /// Row ids in request order.
    pub ids: Vec<String>,
    /// The transaction all rows of the request share.
    pub xact_id: XactId,
}

/// Body of `POST /btql` in its JSON form; unknown members are accepted and ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BtqlRequest {
    /// The query: an object in the JSON form, text in the SQL form.
    pub query: Value,
    /// Read as of this transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<XactId>,
}

/// Reply to `POST /btql`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BtqlReply {
    /// Rows, newest state each, with `_xact_id`, `created` and `is_root`.
    pub data: Vec<Row>,
    /// Present while there is more to read.
    pub cursor: Option<String>,
}

impl BtqlRequest {
    /// Builds a query for all rows of an object, a page at a time.
    ///
    /// `kind` is [`crate::Destination::kind`].
    #[must_use]
    pub fn rows_of(kind: &str, object_id: &str, limit: u32, cursor: Option<&str>) -> Self {
        let mut query = serde_json::json!({
            "select": [{"op": "star"}],
            "from": {
                "op": "function",
                "name": {"op": "ident", "name": [kind]},
                "args": [{"op": "literal", "value": object_id}],
            },
            "limit": limit,
        });
        if let Some(cursor) = cursor {
            query["cursor"] = cursor.into();
        }
        Self { query, version: None }
    }
}
