//! Changes as they happen: `GET /api/events`.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::harness::{Collector, DEADLINE};

/// A reader of events.
pub(crate) struct Events {
    response: Response,
    text: String,
}

#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) name: String,
    id: String,
    pub(crate) data: Value,
}

impl Events {
    pub(crate) async fn open(collector: &Collector, query: &str, headers: &[(&str, &str)]) -> Self {
        let url = format!("{}/api/events{query}", collector.handle.url());
        // The client's own deadline is for whole answers.
        let mut request = collector.request(Method::GET, &url).timeout(DEADLINE * 4);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), 200, "{query}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next event; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                let member = |name: &str| {
                    let line = block.lines().find_map(|line| line.strip_prefix(name))?;
                    Some(line.trim_start_matches(':').trim().to_owned())
                };
                let Some(name) = member("event") else { continue };
                let data = serde_json::from_str(&member("data").expect("data")).expect("JSON");
                return Some(Event { name, id: member("id").expect("an id"), data });
            }
            let chunk = timeout(DEADLINE, self.response.chunk()).await.expect("in time");
            let chunk = chunk.expect("a chunk")?;
            self.text.push_str(&String::from_utf8_lossy(&chunk));
        }
    }

    /// The next change.
    pub(crate) async fn change(&mut self) -> Event {
        let event = self.next().await.expect("an event");
        assert_eq!(event.name, "changed", "{event:?}");
        event
    }
}

async fn experiment(collector: &Collector, name: &str) -> String {
    let made = collector.experiment(&json!({ "experiment_name": name })).await;
    made["id"].as_str().expect("id").to_owned()
}

async fn write(collector: &Collector, experiment: &str, case: usize) {
    collector
        .log(&json!([{"id": format!("r{case}"), "span_id": format!("r{case}"),
            "root_span_id": format!("t{case}"), "experiment_id": experiment, "input": case,
            "error": if case == 2 { json!("no") } else { Value::Null }}]))
        .await;
}

#[tokio::test]
async fn changes_come_with_sums_of_what_is_watched_alone() {
    let collector = Collector::start().await;
    let (one, other) = (experiment(&collector, "one").await, experiment(&collector, "other").await);
    let mut events = Events::open(&collector, &format!("?experiment_id={one}"), &[]).await;
    assert_eq!(events.next().await.expect("an event").name, "ready");
    write(&collector, &other, 1).await;
    write(&collector, &one, 1).await;
    let event = events.change().await;
    assert_eq!(event.data["object_type"], "experiment");
    assert_eq!(event.data["object_id"], one.as_str());
    assert_eq!((&event.data["rows"], &event.data["cases"]), (&json!(1), &json!(1)));
    assert!(event.data["project_id"].is_string() && event.data["last_write"].is_string());
    write(&collector, &one, 2).await;
    let event = events.change().await;
    assert_eq!((&event.data["cases"], &event.data["errors"]), (&json!(2), &json!(1)));

    // A project has all of its experiments.
    let project = event.data["project_id"].as_str().expect("a project").to_owned();
    let mut all = Events::open(&collector, &format!("?project_id={project}"), &[]).await;
    assert_eq!(all.next().await.expect("an event").name, "ready");
    write(&collector, &other, 2).await;
    assert_eq!(all.change().await.data["object_id"], other.as_str());
    for (query, status) in [
        ("?project_id=nope", 404),
        ("?experiment_id=nope", 404),
        ("?seconds=x", 400),
        ("?seconds=99999", 400),
        (&*format!("?project_id={project}&experiment_id={one}"), 400),
    ] {
        let reply = collector.send(Method::GET, &format!("/api/events{query}"), "").await;
        assert_eq!(reply.status.as_u16(), status, "{query}");
    }
}

#[tokio::test]
async fn an_object_is_told_of_at_most_twice_a_second_and_the_last_word_is_right() {
    let collector = Collector::start().await;
    let id = experiment(&collector, "e").await;
    let mut events = Events::open(&collector, &format!("?experiment_id={id}"), &[]).await;
    events.next().await.expect("ready");
    let begin = Instant::now();
    let writing = async {
        for case in 0..60 {
            write(&collector, &id, case).await;
        }
    };
    let reading = async {
        let (mut count, mut last, mut ids) = (0, 0, Vec::new());
        while last < 60 {
            let event = events.change().await;
            let cases = event.data["cases"].as_u64().expect("a number");
            assert!(cases >= last, "sums never go back: {last} {cases}");
            (count, last) = (count + 1, cases);
            let number = event.id.rsplit('-').next().expect("a number").parse::<u64>();
            ids.push(number.expect("a number"));
        }
        (count, ids)
    };
    let ((), (count, ids)) = tokio::join!(writing, reading);
    let most = begin.elapsed().as_millis() / 500 + 2;
    assert!(count <= most, "{count} events in {:?}", begin.elapsed());
    assert!(ids.is_sorted_by(|one, other| one < other), "{ids:?}");
}

#[tokio::test]
async fn who_comes_again_goes_on_or_is_told_to_begin_anew() {
    let collector = Collector::start().await;
    let (one, other) = (experiment(&collector, "one").await, experiment(&collector, "other").await);
    let mut first = Events::open(&collector, "", &[]).await;
    let ready = first.next().await.expect("an event");
    write(&collector, &one, 1).await;
    let seen = first.change().await;
    write(&collector, &other, 1).await;
    let newer = first.change().await;
    // After what was seen, with the others still there.
    let headers = [("last-event-id", seen.id.as_str())];
    let mut again = Events::open(&collector, "", &headers).await;
    let event = again.change().await;
    assert_eq!((&event.id, &event.data), (&newer.id, &newer.data));
    let headers = [("last-event-id", ready.id.as_str())];
    let mut again = Events::open(&collector, "", &headers).await;
    assert_eq!(again.change().await.id, seen.id);
    assert_eq!(again.change().await.id, newer.id);
    for foreign in ["00000000-1", "x", "1"] {
        let mut events = Events::open(&collector, "", &[("last-event-id", foreign)]).await;
        assert_eq!(events.next().await.expect("an event").name, "reset", "{foreign}");
    }
}

#[tokio::test]
async fn a_connection_ends_with_its_session_its_time_and_the_server() {
    let collector = Collector::start_with(|options| options.require_key(true)).await;
    let admin = format!("Bearer {}", collector.handle.first_key().expect("a key"));
    let admin = [("authorization", admin.as_str())];
    let made = collector.send_with(Method::POST, "/v1/api_key", "{}", &admin).await.body;
    let body = json!({"key": made["key"]}).to_string();
    let reply = collector.send_any(Method::POST, "/api/session", body, &[]).await;
    let cookie = reply.headers["set-cookie"].to_str().expect("text");
    let cookie = [("cookie", cookie.split(';').next().expect("a cookie"))];
    let mut by_session = Events::open(&collector, "", &cookie).await;
    let mut by_key = Events::open(&collector, "", &admin).await;
    let mut short = Events::open(&collector, "?seconds=0", &admin).await;
    for events in [&mut by_session, &mut by_key, &mut short] {
        assert_eq!(events.next().await.expect("an event").name, "ready");
    }
    assert!(short.next().await.is_none());
    let path = format!("/v1/api_key/{}", made["id"].as_str().expect("id"));
    let revoked = Instant::now();
    collector.send_with(Method::DELETE, &path, "", &admin).await;
    assert!(by_session.next().await.is_none());
    assert!(revoked.elapsed() < Duration::from_secs(10), "{:?}", revoked.elapsed());
    // The other one goes on, until the stop, which does not wait for it.
    collector.handle.shutdown(DEADLINE).await.expect("a clean stop");
    assert!(by_key.next().await.is_none());
}

#[tokio::test]
async fn readers_are_bounded() {
    let collector = Collector::start().await;
    let mut all = Vec::new();
    let refused = loop {
        let url = format!("{}/api/events", collector.handle.url());
        let reply = collector.request(Method::GET, &url).send().await.expect("an answer");
        if reply.status().as_u16() != 200 {
            break reply;
        }
        all.push(reply);
        assert!(all.len() <= 128, "no bound");
    };
    assert_eq!((all.len(), refused.status().as_u16()), (128, 503));
    assert!(refused.headers().contains_key("retry-after"));
}
