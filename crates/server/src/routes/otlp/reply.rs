//! The answer to an export, in the form of the request.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use serde_json::json;

use crate::otlp::{Decoded, Encoding};

/// Longest message about spans that are not stored.
const MESSAGE_CHARS: usize = 1_000;

/// A 200: how many spans are not stored, and why the first is not. A message without rejected
/// spans is a warning.
pub(super) fn render(encoding: Encoding, decoded: &Decoded) -> Response {
    let message = message(decoded);
    let rejected = i64::try_from(decoded.rejected).unwrap_or(i64::MAX);
    let partial = rejected > 0 || !message.is_empty();
    match encoding {
        Encoding::Protobuf => {
            let partial =
                ExportTracePartialSuccess { rejected_spans: rejected, error_message: message };
            let partial_success =
                (partial != ExportTracePartialSuccess::default()).then_some(partial);
            let body = ExportTraceServiceResponse { partial_success }.encode_to_vec();
            ([(header::CONTENT_TYPE, "application/x-protobuf")], body).into_response()
        }
        Encoding::Json => {
            let body = if partial {
                json!({"partialSuccess": {
                    "rejectedSpans": rejected.to_string(),
                    "errorMessage": message,
                }})
            } else {
                json!({})
            };
            ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
        }
    }
}

fn message(decoded: &Decoded) -> String {
    let mut parts = Vec::new();
    if let Some(fault) = &decoded.fault {
        parts.push(format!("{} spans are not stored; {fault}", decoded.rejected));
    }
    if !decoded.left_out.is_empty() {
        parts.push(format!(
            "attributes of resource or scope left out, as there are more than 16 KiB of them: {}",
            decoded.left_out.join(", ")
        ));
    }
    parts.join("; ").chars().take(MESSAGE_CHARS).collect()
}
