//! `test/llm_span/openai`.

use serde_json::{Value, json};
use tidegate_testkit::Answer;

use super::{
    NUMBER, POSITIVE, TEXT, assert_matches, call, events, expected, merge, recorded, reference,
};

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";
const NAME: &str = "Chat Completion";

fn usage(reasoning: u32) -> Value {
    json!({"prompt_tokens": 21, "completion_tokens": 40, "total_tokens": 61,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": 0}})
}

fn reply(model: &str, message: &Value, finish_reason: &str) -> Value {
    json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1_796_000_000, "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": null,
            "finish_reason": finish_reason}],
        "usage": usage(0), "service_tier": "default", "system_fingerprint": "fp"})
}

#[tokio::test]
async fn completions() {
    let messages = json!([{"role": "system", "content": "Answer in one sentence."},
        {"role": "user", "content": "Which river flows through Vienna?"}]);
    let request = json!({"model": "gpt-4o-mini", "temperature": 0.0, "messages": messages});
    let message = json!({"role": "assistant", "content": "The Danube flows through Vienna.",
        "refusal": null, "annotations": []});
    let answer = Answer::json(&reply("gpt-4o-mini-2024-07-18", &message, "stop"));
    let row = call(CHAT, &request, answer).await;
    let output = json!([{"finish_reason": "stop", "index": 0, "message": {"role": "assistant",
        "content": "The Danube flows through Vienna."}}]);
    let rest = json!({"input": messages, "output": output});
    assert_matches(&row, &expected("openai", NAME, "gpt-4o-mini", rest));
    // The name in the answer is the model; what was asked for is there as well.
    let metadata = &row["metadata"];
    assert_eq!(metadata["model"], "gpt-4o-mini-2024-07-18");
    assert_eq!(
        (&metadata["request_model"], &metadata["temperature"]),
        (&json!("gpt-4o-mini"), &json!(0.0))
    );
}

fn streamed(choices: &[(u32, &[&str])]) -> Vec<Value> {
    let chunk = |index: u32, delta: Value, reason: Option<&str>| {
        json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "gpt-4o-mini-2024-07-18",
            "choices": [{"index": index, "delta": delta, "logprobs": null, "finish_reason": reason}],
            "usage": null})
    };
    let mut chunks = Vec::new();
    for (index, words) in choices {
        chunks.push(chunk(*index, json!({"role": "assistant", "content": ""}), None));
        chunks.extend(words.iter().map(|word| chunk(*index, json!({"content": word}), None)));
        chunks.push(chunk(*index, json!({}), Some("stop")));
    }
    chunks.push(json!({"id": "chatcmpl-1", "object": "chat.completion.chunk",
        "model": "gpt-4o-mini-2024-07-18", "choices": [], "usage": usage(0)}));
    chunks
}

#[tokio::test]
async fn streaming() {
    let messages = json!([{"role": "system", "content": "You are patient."},
        {"role": "user", "content": "Count to three."}]);
    let request = json!({"model": "gpt-4o-mini", "max_tokens": 50, "messages": messages,
        "stream": true, "stream_options": {"include_usage": true}});
    let answer = events(&streamed(&[(0, &["One", ", two", ", three."])]));
    let row = call(CHAT, &request, answer).await;
    let message = json!({"role": "assistant", "content": "One, two, three."});
    let rest = json!({"metrics": {"time_to_first_token": NUMBER}, "input": messages,
        "output": [{"index": 0, "message": message}]});
    assert_matches(&row, &expected("openai", NAME, "gpt-4o-mini", rest));
}

#[tokio::test]
async fn streaming_multiple_choices() {
    let messages = json!([{"role": "user", "content": "Greet me with one word."}]);
    let request = json!({"model": "gpt-4o-mini", "n": 2, "messages": messages, "stream": true,
        "stream_options": {"include_usage": true}});
    // The choices come in turns.
    let (mut chunks, second) = (streamed(&[(0, &["Hel", "lo"])]), streamed(&[(1, &["H", "i"])]));
    for (at, chunk) in second.into_iter().take(4).enumerate() {
        chunks.insert(2 * at + 1, chunk);
    }
    let row = call(CHAT, &request, events(&chunks)).await;
    let choice = |index: u32, text: &str| {
        json!({"index": index, "finish_reason": "stop",
        "message": {"role": "assistant", "content": text}})
    };
    let rest = json!({"metrics": {"time_to_first_token": NUMBER, "prompt_cached_tokens": NUMBER},
        "input": messages, "output": [choice(0, "Hello"), choice(1, "Hi")]});
    assert_matches(&row, &expected("openai", NAME, "gpt-4o-mini", rest));
}

#[tokio::test]
async fn tools() {
    let messages = json!([{"role": "user", "content": "Is it raining in Bergen?"}]);
    let tools = json!([{"type": "function", "function": {"name": "rain", "description": "Looks up rain",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]);
    let request =
        json!({"model": "gpt-4o", "max_tokens": 100, "tools": tools, "messages": messages});
    let calls = json!([{"id": "call_1", "type": "function",
        "function": {"name": "rain", "arguments": "{\"city\":\"Bergen\"}"}}]);
    let message = json!({"role": "assistant", "content": null, "tool_calls": calls});
    let answer = Answer::json(&reply("gpt-4o-2024-08-06", &message, "tool_calls"));
    let row = call(CHAT, &request, answer).await;
    let output = json!([{"finish_reason": "tool_calls", "index": 0,
        "message": {"role": "assistant", "tool_calls": calls}}]);
    let rest = json!({"input": messages, "output": output, "metadata": {"tools": tools}});
    assert_matches(&row, &expected("openai", NAME, "gpt-4o", rest));
}

#[tokio::test]
async fn reasoning_completions() {
    let messages = json!([{"role": "user", "content": "How does 1, 4, 9, 16 go on?"}]);
    let request = json!({"model": "o4-mini", "reasoning_effort": "medium", "messages": messages});
    let message = json!({"role": "assistant", "content": "With 25, the square of 5."});
    let mut reply = reply("o4-mini-2025-04-16", &message, "stop");
    reply["usage"] = usage(32);
    let row = call(CHAT, &request, Answer::json(&reply)).await;
    let rest = json!({"metrics": {"completion_reasoning_tokens": POSITIVE}, "input": messages,
        "output": [{"index": 0, "message": {"role": "assistant", "content": TEXT}}]});
    assert_matches(&row, &expected("openai", NAME, "o4-mini", rest));
}

fn response(model: &str, output: &Value) -> Value {
    json!({"id": "resp_1", "object": "response", "status": "completed", "error": null, "model": model,
        "output": output, "usage": {"input_tokens": 30, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 90, "output_tokens_details": {"reasoning_tokens": 64},
            "total_tokens": 120}})
}

fn said(text: &str) -> Value {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "annotations": [], "logprobs": [], "text": text}]})
}

#[tokio::test]
async fn reasoning() {
    let thought = |text: &str| {
        json!({"id": "rs_1", "type": "reasoning",
        "summary": [{"type": "summary_text", "text": text}]})
    };
    let first = json!([{"role": "user", "content": "How does 1, 4, 9, 16 go on?"}]);
    let first_output = json!([thought("These are squares."), said("With 25.")]);
    let question = json!({"role": "user", "content": "And the sum of the first five?"});
    let second = json!([first[0], first_output[0], first_output[1], question]);
    let second_output = json!([thought("1 + 4 + 9 + 16 + 25"), said("It is 55.")]);
    let request = |input: &Value| {
        json!({"model": "o4-mini", "input": input,
        "reasoning": {"effort": "high", "summary": "detailed"}})
    };
    let answer = |output: &Value| Answer::json(&response("o4-mini-2025-04-16", output));
    let (one, two) = (request(&first), request(&second));
    let exchanges = [(&one, answer(&first_output)), (&two, answer(&second_output))];
    let recorded = recorded(RESPONSES, &exchanges).await;
    for (row, (input, output)) in
        recorded.calls.iter().zip([(&first, &first_output), (&second, &second_output)])
    {
        let mut rest = json!({"metrics": {"completion_reasoning_tokens": NUMBER}});
        merge(&mut rest, json!({"input": input, "output": output}));
        assert_matches(row, &expected("openai", "openai.responses.create", "o4-mini", rest));
    }
}

#[tokio::test]
async fn web_search() {
    let input = json!([{"role": "user", "content": "What is new about tides? One sentence."}]);
    let request = json!({"model": "gpt-4o", "input": input,
        "tools": [{"type": "web_search_preview", "search_context_size": "low"}],
        "tool_choice": {"type": "web_search_preview"}});
    let search = json!({"id": "ws_1", "type": "web_search_call", "status": "completed",
        "action": {"type": "search", "query": "news about tides"}});
    let output = json!([search, said("A new tidal power station was opened.")]);
    let answer = Answer::json(&response("gpt-4o-2024-08-06", &output));
    let recorded = recorded(RESPONSES, &[(&request, answer)]).await;
    let rest = json!({"input": input, "output": [{"type": "web_search_call", "status": "completed"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": TEXT}]}]});
    let row = &recorded.calls[0];
    assert_matches(row, &expected("openai", "openai.responses.create", "gpt-4o", rest));
    let tools = recorded.tools();
    assert_eq!(tools.len(), 1);
    let tool = json!({"span_attributes": {"type": "tool", "name": "web_search_call"},
        "metadata": {"tool_type": "web_search_call", "tool_id": TEXT, "status": TEXT},
        "input": {"action": {"type": TEXT}}});
    assert_matches(tools[0], &tool);
}

/// The case expects `braintrust_attachment` in the place of both files; they are recorded as they are.
#[tokio::test]
async fn attachments() {
    let content = |picture: Value, document: Value| {
        json!([{"type": "text", "text": "What are these?"},
            {"type": "image_url", "image_url": {"url": picture, "detail": "low"}},
            {"type": "file", "file": {"filename": "blank.pdf", "file_data": document}}])
    };
    let messages = |content: Value| {
        json!([{"role": "system", "content": "You are helpful."},
            {"role": "user", "content": content}])
    };
    let picture = json!("data:image/png;base64,iVBORw0KGgoAAAANSUhEUg==");
    let document = json!("data:application/pdf;base64,JVBERi0xLjQKJSVFT0Y=");
    let sent = messages(content(picture, document));
    let request = json!({"model": "gpt-4o", "temperature": 0.0, "messages": sent});
    let message = json!({"role": "assistant", "content": "A picture and an empty page."});
    let answer = Answer::json(&reply("gpt-4o-2024-08-06", &message, "stop"));
    let recorded = recorded(CHAT, &[(&request, answer)]).await;
    let output = json!([{"finish_reason": "stop", "index": 0,
        "message": {"role": "assistant", "content": TEXT}}]);
    let (picture, document) =
        (reference("image/png", "attachment.png"), reference("application/pdf", "blank.pdf"));
    let rest = json!({"input": messages(content(picture, document)), "output": output});
    assert_matches(&recorded.calls[0], &expected("openai", NAME, "gpt-4o", rest));
    let [picture, document] = &recorded.attachments[..] else { panic!("two attachments") };
    assert_eq!(picture[..], *b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    assert_eq!(document[..], *b"%PDF-1.4\n%%EOF");
}
