//! `test/llm_span/anthropic`.

use serde_json::{Value, json};
use tidegate_testkit::Answer;

use super::{
    ABSENT, NUMBER, POSITIVE, TEXT, assert_matches, call, events, expected, recorded, reference,
};

const PATH: &str = "/v1/messages";
const NAME: &str = "anthropic.messages.create";
const HAIKU: &str = "claude-haiku-4-5-20251001";
const SONNET: &str = "claude-sonnet-4-5-20250929";

fn reply(model: &str, content: &Value, usage: &Value) -> Value {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": content,
        "stop_reason": "end_turn", "stop_sequence": null, "usage": usage})
}

fn usage(minutes: u32, hour: u32) -> Value {
    json!({"input_tokens": 12, "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": minutes + hour,
        "cache_creation": {"ephemeral_5m_input_tokens": minutes, "ephemeral_1h_input_tokens": hour},
        "output_tokens": 9, "service_tier": "standard"})
}

#[tokio::test]
async fn messages() {
    let request = json!({"model": HAIKU, "temperature": 0.0, "max_tokens": 128,
        "system": "Answer in one sentence.",
        "messages": [{"role": "user", "content": "Which river flows through Vienna?"}]});
    let content = json!([{"type": "text", "text": "The Danube flows through Vienna."}]);
    let answer = Answer::json(&reply(HAIKU, &content, &usage(0, 0)));
    let row = call(PATH, &request, answer).await;
    let rest = json!({"metadata": {"model": HAIKU},
        "input": [{"content": "Which river flows through Vienna?", "role": "user"},
            {"content": "Answer in one sentence.", "role": "system"}],
        "output": {"content": content, "role": "assistant"}});
    assert_matches(&row, &expected("anthropic", NAME, HAIKU, rest));
}

fn block(index: u32, start: &Value, deltas: &[Value]) -> Vec<Value> {
    let mut events =
        vec![json!({"type": "content_block_start", "index": index, "content_block": start})];
    events.extend(
        deltas
            .iter()
            .map(|delta| json!({"type": "content_block_delta", "index": index, "delta": delta})),
    );
    events.push(json!({"type": "content_block_stop", "index": index}));
    events
}

fn streamed(model: &str, blocks: Vec<Vec<Value>>) -> Answer {
    let start = reply(model, &json!([]), &usage(0, 0));
    let mut all = vec![json!({"type": "message_start", "message": start}), json!({"type": "ping"})];
    all.extend(blocks.into_iter().flatten());
    all.push(json!({"type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": {"output_tokens": 17}}));
    all.push(json!({"type": "message_stop"}));
    events(&all)
}

#[tokio::test]
async fn streaming() {
    let request = json!({"model": HAIKU, "max_tokens": 128, "system": "You are patient.",
        "messages": [{"role": "user", "content": "Count to three."}], "stream": true});
    let delta = |text: &str| json!({"type": "text_delta", "text": text});
    let text = block(0, &json!({"type": "text", "text": ""}), &[delta("1, 2"), delta(", 3")]);
    let row = call(PATH, &request, streamed(HAIKU, vec![text])).await;
    let rest = json!({"metrics": {"time_to_first_token": NUMBER}, "metadata": {"model": HAIKU},
        "input": [{"content": "Count to three.", "role": "user"},
            {"content": "You are patient.", "role": "system"}],
        "output": {"content": [{"text": "1, 2, 3", "type": "text"}], "role": "assistant"}});
    assert_matches(&row, &expected("anthropic", NAME, HAIKU, rest));
    assert_eq!(row["metrics"]["completion_tokens"], 17.0, "the last count holds");
}

async fn cached(ttl: &str, usage: &Value) -> Value {
    let system = json!([{"type": "text", "text": "A long text that is asked about often.",
        "cache_control": {"type": "ephemeral", "ttl": ttl}}]);
    let request = json!({"model": SONNET, "max_tokens": 128, "system": system,
        "messages": [{"role": "user", "content": "What is it about?"}]});
    let content = json!([{"type": "text", "text": "It is about itself."}]);
    let row = call(PATH, &request, Answer::json(&reply(SONNET, &content, usage))).await;
    let rest = json!({"metadata": {"model": SONNET},
        "metrics": {"prompt_cached_tokens": NUMBER, "prompt_cache_creation_tokens": ABSENT},
        "output": {"content": [{"text": TEXT, "type": "text"}], "role": "assistant"}});
    assert_matches(&row, &expected("anthropic", NAME, SONNET, rest));
    row
}

#[tokio::test]
async fn prompt_caching_5m() {
    let row = cached("5m", &usage(2000, 0)).await;
    let metrics = &row["metrics"];
    assert_matches(metrics, &json!({"prompt_cache_creation_5m_tokens": POSITIVE}));
    assert_eq!((&metrics["prompt_tokens"], &metrics["tokens"]), (&json!(2012.0), &json!(2021.0)));
    let cost = metrics["estimated_cost"].as_f64().expect("a cost");
    assert!((cost - (12.0 * 3.0 + 2000.0 * 3.75 + 9.0 * 15.0) / 1e6).abs() < 1e-12, "{cost}");
}

#[tokio::test]
async fn prompt_caching_1h() {
    let row = cached("1h", &usage(0, 2000)).await;
    let metrics = &row["metrics"];
    assert_matches(metrics, &json!({"prompt_cache_creation_1h_tokens": POSITIVE}));
    assert_eq!((&metrics["prompt_tokens"], &metrics["tokens"]), (&json!(2012.0), &json!(2021.0)));
    // An hour in the cache costs more than five minutes.
    let cost = metrics["estimated_cost"].as_f64().expect("a cost");
    assert!((cost - (12.0 * 3.0 + 2000.0 * 6.0 + 9.0 * 15.0) / 1e6).abs() < 1e-12, "{cost}");
}

fn searched() -> Value {
    json!([
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search",
            "input": {"query": "news about tides"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [
            {"type": "web_search_result", "url": "https://tides.example/", "title": "Tides",
                "encrypted_content": "QUJD", "page_age": null}]},
        {"type": "text", "text": "A new tidal power station was opened."},
    ])
}

fn web_search_case() -> (Value, Value, Value) {
    let messages = json!([{"role": "user", "content": "What is new about tides? One sentence."}]);
    let request = json!({"model": SONNET, "max_tokens": 1024, "messages": messages,
        "tools": [{"type": "web_search_20250305", "name": "web_search"}]});
    let row = expected(
        "anthropic",
        NAME,
        "claude-sonnet-4-5",
        json!({"input": messages,
        "metrics": {"server_tool_use_web_search_requests": POSITIVE}}),
    );
    let tool = json!({"span_attributes": {"type": "tool", "name": "web_search"},
        "metadata": {"tool_use_id": TEXT, "tool_call_type": "server_tool_use",
            "tool_result_type": "web_search_tool_result"},
        "input": {"query": "news about tides"}, "output": [{"url": "https://tides.example/"}]});
    (request, row, tool)
}

#[tokio::test]
async fn web_search() {
    let (request, expected_row, expected_tool) = web_search_case();
    let mut usage = usage(0, 0);
    usage["server_tool_use"] = json!({"web_search_requests": 1});
    let answer = Answer::json(&reply(SONNET, &searched(), &usage));
    let recorded = recorded(PATH, &[(&request, answer)]).await;
    assert_matches(&recorded.calls[0], &expected_row);
    let tools = recorded.tools();
    assert_eq!(tools.len(), 1);
    assert_matches(tools[0], &expected_tool);
}

/// Not a case of its own there: tools and thoughts out of a stream.
#[tokio::test]
async fn server_tools_and_thinking_are_put_together_from_a_stream() {
    let (mut request, _, expected_tool) = web_search_case();
    request["stream"] = json!(true);
    let content = searched();
    let thinking = block(
        0,
        &json!({"type": "thinking", "thinking": "", "signature": ""}),
        &[
            json!({"type": "thinking_delta", "thinking": "I should "}),
            json!({"type": "thinking_delta", "thinking": "search."}),
            json!({"type": "signature_delta", "signature": "c2ln"}),
        ],
    );
    let mut start = content[0].clone();
    start["input"] = json!({});
    let json_delta = |json: &str| json!({"type": "input_json_delta", "partial_json": json});
    let search =
        block(1, &start, &[json_delta("{\"query\":"), json_delta("\"news about tides\"}")]);
    let result = block(2, &content[1], &[]);
    let delta = json!({"type": "text_delta", "text": content[2]["text"]});
    let text = block(3, &json!({"type": "text", "text": ""}), &[delta]);
    let answer = streamed(SONNET, vec![thinking, search, result, text]);
    let recorded = recorded(PATH, &[(&request, answer)]).await;
    let thought = json!({"type": "thinking", "thinking": "I should search.", "signature": "c2ln"});
    assert_eq!(
        recorded.calls[0]["output"]["content"],
        json!([thought, content[0], content[1], content[2]])
    );
    let tools = recorded.tools();
    assert_eq!(tools.len(), 1);
    assert_matches(tools[0], &expected_tool);
}

/// The case expects `braintrust_attachment` in the place of both `source`; they are recorded as they
/// are.
#[tokio::test]
async fn attachments() {
    let messages = |picture: Value, document: Value| {
        json!([{"role": "user", "content": [{"type": "text", "text": "What are these?"},
            {"type": "image", "source": picture}, {"type": "document", "source": document}]}])
    };
    let source =
        |kind: &str, data: &str| json!({"type": "base64", "media_type": kind, "data": data});
    let picture = source("image/png", "iVBORw0KGgoAAAANSUhEUg==");
    let document = source("application/pdf", "JVBERi0xLjQKJSVFT0Y=");
    let request =
        json!({"model": HAIKU, "max_tokens": 128, "messages": messages(picture, document)});
    let content = json!([{"type": "text", "text": "A picture and an empty page."}]);
    let answer = Answer::json(&reply(HAIKU, &content, &usage(0, 0)));
    let recorded = recorded(PATH, &[(&request, answer)]).await;
    let (picture, document) =
        (reference("image/png", "attachment.png"), reference("application/pdf", "attachment.pdf"));
    let rest = json!({"metadata": {"model": HAIKU}, "input": messages(picture, document),
        "output": {"content": [{"text": TEXT, "type": "text"}], "role": "assistant"}});
    assert_matches(&recorded.calls[0], &expected("anthropic", NAME, HAIKU, rest));
    let [picture, document] = &recorded.attachments[..] else { panic!("two attachments") };
    assert_eq!(picture[..], *b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    assert_eq!(document[..], *b"%PDF-1.4\n%%EOF");
}
