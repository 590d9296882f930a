//! Where a field goes, by its name: the GenAI conventions of OpenTelemetry, the special names that
//! `tracing` has for it, and those of a row.

/// A place in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Input, output or expected.
    Member(&'static str),
    Error,
    Name,
    SpanType,
    /// Says the type if nothing else does; metadata too.
    Operation,
    StatusCode,
    StatusMessage,
    Metric(&'static str),
    Score(&'static str),
    Metadata(&'static str),
}

pub(super) const PROMPT_TOKENS: &str = "prompt_tokens";
pub(super) const COMPLETION_TOKENS: &str = "completion_tokens";
pub(super) const TOKENS: &str = "tokens";

/// Finds the place.
pub(super) fn place(name: &'static str) -> Place {
    if let Some(name) = name.strip_prefix("gen_ai.") {
        return gen_ai(name);
    }
    match name {
        "input" | "input.value" => Place::Member("input"),
        // `return` is what `#[instrument(ret)]` calls it.
        "output" | "output.value" | "return" => Place::Member("output"),
        "expected" => Place::Member("expected"),
        "error" | "exception.message" => Place::Error,
        "otel.name" => Place::Name,
        "otel.status_code" => Place::StatusCode,
        "otel.status_message" | "otel.status_description" => Place::StatusMessage,
        "span.type" => Place::SpanType,
        _ => prefixed(name),
    }
}

fn prefixed(name: &'static str) -> Place {
    match name.split_once('.') {
        Some(("metrics", name)) => Place::Metric(name),
        Some(("scores", name)) => Place::Score(name),
        Some(("metadata", name)) => Place::Metadata(name),
        _ => Place::Metadata(name),
    }
}

/// A name of the conventions, without its prefix.
fn gen_ai(name: &'static str) -> Place {
    match name {
        "input.messages" | "prompt" | "tool.call.arguments" => Place::Member("input"),
        "output.messages" | "completion" | "tool.call.result" => Place::Member("output"),
        "operation.name" => Place::Operation,
        "provider.name" | "system" => Place::Metadata("provider"),
        // The older names beside the present ones.
        "usage.input_tokens" | "usage.prompt_tokens" => Place::Metric(PROMPT_TOKENS),
        "usage.output_tokens" | "usage.completion_tokens" => Place::Metric(COMPLETION_TOKENS),
        "usage.total_tokens" => Place::Metric(TOKENS),
        "usage.cache_read.input_tokens" | "usage.input_tokens.cached" => {
            Place::Metric("prompt_cached_tokens")
        }
        "usage.cache_creation.input_tokens" => Place::Metric("prompt_cache_creation_tokens"),
        "usage.reasoning.output_tokens" | "usage.output_tokens.reasoning" => {
            Place::Metric("completion_reasoning_tokens")
        }
        "usage.cost" => Place::Metric("estimated_cost"),
        // Both are seconds from the request on.
        "response.time_to_first_chunk" => Place::Metric("time_to_first_token"),
        _ => match name.strip_prefix("request.") {
            Some(name) => Place::Metadata(name),
            None => Place::Metadata(name),
        },
    }
}

/// The type of span that an operation stands for.
pub(super) fn span_type(operation: &str) -> Option<&'static str> {
    match operation {
        "chat" | "text_completion" | "generate_content" | "embeddings" => Some("llm"),
        "execute_tool" => Some("tool"),
        "create_agent" | "invoke_agent" | "invoke_workflow" => Some("task"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_places() {
        for (name, expected) in [
            ("gen_ai.input.messages", Place::Member("input")),
            ("gen_ai.request.model", Place::Metadata("model")),
            ("gen_ai.response.id", Place::Metadata("response.id")),
            ("gen_ai.response.time_to_first_chunk", Place::Metric("time_to_first_token")),
            ("gen_ai.usage.cache_read.input_tokens", Place::Metric("prompt_cached_tokens")),
            ("metrics.retries", Place::Metric("retries")),
            ("scores.exact", Place::Score("exact")),
            ("http.method", Place::Metadata("http.method")),
            ("otel.kind", Place::Metadata("otel.kind")),
            ("return", Place::Member("output")),
        ] {
            assert_eq!(place(name), expected, "{name}");
        }
    }
}
