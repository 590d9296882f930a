//! Calls of models through the middleware, against a server that answers as the services do.

use std::sync::mpsc::sync_channel;

use reqwest_middleware::ClientWithMiddleware;
use serde_json::{Value, json};
use tidegate::llm::{Price, Prices, Recorder, record, record_stream};
use tidegate_testkit::{Answer, ScriptedServer};

use crate::support::{client, kept_async, the_call};

/// Sends a request with the middleware and reads the whole answer; gives both as recorded.
async fn call(recorder: &Recorder, path: &str, request: &Value, answer: Answer) -> (String, Value) {
    let server = ScriptedServer::start(move |_, _| answer.clone());
    let url = format!("{}{path}", server.url());
    let send = async {
        let request = client(recorder).post(&url).body(request.to_string());
        let response = request.send().await.expect("an answer");
        // What the caller sees of the answer besides its body.
        assert_eq!(response.url().as_str(), url);
        response.text().await.expect("a body")
    };
    let (text, trace) = kept_async(send).await;
    assert_eq!(server.requests()[0].body, *request, "the request arrives as it was");
    (text, the_call(&trace))
}

fn events(events: &[Value]) -> Answer {
    let text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    Answer::Text(200, "content-type: text/event-stream; charset=utf-8\r\n".into(), text)
}

fn chunk(delta: &Value) -> Value {
    json!({"id": "c-1", "model": "m-2026", "choices": [{"index": 0, "delta": delta}]})
}

#[tokio::test]
async fn a_chat_completion_is_recorded() {
    let messages = json!([{"role": "user", "content": "What is the capital of Peru?"}]);
    let request = json!({"model": "m", "messages": messages, "temperature": 0.5});
    let choices = json!([{"index": 0, "message": {"role": "assistant", "content": "Lima"},
        "finish_reason": "stop"}]);
    let reply = json!({"id": "c-1", "model": "m-2026", "choices": choices,
        "usage": {"prompt_tokens": 14, "completion_tokens": 2, "total_tokens": 16}});
    let prices = Prices::new().price("m-2026", Price::new(2.0, 8.0));
    let recorder = Recorder::new().prices(prices);
    let (text, row) = call(&recorder, "/v1/chat/completions", &request, Answer::json(&reply)).await;
    assert_eq!(text, reply.to_string(), "the answer arrives as it was");
    assert_eq!((&row["name"], &row["type"]), (&json!("Chat Completion"), &json!("llm")));
    assert_eq!((&row["input"], &row["output"]), (&messages, &choices));
    assert_eq!(
        row["metadata"],
        json!({"model": "m-2026", "temperature": 0.5, "server": "127.0.0.1",
            "provider": "openai", "request_model": "m", "response_id": "c-1"})
    );
    let metrics = &row["metrics"];
    assert_eq!((&metrics["prompt_tokens"], &metrics["tokens"]), (&json!(14.0), &json!(16.0)));
    let cost = metrics["estimated_cost"].as_f64().expect("a cost");
    assert!((cost - (14.0 * 2.0 + 2.0 * 8.0) / 1e6).abs() < 1e-12, "{cost}");
    assert!(row.get("error").is_none() && metrics["end"].is_number());
}

#[tokio::test]
async fn a_streamed_chat_completion_is_recorded() {
    let request =
        json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    let stream = [
        chunk(&json!({"role": "assistant", "content": ""})),
        chunk(&json!({"content": "Hel"})),
        chunk(&json!({"content": "lo"})),
        json!({"id": "c-1", "model": "m-2026", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
        json!({"id": "c-1", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}),
    ];
    let (_, row) = call(&Recorder::new(), "/v1/chat/completions", &request, events(&stream)).await;
    assert_eq!(row["output"][0]["message"], json!({"role": "assistant", "content": "Hello"}));
    assert_eq!(row["output"][0]["finish_reason"], "stop");
    let metrics = &row["metrics"];
    assert_eq!((&metrics["tokens"], &metrics["completion_tokens"]), (&json!(11.0), &json!(2.0)));
    let took =
        metrics["end"].as_f64().expect("an end") - metrics["start"].as_f64().expect("a start");
    let first = metrics["time_to_first_token"].as_f64().expect("a time");
    assert!(first > 0.0 && first <= took + 0.001, "{first} of {took}");
    assert_eq!(row["metadata"]["stream"], true);
}

#[tokio::test]
async fn tools_are_recorded_in_both_forms() {
    let request = json!({"model": "m", "messages": [{"role": "user", "content": "2 + 2"}],
        "tools": [{"type": "function", "function": {"name": "add"}}]});
    let calls = json!([{"id": "t", "type": "function", "function": {"name": "add", "arguments": "{\"a\":2}"}}]);
    let message = json!({"role": "assistant", "content": null, "tool_calls": calls});
    let reply = json!({"choices": [{"index": 0, "message": message}]});
    let recorder = Recorder::new();
    let (_, row) = call(&recorder, "/chat/completions", &request, Answer::json(&reply)).await;
    assert_eq!(row["output"][0]["message"]["tool_calls"], calls);
    assert_eq!(row["metrics"]["tool_calls"], 1.0);
    assert_eq!(row["metadata"]["tools"], request["tools"]);

    let stream = [
        chunk(&json!({"tool_calls": [{"index": 0, "id": "t", "type": "function",
            "function": {"name": "add", "arguments": ""}}]})),
        chunk(&json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"a\""}}]})),
        chunk(&json!({"tool_calls": [{"index": 0, "function": {"arguments": ":2}"}}]})),
    ];
    let (_, row) = call(&recorder, "/chat/completions", &request, events(&stream)).await;
    let function = &row["output"][0]["message"]["tool_calls"][0]["function"];
    assert_eq!(function, &json!({"name": "add", "arguments": "{\"a\":2}"}));
    assert_eq!(row["metrics"]["tool_calls"], 1.0);
}

#[tokio::test]
async fn reasoning_is_recorded_by_the_responses_interface() {
    let request = json!({"model": "m", "input": "Why?", "reasoning": {"effort": "high"}});
    let output = json!([
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "Because."}]},
    ]);
    let usage = json!({"input_tokens": 5, "output_tokens": 40, "total_tokens": 45,
        "output_tokens_details": {"reasoning_tokens": 32}});
    let reply = json!({"id": "r-1", "object": "response", "model": "m", "error": null,
        "output": output, "usage": usage});
    let recorder = Recorder::new();
    let (_, row) = call(&recorder, "/v1/responses", &request, Answer::json(&reply)).await;
    assert_eq!((&row["name"], &row["input"]), (&json!("openai.responses.create"), &json!("Why?")));
    assert_eq!(row["output"], output);
    assert_eq!(row["metrics"]["completion_reasoning_tokens"], 32.0);

    let stream = [
        json!({"type": "response.created", "response": {"id": "r-1", "model": "m", "output": []}}),
        json!({"type": "response.output_item.done", "item": output[0]}),
        json!({"type": "response.output_text.delta", "delta": "Because."}),
        json!({"type": "response.output_item.done", "item": output[1]}),
        json!({"type": "response.completed", "response": reply}),
    ];
    let (_, row) = call(&recorder, "/v1/responses", &request, events(&stream)).await;
    assert_eq!(row["output"], output);
    assert_eq!(row["metrics"]["tokens"], 45.0);
    assert!(row["metrics"]["time_to_first_token"].is_number());
}

#[tokio::test]
async fn cached_prompts_are_counted_for_messages() {
    let system = json!([{"type": "text", "text": "Long.", "cache_control": {"type": "ephemeral"}}]);
    let request = json!({"model": "c", "max_tokens": 9, "system": system,
        "messages": [{"role": "user", "content": "hi"}]});
    let usage = json!({"input_tokens": 3, "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 20, "output_tokens": 7});
    let content = json!([{"type": "text", "text": "Hello"}]);
    let reply = json!({"id": "m-1", "type": "message", "role": "assistant", "model": "c",
        "content": content, "stop_reason": "end_turn", "usage": usage});
    let price = Price {
        cached_input_per_million: Some(0.1),
        cache_write_per_million: Some(1.25),
        ..Price::new(1.0, 5.0)
    };
    let recorder = Recorder::new().prices(Prices::new().price("c", price));
    let (_, row) = call(&recorder, "/v1/messages", &request, Answer::json(&reply)).await;
    assert_eq!(
        row["input"],
        json!([{"role": "user", "content": "hi"},
        {"role": "system", "content": system}])
    );
    assert_eq!(
        row["output"],
        json!({"role": "assistant", "content": content, "stop_reason": "end_turn"})
    );
    let check = |row: &Value| {
        for (metric, value) in [
            ("prompt_tokens", 123.0),
            ("prompt_cached_tokens", 100.0),
            ("prompt_cache_creation_tokens", 20.0),
            ("completion_tokens", 7.0),
            ("tokens", 130.0),
        ] {
            assert_eq!(row["metrics"][metric], value, "{metric}");
        }
        let cost = row["metrics"]["estimated_cost"].as_f64().expect("a cost");
        assert!((cost - (3.0 + 10.0 + 25.0 + 35.0) / 1e6).abs() < 1e-12, "{cost}");
    };
    check(&row);

    let stream = [
        json!({"type": "message_start", "message": {"id": "m-1", "type": "message", "role": "assistant",
            "model": "c", "content": [], "usage": usage}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}}),
        json!({"type": "message_stop"}),
    ];
    let (_, row) = call(&recorder, "/v1/messages", &request, events(&stream)).await;
    assert_eq!(row["output"]["content"], content);
    check(&row);
}

/// Here nobody sends the rows; where somebody does, `llm_spec` has what becomes of base64.
#[tokio::test]
async fn base64_that_nobody_uploads_stays_up_to_the_limit() {
    let image = format!("data:image/png;base64,{}", "QUJD".repeat(1000));
    let content = json!([{"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": image}}]);
    let request = json!({"model": "m", "n": 1, "messages": [{"role": "user", "content": content}]});
    let reply = json!({"choices": [{"index": 0, "message": {"content": "A cat."}}]});
    let (_, row) =
        call(&Recorder::new(), "/chat/completions", &request, Answer::json(&reply)).await;
    assert_eq!(row["input"][0]["content"], content);

    let recorder = Recorder::new().max_body_bytes(1000);
    let (_, row) = call(&recorder, "/chat/completions", &request, Answer::json(&reply)).await;
    assert!(row.get("input").is_none());
    let metadata = &row["metadata"];
    assert_eq!((&metadata["model"], &metadata["n"]), (&json!("m"), &json!(1)));
    assert_eq!(metadata["request_cut"], true);
    assert_eq!(metadata["request_bytes"], request.to_string().len());
}

#[tokio::test]
async fn each_event_reaches_the_reader_before_the_next_is_sent() {
    let (send, parts) = sync_channel(1);
    let answer = Answer::events(parts);
    let server = ScriptedServer::start(move |_, _| answer.clone());
    let http: ClientWithMiddleware = client(&Recorder::new());
    let url = format!("{}/v1/chat/completions", server.url());
    let read = async {
        let mut response = http.post(url).body("{}").send().await.expect("an answer");
        for word in ["one", "two", "three"] {
            // Sent only now: whoever held events back until the next one would wait for ever.
            let event = format!("data: {}\n\n", chunk(&json!({"content": word})));
            send.send(event.clone()).expect("a server");
            let chunk = response.chunk().await.expect("no error").expect("an event");
            assert_eq!(chunk, event.as_bytes());
        }
        drop(send);
        assert_eq!(response.chunk().await.expect("no error"), None);
    };
    let ((), trace) = kept_async(read).await;
    assert_eq!(the_call(&trace)["output"][0]["message"]["content"], "onetwothree");
}

#[tokio::test]
async fn clients_without_middleware_are_wrapped() {
    let request = json!({"model": "m", "messages": []});
    let answer = async { Ok::<_, String>(json!({"choices": [{"message": {"content": "x"}}]})) };
    let (answer, trace) = kept_async(record("ask", &request, answer)).await;
    assert!(answer.is_ok());
    let row = the_call(&trace);
    assert_eq!(
        (&row["name"], &row["output"][0]["message"]["content"]),
        (&json!("ask"), &json!("x"))
    );
    assert_eq!(row["metadata"]["model"], "m");

    let failed = async { Err::<Value, _>("no such model") };
    let (failed, trace) = kept_async(record("ask", &request, failed)).await;
    assert_eq!(failed, Err("no such model"));
    assert_eq!(the_call(&trace)["error"], "no such model");

    let items = ["a", "b"].map(|text| Ok::<_, String>(chunk(&json!({"content": text}))));
    let read = async {
        use futures_util::StreamExt as _;
        let stream = async { Ok::<_, String>(futures_util::stream::iter(items)) };
        let stream = record_stream("ask", &request, stream).await.expect("a stream");
        stream.collect::<Vec<_>>().await.len()
    };
    let (count, trace) = kept_async(read).await;
    assert_eq!(count, 2);
    let row = the_call(&trace);
    assert_eq!(row["output"][0]["message"]["content"], "ab");
    assert!(row.get("error").is_none() && row["metrics"]["time_to_first_token"].is_number());
}
