//! Calls of models that fail, are too long or are not to be seen.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::sync_channel;
use std::thread;

use serde_json::{Value, json};
use tidegate::client::Trace;
use tidegate::llm::Recorder;
use tidegate_testkit::{Answer, ScriptedServer};

use crate::support::{client, kept_async, the_call};

const PATH: &str = "/v1/chat/completions";

fn request() -> String {
    json!({"model": "m", "temperature": 1, "messages": [{"role": "user", "content": "secret"}]})
        .to_string()
}

/// Sends a request and reads the answer as far as it comes.
async fn call(recorder: &Recorder, answer: Answer) -> (reqwest_middleware::Result<String>, Trace) {
    let server = ScriptedServer::start(move |_, _| answer.clone());
    let url = format!("{}{PATH}?key=hidden", server.url());
    let send = async {
        let response = client(recorder).post(url).body(request()).send().await?;
        Ok(response.text().await?)
    };
    kept_async(send).await
}

#[tokio::test]
async fn a_status_is_an_error_with_the_words_of_the_service() {
    let body = json!({"error": {"type": "rate_limit", "message": "slow down"}}).to_string();
    let answer = Answer::Text(429, "retry-after: 1\r\n".into(), body.clone());
    let (text, trace) = call(&Recorder::new(), answer).await;
    assert_eq!(text.expect("an answer"), body);
    let row = the_call(&trace);
    assert_eq!(row["error"], "HTTP 429 Too Many Requests: rate_limit: slow down");
    assert_eq!(row["metadata"]["status"], 429);

    let page = Answer::Text(502, "content-type: text/html\r\n".into(), "<h1>Bad</h1>".into());
    let row = the_call(&call(&Recorder::new(), page).await.1);
    assert_eq!(
        (&row["error"], &row["output"]),
        (&json!("HTTP 502 Bad Gateway"), &json!("<h1>Bad</h1>"))
    );
}

#[tokio::test]
async fn a_transport_that_fails_is_an_error_without_the_address() {
    let (result, trace) = call(&Recorder::new(), Answer::Close).await;
    result.expect_err("the server hangs up");
    let row = the_call(&trace);
    let error = row["error"].as_str().expect("an error");
    assert!(error.starts_with("the request failed: "), "{error}");
    assert!(!trace.to_json().to_string().contains("hidden"));

    let send = client(&Recorder::new()).post(format!("http://127.0.0.1:9{PATH}")).body("{}").send();
    let row = the_call(&kept_async(send).await.1);
    assert!(row["error"].as_str().expect("an error").starts_with("cannot connect"), "{row}");
}

#[tokio::test]
async fn errors_within_a_stream_and_streams_that_break_off() {
    let event = json!({"error": {"message": "overloaded"}});
    let text = format!("data: {event}\n\n");
    let kind = "content-type: text/event-stream\r\n";
    let row = the_call(&call(&Recorder::new(), Answer::Text(200, kind.into(), text)).await.1);
    assert_eq!(row["error"], "overloaded");

    let url = breaks_off();
    let send = async {
        let response = client(&Recorder::new()).post(url).body(request()).send().await?;
        Ok::<_, reqwest_middleware::Error>(response.text().await?)
    };
    let (result, trace) = kept_async(send).await;
    result.expect_err("the answer is not whole");
    let row = the_call(&trace);
    assert_eq!(row["output"][0]["message"]["content"], "Hel");
    assert!(row["error"].as_str().expect("an error").starts_with("the answer broke off"), "{row}");
}

/// A server that promises more of a stream than it sends.
fn breaks_off() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}{PATH}", listener.local_addr().expect("bound"));
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let (mut seen, mut buffer) = (String::new(), [0; 4096]);
        while !seen.contains("secret") {
            let length = stream.read(&mut buffer).expect("a request");
            seen += &String::from_utf8_lossy(&buffer[..length]);
        }
        let event = json!({"choices": [{"index": 0, "delta": {"content": "Hel"}}]});
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9999";
        write!(stream, "{head}\r\n\r\ndata: {event}\n\n").expect("a reader");
    });
    url
}

#[tokio::test]
async fn who_stops_reading_is_recorded_with_what_had_come() {
    let (send, parts) = sync_channel(4);
    let answer = Answer::events(parts);
    let server = ScriptedServer::start(move |_, _| answer.clone());
    let http = client(&Recorder::new());
    let url = format!("{}{PATH}", server.url());
    let event = |text: &str| {
        format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"content": text}}]}))
    };
    let read = async |until: &str| {
        let mut response = http.post(&url).body(request()).send().await.expect("an answer");
        let mut text = String::new();
        while !text.contains(until) {
            let chunk = response.chunk().await.expect("no error").expect("more");
            text += std::str::from_utf8(&chunk).expect("text");
        }
    };
    send.send(event("Hel")).expect("room");
    let ((), trace) = kept_async(read("Hel")).await;
    let row = the_call(&trace);
    assert_eq!(row["output"][0]["message"]["content"], "Hel");
    assert!(row["error"].as_str().expect("an error").starts_with("cut off"), "{row}");
    drop(send);

    // One that is complete by its own words is not cut off.
    let (send, parts) = sync_channel(4);
    let answer = Answer::events(parts);
    let server = ScriptedServer::start(move |_, _| answer.clone());
    let url = format!("{}{PATH}", server.url());
    send.send(event("Hello")).expect("room");
    send.send("data: [DONE]\n\n".into()).expect("room");
    let read = async {
        let mut response = http.post(&url).body(request()).send().await.expect("an answer");
        let mut text = String::new();
        while !text.contains("[DONE]") {
            let chunk = response.chunk().await.expect("no error").expect("more");
            text += std::str::from_utf8(&chunk).expect("text");
        }
    };
    let ((), trace) = kept_async(read).await;
    assert!(the_call(&trace).get("error").is_none());
    drop(send);
}

#[tokio::test]
async fn without_payloads_timing_and_counts_stay() {
    let reply = json!({"model": "m", "choices": [{"message": {"content": "hidden", "tool_calls": [{}]}}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4}});
    let (text, trace) = call(&Recorder::new().payloads(false), Answer::json(&reply)).await;
    assert_eq!(text.expect("an answer"), reply.to_string());
    let row = the_call(&trace);
    assert!(row.get("input").is_none() && row.get("output").is_none());
    assert!(!trace.to_json().to_string().contains("secret"));
    assert!(!trace.to_json().to_string().contains("hidden"));
    assert_eq!(row["metadata"]["temperature"], 1);
    assert_eq!(
        (&row["metrics"]["tokens"], &row["metrics"]["tool_calls"]),
        (&json!(7.0), &json!(1.0))
    );
}

#[tokio::test]
async fn long_answers_are_cut_in_the_row_and_whole_for_the_reader() {
    let recorder = Recorder::new().max_body_bytes(2000);
    let reply = json!({"choices": [{"message": {"content": "x".repeat(50_000)}}]});
    let (text, trace) = call(&recorder, Answer::json(&reply)).await;
    assert_eq!(text.expect("an answer").len(), reply.to_string().len());
    let row = the_call(&trace);
    assert_eq!(row["metadata"]["response_cut"], true);
    assert_eq!(row["metadata"]["response_bytes"], reply.to_string().len());
    assert_eq!(row["output"].as_str().expect("the beginning").len(), 2000);

    let event = json!({"choices": [{"index": 0, "delta": {"content": "0123456789"}}]});
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 5000}});
    let mut stream = format!("data: {event}\n\n").repeat(5000);
    stream += &format!("data: {usage}\n\ndata: [DONE]\n\n");
    let answer = Answer::Text(200, "content-type: text/event-stream\r\n".into(), stream.clone());
    let (text, trace) = call(&recorder, answer).await;
    assert_eq!(text.expect("an answer"), stream);
    let row = the_call(&trace);
    assert_eq!(row["metadata"]["response_cut"], true);
    assert_eq!(row["metrics"]["completion_tokens"], 5000.0);
    let kept = row["output"][0]["message"]["content"].as_str().expect("the beginning").len();
    assert!((1000..=2000).contains(&kept), "{kept}");
}

#[tokio::test]
async fn other_requests_and_those_outside_of_a_trace_are_passed_on() {
    let server = ScriptedServer::start(|_, request| Answer::json(&request.body));
    let http = client(&Recorder::new());
    let send = async |path: &str| {
        let request = http.post(format!("{}{path}", server.url())).body("[1]");
        request.send().await.expect("an answer").text().await.expect("a body")
    };
    let all = async {
        for path in ["/v1/files", "/v1/threads/t/messages", "/", "/chat/completions/"] {
            assert_eq!(send(path).await, "[1]", "{path}");
        }
    };
    let ((), trace) = kept_async(all).await;
    assert_eq!(the_call(&trace)["output"], json!([1]));
    assert_eq!(send(PATH).await, "[1]");
    assert_eq!(server.requests().len(), 5);
    let odd: Value = the_call(&trace);
    assert_eq!(odd["metadata"]["request_bytes"], Value::Null, "a short text is the input itself");
}
