//! `test/llm_span/google`, as far as it is `generateContent`.

use serde_json::{Value, json};
use tidegate_testkit::Answer;

use super::{
    ABSENT, NUMBER, POSITIVE, TEXT, assert_matches, call, events, expected, recorded, reference,
};

const NAME: &str = "generate_content";
const FLASH: &str = "gemini-2.5-flash";

fn path(model: &str) -> String {
    format!("/v1beta/models/{model}:generateContent")
}

fn reply(model: &str, parts: &Value, usage: &Value) -> Value {
    json!({"candidates": [{"content": {"parts": parts, "role": "model"}, "finishReason": "STOP",
            "index": 0}],
        "usageMetadata": usage, "modelVersion": model, "responseId": "r-1"})
}

fn contents(parts: &Value) -> Value {
    json!([{"role": "user", "parts": parts}])
}

/// What the specification calls normalized: thoughts count as answer, what tools read as request, and
/// the service's sum stays.
#[track_caller]
fn assert_normalized(metrics: &Value, usage: &Value) {
    let count = |name: &str| usage[name].as_f64().unwrap_or_default();
    let prompt = count("promptTokenCount") + count("toolUsePromptTokenCount");
    let completion = count("candidatesTokenCount") + count("thoughtsTokenCount");
    assert_matches(
        metrics,
        &json!({"prompt_tokens": prompt, "completion_tokens": completion,
            "completion_reasoning_tokens": count("thoughtsTokenCount"),
            "tokens": count("totalTokenCount"), "tool_use_tokens": ABSENT}),
    );
    assert!((prompt + completion - count("totalTokenCount")).abs() < f64::EPSILON);
}

#[tokio::test]
async fn generate_content() {
    let model = "gemini-3.1-flash-lite-preview";
    let contents = contents(&json!([{"text": "Which river flows through Vienna?"}]));
    let request = json!({"contents": contents, "generationConfig": {"temperature": 0.0},
        "systemInstruction": {"parts": [{"text": "Be brief."}]}});
    let usage = json!({"promptTokenCount": 8, "candidatesTokenCount": 4, "totalTokenCount": 12});
    let reply = reply(model, &json!([{"text": "The Danube."}]), &usage);
    let row = call(&path(model), &request, Answer::json(&reply)).await;
    let candidate = json!({"content": {"parts": [{"text": TEXT}], "role": "model"}});
    let rest = json!({"input": {"model": format!("{}gemini-3.1-flash-lite", super::STARTS),
            "contents": contents},
        "output": {"candidates": [candidate]}});
    assert_matches(&row, &expected("google", NAME, "gemini-3.1-flash-lite", rest));
    assert_eq!(row["input"]["systemInstruction"], request["systemInstruction"]);
    assert_eq!(row["metadata"]["generationConfig"], request["generationConfig"]);
    let cost = row["metrics"]["estimated_cost"].as_f64().expect("a cost");
    assert!((cost - (8.0 * 0.25 + 4.0 * 1.5) / 1e6).abs() < 1e-12, "{cost}");
}

fn thinking_request() -> Value {
    json!({"contents": contents(&json!([{"text": "Why is the sum of two even numbers even?"}])),
        "generationConfig": {"temperature": 0.0, "thinkingConfig": {"includeThoughts": true}}})
}

#[tokio::test]
async fn thinking() {
    let usage = json!({"promptTokenCount": 11, "candidatesTokenCount": 20,
        "thoughtsTokenCount": 300, "totalTokenCount": 331});
    let parts = json!([{"text": "2a + 2b is 2(a + b).", "thought": true},
        {"text": "Both are twice something, and so is their sum.", "thoughtSignature": "c2ln"}]);
    let answer = Answer::json(&reply(FLASH, &parts, &usage));
    let row = call(&path(FLASH), &thinking_request(), answer).await;
    let parts =
        json!([{"thought": true, "text": TEXT}, {"text": TEXT, "thoughtSignature": "c2ln"}]);
    let rest = json!({"output": {"candidates": [{"content": {"parts": parts, "role": "model"}}]}});
    assert_matches(&row, &expected("google", NAME, FLASH, rest));
    assert_normalized(&row["metrics"], &usage);
}

#[tokio::test]
async fn streaming() {
    let last = json!({"promptTokenCount": 11, "candidatesTokenCount": 8,
        "thoughtsTokenCount": 40, "totalTokenCount": 59});
    let early = json!({"promptTokenCount": 11, "thoughtsTokenCount": 40, "totalTokenCount": 51});
    let chunks = [
        reply(FLASH, &json!([{"text": "2a + 2b", "thought": true}]), &early),
        reply(FLASH, &json!([{"text": "Both are"}]), &early),
        reply(FLASH, &json!([{"text": " twice something."}]), &last),
    ];
    let output = json!({"candidates": [{"finishReason": "STOP", "content": {"role": "model",
        "parts": [{"thought": true, "text": "2a + 2b"}, {"text": "Both are twice something."}]}}]});
    let stream = format!("/v1beta/models/{FLASH}:streamGenerateContent");
    // Without `alt=sse` the service sends one array.
    let array = Answer::json(&Value::from(chunks.to_vec()));
    for (path, answer, is_stream) in
        [(format!("{stream}?alt=sse"), events(&chunks), true), (stream, array, false)]
    {
        let row = call(&path, &thinking_request(), answer).await;
        let time = if is_stream { NUMBER } else { ABSENT };
        let rest = json!({"metrics": {"time_to_first_token": time}, "output": output});
        assert_matches(&row, &expected("google", NAME, FLASH, rest));
        assert_normalized(&row["metrics"], &last);
    }
}

#[tokio::test]
async fn grounding() {
    let contents = contents(&json!([{"text": "How many people live in Bergen?"}]));
    let request = json!({"contents": contents, "tools": [{"googleSearch": {}}],
        "generationConfig": {"thinkingConfig": {"includeThoughts": true}}});
    let usage = json!({"promptTokenCount": 9, "toolUsePromptTokenCount": 120,
        "candidatesTokenCount": 15, "thoughtsTokenCount": 60, "totalTokenCount": 204,
        "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 120}]});
    let mut reply = reply(FLASH, &json!([{"text": "About 290 000."}]), &usage);
    reply["candidates"][0]["groundingMetadata"] =
        json!({"webSearchQueries": ["population of Bergen"]});
    let row = call(&path(FLASH), &request, Answer::json(&reply)).await;
    let details = json!([{"modality": TEXT, "tokenCount": POSITIVE}]);
    let candidate = json!({"content": {"role": "model"},
        "groundingMetadata": {"webSearchQueries": [TEXT]}});
    let rest = json!({"output": {"candidates": [candidate]},
        "metadata": {"usage_by_modality": {"tool_use_prompt_tokens_details": details}}});
    assert_matches(&row, &expected("google", NAME, FLASH, rest));
    assert_normalized(&row["metrics"], &usage);
}

async fn generated(model: &str, modality: &str, kind: &str) -> Value {
    let request = json!({"contents": contents(&json!([{"text": "Make something."}])),
        "generationConfig": {"responseModalities": [modality]}});
    let usage = json!({"promptTokenCount": 6, "candidatesTokenCount": 1290, "totalTokenCount": 1296,
        "candidatesTokensDetails": [{"modality": modality, "tokenCount": 1290}]});
    let parts = json!([{"inlineData": {"mimeType": kind, "data": "QUJD"}}]);
    call(&path(model), &request, Answer::json(&reply(model, &parts, &usage))).await
}

#[tokio::test]
async fn generated_image_usage() {
    let row = generated("gemini-2.5-flash-image", "IMAGE", "image/png").await;
    let rest = json!({"metrics": {"completion_image_tokens": POSITIVE},
        "output": {"candidates": [{"content": {"role": "model"}}]}});
    assert_matches(&row, &expected("google", NAME, "gemini-2.5-flash-image", rest));
    assert!(row["metrics"].get("estimated_cost").is_none(), "pictures are not in the price list");
}

#[tokio::test]
async fn generated_audio_usage() {
    let model = "gemini-2.5-flash-preview-tts";
    let row = generated(model, "AUDIO", "audio/L16;codec=pcm;rate=24000").await;
    let rest = json!({"metrics": {"completion_audio_tokens": POSITIVE},
        "output": {"candidates": [{"content": {"role": "model"}}]}});
    assert_matches(&row, &expected("google", NAME, model, rest));
}

/// The cases `attachments` and `attachments-pdf`.
#[tokio::test]
async fn attachments() {
    let model = "gemini-3.1-flash-lite-preview";
    let inline = |kind: &str, data: &str| json!({"inline_data": {"mime_type": kind, "data": data}});
    let parts = json!([{"text": "What are these?"},
        inline("image/png", "iVBORw0KGgoAAAANSUhEUg=="),
        inline("application/pdf", "JVBERi0xLjQKJSVFT0Y="),
        inline("audio/wav", "UklGRiQAAABXQVZFZm10IA=="),
        inline("video/mp4", "AAAAIGZ0eXBpc29tAAACAA==")]);
    let request = json!({"contents": contents(&parts), "generationConfig": {"temperature": 0.0}});
    let usage = json!({"promptTokenCount": 60, "candidatesTokenCount": 4, "totalTokenCount": 64,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 50},
            {"modality": "AUDIO", "tokenCount": 10}]});
    let reply = reply(model, &json!([{"text": "Four small files."}]), &usage);
    let recorded = recorded(&path(model), &[(&request, Answer::json(&reply))]).await;
    let file = |kind: &str, name: &str| json!({"inline_data": ABSENT, "file": {"file_data": reference(kind, name)}});
    let picture = json!({"url": reference("image/png", "attachment.png")});
    let parts = json!([{"text": "What are these?"},
        {"inline_data": ABSENT, "image_url": picture},
        file("application/pdf", "attachment.pdf"), file("audio/wav", "attachment.wav"),
        file("video/mp4", "attachment.mp4")]);
    let candidate = json!({"content": {"parts": [{"text": TEXT}], "role": "model"}});
    let rest = json!({"metrics": {"prompt_audio_tokens": POSITIVE},
        "input": {"model": model, "contents": contents(&parts)},
        "output": {"candidates": [candidate]}});
    assert_matches(&recorded.calls[0], &expected("google", NAME, "gemini-3.1-flash-lite", rest));
    let begins: Vec<&[u8]> = recorded.attachments.iter().map(|bytes| &bytes[..8]).collect();
    assert_eq!(begins, [&b"\x89PNG\r\n\x1a\n"[..], b"%PDF-1.4", b"RIFF$\0\0\0", b"\0\0\0 ftyp"]);
}
