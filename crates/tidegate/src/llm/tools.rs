//! What the service did itself while it answered: searches, code, connectors. Each becomes a span of
//! the type `tool` below the call.

use serde_json::{Map, Value};
use tidegate_client::{Event, Span, SpanOptions};

/// More of one answer are in its output only.
const MOST: usize = 128;
/// OpenAI's items that no client has to carry out.
const ITEMS: [&str; 5] = [
    "web_search_call",
    "file_search_call",
    "code_interpreter_call",
    "image_generation_call",
    "mcp_call",
];
/// Anthropic's blocks of the kind, and what the ids of their results are named.
const BLOCKS: [&str; 2] = ["server_tool_use", "mcp_tool_use"];

/// One use of a tool.
#[derive(Debug, Default, PartialEq)]
struct Use {
    name: String,
    input: Option<Value>,
    output: Option<Value>,
    error: Option<String>,
    metadata: Map<String, Value>,
}

/// Records the tools of an answer. When each began and ended is not known: they stand at its end.
pub(super) fn record(call: &Span, output: &Value, payloads: bool) {
    for Use { name, input, output, error, metadata } in uses(output) {
        let mut event = Event::new().metadata(&metadata);
        if let (Some(input), true) = (input, payloads) {
            event = event.input(&input);
        }
        if let (Some(output), true) = (output, payloads) {
            event = event.output(&output);
        }
        if let Some(error) = error {
            event = event.error(&error);
        }
        call.child(SpanOptions::new(name).span_type("tool").event(event)).end();
    }
}

fn uses(output: &Value) -> Vec<Use> {
    match output {
        Value::Array(items) => items.iter().filter_map(item_use).take(MOST).collect(),
        Value::Object(message) => {
            let blocks = message.get("content").and_then(Value::as_array);
            let blocks = blocks.map_or(&[][..], Vec::as_slice);
            blocks.iter().filter_map(|block| block_use(blocks, block)).take(MOST).collect()
        }
        _ => Vec::new(),
    }
}

/// An item of OpenAI's responses: what was asked and what came of it are members of one object.
fn item_use(item: &Value) -> Option<Use> {
    let members = item.as_object()?;
    let kind = text(item, "type").filter(|kind| ITEMS.contains(kind))?;
    let mut found = Use { name: kind.to_owned(), ..Use::default() };
    let mut input = Map::new();
    for (name, value) in members {
        let place = match name.as_str() {
            "type" => "tool_type",
            "id" => "tool_id",
            "status" => "status",
            "results" | "outputs" | "output" => {
                found.output = Some(value.clone()).filter(|value| !value.is_null());
                continue;
            }
            "error" => {
                found.error = error_text(value);
                continue;
            }
            // A whole picture; the call's output has it.
            "result" => continue,
            _ => {
                input.insert(name.clone(), value.clone());
                continue;
            }
        };
        found.metadata.insert(place.to_owned(), value.clone());
    }
    found.input = (!input.is_empty()).then_some(Value::Object(input));
    Some(found)
}

/// A block of Anthropic's messages; its result is another block with the same id.
fn block_use(blocks: &[Value], block: &Value) -> Option<Use> {
    let kind = text(block, "type").filter(|kind| BLOCKS.contains(kind))?;
    let id = text(block, "id")?;
    let mut found = Use {
        name: text(block, "name").unwrap_or(kind).to_owned(),
        input: block.get("input").cloned(),
        ..Use::default()
    };
    let mut note = |name: &str, value: &str| found.metadata.insert(name.into(), value.into());
    note("tool_use_id", id);
    note("tool_call_type", kind);
    let is_result = |block: &&Value| {
        text(block, "tool_use_id") == Some(id)
            && text(block, "type").is_some_and(|kind| kind.ends_with("tool_result"))
    };
    if let Some(result) = blocks.iter().find(is_result) {
        note("tool_result_type", text(result, "type").unwrap_or_default());
        let content = result.get("content");
        found.error = content.and_then(|content| text(content, "error_code")).map(str::to_owned);
        found.output = content.cloned();
    }
    Some(found)
}

fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

fn error_text(error: &Value) -> Option<String> {
    match error {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(text(other, "message").map_or_else(|| other.to_string(), str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn items_of_the_service_are_found_and_calls_of_the_client_are_not() {
        let search = json!({"type": "web_search_call", "id": "ws", "status": "completed",
            "action": {"type": "search", "query": "q"}});
        let mcp = json!({"type": "mcp_call", "id": "m", "name": "add", "arguments": "{}",
            "output": null, "error": {"message": "no such tool"}});
        let picture = json!({"type": "image_generation_call", "id": "p", "result": "QUJD"});
        let found = uses(&json!([search, {"type": "function_call", "name": "f"}, mcp, picture, 1]));
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found[0].name, "web_search_call");
        assert_eq!(found[0].input, Some(json!({"action": {"type": "search", "query": "q"}})));
        let metadata =
            json!({"tool_type": "web_search_call", "tool_id": "ws", "status": "completed"});
        assert_eq!(Value::Object(found[0].metadata.clone()), metadata);
        assert_eq!(found[1].error.as_deref(), Some("no such tool"));
        assert_eq!((&found[2].input, &found[2].output), (&None, &None));
    }

    #[test]
    fn blocks_have_their_results_and_errors() {
        let content = json!([
            {"type": "server_tool_use", "id": "a", "name": "web_search", "input": {"query": "q"}},
            {"type": "web_search_tool_result", "tool_use_id": "a", "content": [{"url": "u"}]},
            {"type": "server_tool_use", "id": "b", "name": "web_search", "input": {}},
            {"type": "web_search_tool_result", "tool_use_id": "b",
                "content": {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}},
            {"type": "mcp_tool_use", "id": "c", "name": "f"},
            {"type": "tool_use", "id": "d", "name": "mine"},
        ]);
        let found = uses(&json!({"role": "assistant", "content": content}));
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found[0].output, Some(json!([{"url": "u"}])));
        assert_eq!(found[0].metadata["tool_result_type"], "web_search_tool_result");
        assert_eq!((&found[0].error, found[0].name.as_str()), (&None, "web_search"));
        assert_eq!(found[1].error.as_deref(), Some("max_uses_exceeded"));
        assert_eq!(found[2].metadata.get("tool_result_type"), None);
        assert!(uses(&json!("text")).is_empty() && uses(&json!({"candidates": []})).is_empty());
    }

    #[test]
    fn no_answer_makes_any_number_of_spans() {
        let item = json!({"type": "web_search_call", "id": "ws"});
        assert_eq!(uses(&Value::Array(vec![item; 1000])).len(), MOST);
    }
}
