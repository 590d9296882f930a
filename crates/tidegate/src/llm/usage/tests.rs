use serde_json::json;

use super::*;

fn metrics(parts: &[Value]) -> Vec<(&'static str, f64)> {
    let mut usage = Usage::default();
    parts.iter().for_each(|part| usage.add(part));
    usage.metrics().collect()
}

fn google(parts: &[Value]) -> Usage {
    let mut usage = Usage::default();
    parts.iter().for_each(|part| usage.replace_with_google(part));
    usage
}

#[test]
fn the_names_of_all_three_interfaces_are_known() {
    let chat = json!({"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 3}});
    let responses = json!({"input_tokens": 10, "output_tokens": 4, "total_tokens": 14,
        "input_tokens_details": {"cached_tokens": 8},
        "output_tokens_details": {"reasoning_tokens": 3}});
    let expected = [
        ("prompt_tokens", 10.0),
        ("prompt_cached_tokens", 8.0),
        ("completion_tokens", 4.0),
        ("completion_reasoning_tokens", 3.0),
        ("tokens", 14.0),
    ];
    assert_eq!(metrics(&[chat]), expected);
    assert_eq!(metrics(&[responses]), expected);
    // In a stream of messages the last count of the answer holds.
    let start = json!({"input_tokens": 2, "cache_read_input_tokens": 5,
        "cache_creation_input_tokens": 3, "output_tokens": 1});
    assert_eq!(
        metrics(&[start, json!({"output_tokens": 4})]),
        [
            ("prompt_tokens", 10.0),
            ("prompt_cached_tokens", 5.0),
            ("prompt_cache_creation_tokens", 3.0),
            ("completion_tokens", 4.0),
            ("tokens", 14.0),
        ]
    );
    assert!(metrics(&[json!("?"), json!({"prompt_tokens": "x"})]).is_empty());
}

#[test]
fn what_is_put_into_a_cache_is_counted_in_one_form() {
    let split = json!({"input_tokens": 2, "cache_read_input_tokens": 5,
        "cache_creation_input_tokens": 30, "output_tokens": 1,
        "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}});
    // The end of a stream repeats the sum alone.
    let end = json!({"input_tokens": 2, "cache_read_input_tokens": 5,
        "cache_creation_input_tokens": 30, "output_tokens": 4});
    let expected = [
        ("prompt_tokens", 37.0),
        ("prompt_cached_tokens", 5.0),
        ("prompt_cache_creation_5m_tokens", 10.0),
        ("prompt_cache_creation_1h_tokens", 20.0),
        ("completion_tokens", 4.0),
        ("tokens", 41.0),
    ];
    assert_eq!(metrics(&[split.clone(), end]), expected);
    let mut usage = Usage::default();
    usage.add(&split);
    let tokens = usage.tokens().expect("counts");
    assert_eq!((tokens.prompt, tokens.cached), (37.0, 5.0));
    assert_eq!((tokens.cache_write, tokens.cache_write_1h), (30.0, 20.0));
    // OpenAI's are a part of the request.
    let part = json!({"prompt_tokens": 10, "completion_tokens": 1,
        "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 3, "audio_tokens": 4}});
    assert_eq!(
        metrics(&[part]),
        [
            ("prompt_tokens", 10.0),
            ("prompt_cached_tokens", 2.0),
            ("prompt_cache_creation_tokens", 3.0),
            ("prompt_audio_tokens", 4.0),
            ("completion_tokens", 1.0),
            ("tokens", 11.0),
        ]
    );
}

#[test]
fn google_counts_thoughts_and_tools_apart() {
    let details = json!([{"modality": "TEXT", "tokenCount": 30}]);
    let usage = google(&[
        json!({"promptTokenCount": 10, "totalTokenCount": 10}),
        json!({"promptTokenCount": 10, "toolUsePromptTokenCount": 30, "candidatesTokenCount": 6,
            "thoughtsTokenCount": 20, "totalTokenCount": 66, "cachedContentTokenCount": 4,
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 3},
                {"modality": "TEXT", "tokenCount": 5}, {"modality": "AUDIO", "tokenCount": 2}],
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 6}],
            "toolUsePromptTokensDetails": details}),
        json!(null),
    ]);
    assert_eq!(
        usage.metrics().collect::<Vec<_>>(),
        [
            ("prompt_tokens", 40.0),
            ("prompt_cached_tokens", 4.0),
            ("prompt_audio_tokens", 5.0),
            ("completion_tokens", 26.0),
            ("completion_reasoning_tokens", 20.0),
            ("completion_image_tokens", 6.0),
            ("tokens", 66.0),
        ]
    );
    assert_eq!(usage.by_modality, Some(json!({"tool_use_prompt_tokens_details": details})));
    let zero = google(&[json!({"promptTokenCount": 0, "candidatesTokenCount": 0})]);
    let expected = [("prompt_tokens", 0.0), ("completion_tokens", 0.0), ("tokens", 0.0)];
    assert_eq!(zero.metrics().collect::<Vec<_>>(), expected);
    assert_eq!(google(&[json!({})]), Usage::default());
    assert_eq!(Usage::default().tokens(), None);
}
