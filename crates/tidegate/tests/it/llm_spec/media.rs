//! Media beyond the cases of the specification: in answers, large ones, and those that stay.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tidegate::client::Policy;
use tidegate::llm::Recorder;
use tidegate_testkit::Answer;

use super::{assert_matches, events, recorded, recorded_by, reference};
use crate::support::{Collector, client, kept_async, the_call};

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";

/// Different in every piece.
fn bytes(length: u32) -> Vec<u8> {
    (0..length).map(|at| (at.wrapping_mul(31) ^ (at >> 11)) as u8).collect()
}

fn request_with(picture: &[u8]) -> Value {
    let url = format!("data:image/png;base64,{}", BASE64_STANDARD.encode(picture));
    let content = json!([{"type": "image_url", "image_url": {"url": url}}]);
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": content}]})
}

fn chat() -> Answer {
    Answer::json(&json!({"model": "gpt-4o", "choices": [{"index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": "A cat."}}]}))
}

/// A whole answer of OpenAI with a picture, and the same as a stream.
fn pictures(picture: &[u8]) -> [Answer; 2] {
    let item = json!({"id": "ig_1", "type": "image_generation_call", "status": "completed",
        "output_format": "png", "result": BASE64_STANDARD.encode(picture)});
    let response = json!({"id": "resp_1", "object": "response", "model": "gpt-5", "output": [item],
        "usage": {"input_tokens": 9, "output_tokens": 30, "total_tokens": 39}});
    let stream = [
        json!({"type": "response.created", "response": {"id": "resp_1", "model": "gpt-5"}}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
        json!({"type": "response.completed", "response": response}),
    ];
    [Answer::json(&response), events(&stream)]
}

/// Three times what is kept of a body, in each direction.
#[tokio::test]
async fn a_picture_beyond_the_limit_of_bodies_is_whole_and_nothing_is_cut() {
    let (asked, made) = (bytes(3_000_000), bytes(2_999_999));
    let url = format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(&asked));
    let input = json!([{"role": "user", "content": [{"type": "input_image", "image_url": url}]}]);
    let request = json!({"model": "gpt-5", "input": input});
    for answer in pictures(&made) {
        let recorded = recorded(RESPONSES, &[(&request, answer)]).await;
        let row = &recorded.calls[0];
        let asked_for = json!({"content": [{"type": "input_image",
            "image_url": reference("image/jpeg", "attachment.jpg")}]});
        let output = json!([{"type": "image_generation_call", "status": "completed",
            "result": reference("image/png", "attachment.png")}]);
        let expected = json!({"input": [asked_for], "output": output,
            "metrics": {"prompt_tokens": 9, "completion_tokens": 30}});
        assert_matches(row, &expected);
        let metadata = &row["metadata"];
        assert!(metadata["request_cut"].is_null() && metadata["response_cut"].is_null());
        assert_eq!(recorded.uploaded, 2);
        assert!(recorded.attachments == [asked.clone(), made.clone()], "as they were");
        assert_eq!(recorded.tools().len(), 1);
    }
}

#[tokio::test]
async fn pictures_in_a_stream_of_google_and_deltas_of_a_chat() {
    let picture = bytes(2_000_000);
    let data = BASE64_STANDARD.encode(&picture);
    let parts =
        json!([{"text": "Here: "}, {"inlineData": {"mimeType": "image/png", "data": data}}]);
    let chunk = json!({"modelVersion": "gemini-3-pro-image", "candidates": [{"index": 0,
        "content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]});
    let request = json!({"contents": [{"role": "user", "parts": [{"text": "A cat."}]}]});
    let path = "/v1beta/models/gemini-3-pro-image:streamGenerateContent";
    let image = json!({"url": reference("image/png", "attachment.png")});
    let expected = json!({"output": {"candidates": [{"content":
        {"parts": [{"text": "Here: "}, {"image_url": image}]}}]}});
    for answer in [events(std::slice::from_ref(&chunk)), Answer::json(&json!([chunk]))] {
        let recorded = recorded(path, &[(&request, answer)]).await;
        assert_matches(&recorded.calls[0], &expected);
        assert!(recorded.attachments == [picture.clone()] && recorded.uploaded == 1);
    }
    let url = format!("data:image/png;base64,{data}");
    let images = json!([{"index": 0, "type": "image_url", "image_url": {"url": url}}]);
    let delta = json!({"role": "assistant", "content": "", "images": images});
    let stream = [json!({"model": "m", "choices": [{"index": 0, "delta": delta}]})];
    let request = json!({"model": "m", "messages": []});
    let recorded = recorded(CHAT, &[(&request, events(&stream))]).await;
    assert_matches(
        &recorded.calls[0],
        &json!({"output": [{"message": {"images": [{"image_url": image}]}}]}),
    );
    assert!(recorded.attachments == [picture]);
}

#[tokio::test]
async fn base64_stays_where_nothing_is_to_be_attached() {
    let request = request_with(&bytes(3000));
    let collector = Collector::start().await;
    let without = Recorder::new().attachments(false);
    let recorded = recorded_by(&without, &collector, CHAT, &[(&request, chat())]).await;
    assert_eq!(recorded.calls[0]["input"], request["messages"]);
    assert_eq!(recorded.uploaded, 0);

    // A span that nobody sends has nobody to upload for it.
    let server = tidegate_testkit::ScriptedServer::start(|_, _| chat());
    let post = client(&Recorder::new()).post(format!("{}{CHAT}", server.url()));
    let send =
        async { post.body(request.to_string()).send().await?.text().await.map_err(Into::into) };
    let (answer, trace): (reqwest_middleware::Result<String>, _) = kept_async(send).await;
    answer.expect("an answer");
    assert_eq!(the_call(&trace)["input"], request["messages"]);
}

#[tokio::test]
async fn without_payloads_nothing_is_uploaded() {
    let collector = Collector::start().await;
    let [answer, stream] = pictures(&bytes(3000));
    let (request, bare) = (request_with(&bytes(3000)), Recorder::new().payloads(false));
    let exchanges = [(&request, answer), (&request, stream)];
    let recorded = recorded_by(&bare, &collector, RESPONSES, &exchanges).await;
    assert_eq!(recorded.uploaded, 0);
    for row in &recorded.rows {
        assert!(row["input"].is_null() && row["output"].is_null(), "{row:#}");
    }
}

#[tokio::test]
async fn what_the_byte_budget_has_no_room_for_stays_and_is_cut_as_any_body() {
    for policy in [Policy::Drop, Policy::Block] {
        let set = |config: tidegate::client::Config| config.budget_bytes(60_000).policy(policy);
        let collector = Collector::start_with(set).await;
        let (small, large) = (request_with(&bytes(3000)), request_with(&bytes(70_000)));
        let recorder = Recorder::new().max_body_bytes(20_000);
        let recorded = recorded_by(&recorder, &collector, CHAT, &[(&small, chat())]).await;
        assert_eq!(recorded.attachments, [bytes(3000)]);
        let answer = pictures(&bytes(70_000))[0].clone();
        let send = [(&large, chat()), (&large, answer)];
        let collector = Collector::start_with(set).await;
        let recorded = recorded_by(&recorder, &collector, RESPONSES, &send).await;
        assert_eq!((recorded.uploaded, recorded.attachments.len()), (0, 0));
        let [first, second] = &recorded.calls[..] else { panic!("two calls") };
        assert_eq!(first["metadata"]["request_cut"], true);
        assert_eq!(second["metadata"]["response_cut"], true);
        assert_eq!(second["output"].as_str().expect("the beginning").len(), 20_000);
    }
}
