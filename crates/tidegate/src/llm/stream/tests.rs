use proptest::prelude::*;

use super::*;

fn streamed(max_bytes: usize, events: &[Value]) -> (Answer, Vec<bool>) {
    let mut streamed = Streamed::new(max_bytes);
    let content = events.iter().map(|event| streamed.event(event.to_string().as_bytes())).collect();
    (streamed.finish(), content)
}

#[test]
fn choices_grow_by_their_index_and_tools_by_theirs() {
    let delta = |index: u32, delta: Value| json!({"id": "c", "model": "m", "choices": [{"index": index, "delta": delta}]});
    let (answer, content) = streamed(
        1 << 20,
        &[
            delta(0, json!({"role": "assistant", "content": ""})),
            delta(0, json!({"reasoning_content": "hm"})),
            delta(1, json!({"content": "B"})),
            delta(0, json!({"content": "Hel"})),
            delta(0, json!({"content": "lo"})),
            delta(
                0,
                json!({"tool_calls": [{"index": 0, "id": "t", "type": "function",
            "function": {"name": "add", "arguments": ""}}]}),
            ),
            delta(0, json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"a\":"}}]})),
            delta(0, json!({"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]})),
            json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}),
            json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 5}}),
        ],
    );
    assert_eq!(content, [false, true, true, true, true, true, true, true, false, false]);
    let choices = answer.output.as_ref().expect("choices");
    assert_eq!(
        choices[0]["message"],
        json!({"role": "assistant", "content": "Hello",
        "reasoning_content": "hm", "tool_calls": [{"index": 0, "id": "t", "type": "function",
        "function": {"name": "add", "arguments": "{\"a\":1}"}}]})
    );
    assert_eq!(choices[0]["finish_reason"], "tool_calls");
    assert_eq!(choices[1]["message"]["content"], "B");
    assert_eq!(answer.tool_calls(), 1);
    assert_eq!(answer.usage.completion, Some(5.0));
    assert!(!answer.is_cut);
}

#[test]
fn messages_have_blocks_of_text_thinking_and_tools() {
    let (answer, _) = streamed(
        1 << 20,
        &[
            json!({"type": "message_start", "message": {"id": "x", "role": "assistant", "model": "m",
            "content": [], "usage": {"input_tokens": 2, "cache_read_input_tokens": 8}}}),
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "so"}}),
            json!({"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "name": "f", "input": {}}}),
            json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{\"q\":"}}),
            json!({"type": "ping"}),
            json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "2}"}}),
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}}),
            json!({"type": "message_stop"}),
        ],
    );
    assert_eq!(
        answer.output,
        Some(json!({"role": "assistant", "stop_reason": "tool_use", "content": [
        {"type": "thinking", "thinking": "so"}, {"type": "tool_use", "name": "f", "input": {"q": 2}}]}))
    );
    assert_eq!(answer.usage.prompt(), Some(10.0));
    assert_eq!(answer.tool_calls(), 1);
}

#[test]
fn responses_are_their_items_or_the_text_so_far() {
    let text = json!({"type": "response.output_text.delta", "delta": "He"});
    let item = json!({"type": "response.output_item.done", "item": {"type": "message"}});
    let done = json!({"type": "response.completed", "response": {"id": "r", "model": "m",
        "output": [{"type": "message"}], "usage": {"input_tokens": 1, "output_tokens": 2}}});
    let (cut_off, content) = streamed(1 << 20, std::slice::from_ref(&text));
    assert_eq!((cut_off.output, content), (Some(json!("He")), vec![true]));
    let (answer, _) = streamed(1 << 20, &[text, item, done.clone()]);
    assert_eq!(answer.output, Some(json!([{"type": "message"}])));
    assert_eq!((answer.id.as_deref(), answer.usage.completion), (Some("r"), Some(2.0)));
    assert_eq!(streamed(1 << 20, &[done]).0.output, Some(json!([{"type": "message"}])));
    let failed =
        json!({"type": "response.failed", "response": {"error": {"code": "x", "message": "no"}}});
    assert_eq!(streamed(99, &[failed]).0.error.as_deref(), Some("x: no"));
    let error = json!({"type": "error", "message": "gone"});
    assert_eq!(streamed(99, &[error]).0.error.as_deref(), Some("gone"));
}

#[test]
fn parts_of_google_go_on_by_their_kind() {
    let chunk = |parts: Value| {
        json!({"modelVersion": "g", "responseId": "r", "usageMetadata":
        {"promptTokenCount": 3}, "candidates": [{"content": {"role": "model", "parts": parts}}]})
    };
    let end = json!({"candidates": [{"content": {"parts": [{"text": ""}], "role": "model"},
            "finishReason": "STOP", "groundingMetadata": {"webSearchQueries": ["q"]}}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7}});
    let events = [
        chunk(json!([{"text": "", "thought": true}])),
        chunk(json!([{"text": "so", "thought": true}])),
        chunk(json!([{"text": " it"}])),
        chunk(json!([{"text": " is"}, {"functionCall": {"name": "f"}}, {"text": "."}])),
        chunk(json!([{"text": "", "thoughtSignature": "s"}])),
        end,
    ];
    let (answer, content) = streamed(1 << 20, &events);
    assert_eq!(content, [false, true, true, true, false, false]);
    let parts = json!([{"text": "so", "thought": true}, {"text": " it is"},
        {"functionCall": {"name": "f"}}, {"text": "."}, {"text": "", "thoughtSignature": "s"}]);
    let candidate = json!({"index": 0, "content": {"role": "model", "parts": parts},
        "finishReason": "STOP", "groundingMetadata": {"webSearchQueries": ["q"]}});
    assert_eq!(answer.output, Some(json!({"candidates": [candidate]})));
    assert_eq!((answer.tool_calls(), answer.usage.prompt()), (1, Some(3.0)));
    assert_eq!((answer.model.as_deref(), answer.owner), (Some("g"), Some(GOOGLE)));
    assert!(!answer.is_cut);

    let blocked = json!({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {}});
    let (answer, _) = streamed(1 << 20, &[blocked]);
    assert_eq!(answer.output, Some(json!({"promptFeedback": {"blockReason": "SAFETY"}})));
    let (answer, _) = streamed(500, &vec![chunk(json!([{"text": "0123456789"}])); 1000]);
    assert!(answer.is_cut && answer.output.expect("a part").to_string().len() < 1000);
}

#[test]
fn beyond_the_limit_the_output_is_cut_and_the_counts_go_on() {
    let part = json!({"choices": [{"index": 0, "delta": {"content": "0123456789"}}]});
    let mut events = vec![part; 1000];
    events.push(json!({"choices": [], "usage": {"completion_tokens": 1000}}));
    let (answer, _) = streamed(500, &events);
    assert!(answer.is_cut);
    assert_eq!(answer.usage.completion, Some(1000.0));
    assert!(answer.output.expect("a part").to_string().len() < 700);
}

proptest! {
    #[test]
    fn any_events_do_no_harm_and_stay_within_bounds(
        datas in prop::collection::vec(prop_oneof![
            any::<Vec<u8>>(),
            "\\{\"candidates\":\\[(1|\\{\"content\":\\{\"parts\":\\[(1|\\{\"text\":\"xy\"\\}|\\{\"text\":1\\})\\]\\},\"index\":(0|9|\"x\")\\})\\],\"(x|usageMetadata)\":(1|\\{\\})\\}"
                .prop_map(String::into_bytes),
            "\\{\"(type|choices)\":(\"(message_start|content_block_delta|response.x.delta|error)\"|\\[(1|\\{\\}|\\{\"delta\":\\{\"a\":\"xy\"\\}\\})\\])(,\"(index|delta|message|usage|error)\":(-1|9999999|null|\"x\"|\\{\"text\":\"xyz\"\\}))?\\}"
                .prop_map(String::into_bytes),
        ], 0..60)
    ) {
        let mut streamed = Streamed::new(300);
        for data in &datas {
            streamed.event(data);
        }
        let answer = streamed.finish();
        answer.tool_calls();
        prop_assert!(answer.output.unwrap_or_default().to_string().len() < 2000);
    }
}
