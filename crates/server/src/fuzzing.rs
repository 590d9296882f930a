//! What reads untrusted input, within reach of fuzzing. Nothing here may panic or take more than
//! time in proportion to its input, whatever that is.

use serde_json::{Map, Value};

use crate::{ingest, otlp, query};

/// Reads a body of `POST /btql`, as far as to a plan.
pub fn btql_json(body: &[u8]) {
    if let Ok(body) = serde_json::from_slice::<Map<String, Value>>(body)
        && let Ok(query) = query::request(&body)
    {
        drop(query::Plan::of(query));
    }
}

/// Reads a query in SQL text, as far as to a plan.
pub fn btql_sql(text: &str) {
    if let Ok(query) = query::sql_query(text) {
        drop(query::Plan::of(query));
    }
}

/// Reads a body of `POST /logs3`, both ways that there are; what they make of it must be the same.
pub fn logs3(body: &[u8]) {
    ingest::check_agreement(body);
}

/// Reads a body of `POST /otel/v1/traces` in both forms; the rows must be readable again.
pub fn otlp(body: &[u8]) {
    for encoding in [otlp::Encoding::Protobuf, otlp::Encoding::Json] {
        let Ok(decoded) = otlp::decode(encoding, body, |_| true) else { continue };
        for otlp::Traced { row, parent } in decoded.spans {
            if let Some(parent) = parent {
                drop(otlp::Parent::parse(&parent));
            }
            let text = Value::Object(row.clone()).to_string();
            let read: Map<String, Value> = serde_json::from_str(&text).unwrap_or_default();
            assert_eq!(read.len(), row.len(), "a row that cannot be read again: {text}");
        }
    }
}
