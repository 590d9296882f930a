use base64::Engine as _;
use serde_json::json;

use super::*;

const ROOM: u64 = 1 << 20;
const PNG: &str = "iVBORw0KGgoAAAANSUhEUg==";

/// What a value becomes, with the keys, which are random, left out.
fn replaced(mut value: Value, room: u64) -> (Value, Vec<Attachment>) {
    fn without_keys(value: &mut Value) {
        match value {
            Value::Object(members) => {
                if members.get("type").is_some_and(|kind| kind == "braintrust_attachment") {
                    members.shift_remove("key").expect("a key");
                }
                members.values_mut().for_each(without_keys);
            }
            Value::Array(items) => items.iter_mut().for_each(without_keys),
            _ => {}
        }
    }
    let before = value.clone();
    let mut media = Media::new(room);
    assert_eq!(media.replace(&mut value), value != before);
    without_keys(&mut value);
    (value, media.found)
}

fn reference(kind: &str, name: &str) -> Value {
    json!({"type": "braintrust_attachment", "filename": name, "content_type": kind})
}

#[test]
fn media_become_references_where_each_interface_has_them() {
    let png = format!("data:image/png;base64,{PNG}");
    let png_ref = reference("image/png", "attachment.png");
    let of_urls = PNG.replace('=', "").replace("iV", "-_");
    let cases = [
        // OpenAI
        (
            json!({"type": "image_url", "image_url": {"url": format!(" {png}\n"), "detail": "low"}}),
            json!({"type": "image_url", "image_url": {"url": png_ref, "detail": "low"}}),
        ),
        (
            json!({"type": "input_image", "image_url": png}),
            json!({"type": "input_image", "image_url": png_ref}),
        ),
        (
            json!({"file": {"filename": "a.pdf", "file_data": format!("data:application/pdf;base64,{PNG}")}}),
            json!({"file": {"filename": "a.pdf", "file_data": reference("application/pdf", "a.pdf")}}),
        ),
        (
            json!({"file_data": format!("data:;name=x;BASE64,{PNG}")}),
            json!({"file_data": reference("text/plain", "attachment.txt")}),
        ),
        (
            json!({"type": "input_audio", "input_audio": {"data": PNG, "format": "mp3"}}),
            json!({"type": "input_audio",
                "input_audio": {"data": reference("audio/mpeg", "attachment.mp3"), "format": "mp3"}}),
        ),
        (
            json!([{"id": "i", "type": "image_generation_call", "result": PNG, "output_format": "webp"}]),
            json!([{"id": "i", "type": "image_generation_call",
                "result": reference("image/webp", "attachment.webp"), "output_format": "webp"}]),
        ),
        // Anthropic
        (
            json!({"type": "document", "title": "T",
                "source": {"type": "base64", "media_type": "application/pdf", "data": PNG}}),
            json!({"type": "document", "title": "T",
                "source": reference("application/pdf", "attachment.pdf")}),
        ),
        // Google
        (
            json!([{"inlineData": {"mimeType": "image/png", "data": PNG}, "thought": true}]),
            json!([{"thought": true, "image_url": {"url": png_ref}}]),
        ),
        (
            json!({"inline_data": {"mime_type": "audio/wav", "data": of_urls, "display_name": "a b.wav"}}),
            json!({"file": {"file_data": reference("audio/wav", "a b.wav")}}),
        ),
    ];
    for (before, after) in cases {
        let (found, attachments) = replaced(before, ROOM);
        assert_eq!((found, attachments.len()), (after, 1));
    }
}

#[test]
fn what_is_no_media_stays_as_it_was() {
    let uri = |data: &str| json!({"image_url": {"url": format!("data:image/png;base64,{data}")}});
    for same in [
        json!({"image_url": {"url": "https://example.com/a.png"}}),
        json!({"image_url": {"url": format!("data:image/png,{PNG}")}}),
        json!({"image_url": {"url": format!("see data:image/png;base64,{PNG}")}}),
        json!({"image_url": {"url": format!("data:image/\"png;base64,{PNG}")}}),
        json!({"image_url": 7, "inlineData": "x", "source": {"type": "base64", "data": 1}}),
        json!({"text": format!("data:image/png;base64,{PNG}"), "result": PNG}),
        json!({"type": "web_search_call", "result": PNG}),
        json!({"source": {"type": "url", "url": PNG, "data": PNG}}),
        json!({"image_url": {"url": "mine"}, "inlineData": {"mimeType": "image/png", "data": PNG}}),
        // 19 characters, which is too few; not base64; more than the text.
        uri(&PNG[..19]),
        uri(&format!("{PNG}!")),
        uri(&format!("{PNG} {PNG}")),
        uri(&format!("{PNG}\"")),
    ] {
        assert_eq!(replaced(same.clone(), ROOM).0, same);
    }
}

#[test]
fn what_has_no_room_stays_and_the_next_may_have() {
    let big = PLAIN.encode(vec![7; 4000]);
    let part =
        |data: &str| json!({"source": {"type": "base64", "media_type": "a/b", "data": data}});
    let taken = json!({"source": reference("a/b", "attachment.b")});
    let (found, attachments) = replaced(json!([part(&big), part(PNG), part(PNG)]), 2500);
    assert_eq!((found, attachments.len()), (json!([part(&big), taken, taken]), 2));
    let (found, _) = replaced(json!([part(PNG)]), 0);
    assert_eq!(found, json!([part(PNG)]));
}

#[test]
fn bodies_without_media_are_not_touched() {
    let mut media = Media::new(ROOM);
    let body = json!({"n": 1.50, "messages": [{"content": "base64 and inline"}]}).to_string();
    assert_eq!(media.shorter(body.as_bytes()), None);
    assert_eq!(media.shorter(b"base64"), None);
    let parts = json!({"contents": [{"inlineData": {"mimeType": "image/png", "data": PNG}}]});
    let shorter = media.shorter(parts.to_string().as_bytes()).expect("a picture");
    assert!(String::from_utf8(shorter).expect("JSON").contains("braintrust_attachment"));
    // Deeper than JSON is parsed.
    let deep = format!("{}{parts}{}", "[".repeat(127), "]".repeat(127));
    assert_eq!(media.shorter(deep.as_bytes()), None);
    assert!(is_mentioned(b"\"inline_data\": \xc3") && !is_mentioned(b"\xff base64"));
}
