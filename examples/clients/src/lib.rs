//! What the examples share: a stand-in of the service, so that they need neither a network nor a key.

use serde_json::{Value, json};
use tidegate_testkit::{Answer, Request, ScriptedServer};

/// Answers chat completions as OpenAI does, whole or word by word.
#[must_use]
pub fn stand_in() -> ScriptedServer {
    ScriptedServer::start(|_, request| match request.body["stream"] == true {
        true => streamed(request),
        false => whole(),
    })
}

fn whole() -> Answer {
    let message = json!({"role": "assistant", "content": "It is Lima."});
    let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
    let body = completion("chat.completion", usage(), json!([choice])).to_string();
    Answer::Text(200, "content-type: application/json\r\n".to_owned(), body)
}

fn streamed(request: &Request) -> Answer {
    let chunk = |usage, choices| completion("chat.completion.chunk", usage, choices);
    let delta = |delta, finish: Option<&str>| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        chunk(Value::Null, json!([choice]))
    };
    let words = ["It", " is", " Lima", "."].map(|word| delta(json!({"content": word}), None));
    let mut events = vec![delta(json!({"role": "assistant"}), None)];
    events.extend(words);
    events.push(delta(json!({}), Some("stop")));
    // As the service does: it counts only for who asks it to.
    if request.body["stream_options"]["include_usage"] == true {
        events.push(chunk(usage(), json!([])));
    }
    let body: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let head = "content-type: text/event-stream\r\n".to_owned();
    Answer::Text(200, head, body + "data: [DONE]\n\n")
}

fn completion(object: &str, usage: Value, choices: Value) -> Value {
    json!({"id": "c-1", "object": object, "created": 1_790_000_000, "model": "stand-in-1",
        "choices": choices, "usage": usage})
}

fn usage() -> Value {
    json!({"prompt_tokens": 14, "completion_tokens": 4, "total_tokens": 18})
}
