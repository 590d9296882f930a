//! What every answer has, and what none has.

use std::num::NonZeroU32;

use reqwest::Method;
use serde_json::{Value, json};
use tidegate_server::{NewKey, Scope, route_table};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::database::{Database, keyring, keys_are_known};
use crate::harness::{Collector, DEADLINE, Reply};

/// One answer of each kind.
async fn answers(collector: &Collector) -> Vec<(&'static str, Reply)> {
    let mut answers = Vec::new();
    for (what, method, path, body) in [
        ("an answer", Method::GET, "/version", ""),
        ("a fault", Method::POST, "/logs3", "{"),
        ("no route", Method::GET, "/no/such/route", ""),
        ("a wrong method", Method::DELETE, "/logs3", ""),
        ("a preflight", Method::OPTIONS, "/logs3", ""),
        ("a preflight of nothing", Method::OPTIONS, "/no/such/route", ""),
        ("a wrong token", Method::POST, "/internal/keys", "{}"),
    ] {
        let headers = [("origin", "http://localhost:5173")];
        answers.push((what, collector.send_with(method, path, body, &headers).await));
    }
    answers
}

#[tokio::test]
async fn every_answer_is_closed_to_other_pages() {
    let collector = Collector::start().await;
    for (what, reply) in answers(&collector).await {
        let header =
            |name: &str| reply.headers.get(name).map(|value| value.to_str().expect("text"));
        assert_eq!(header("x-content-type-options"), Some("nosniff"), "{what}");
        let policy = header("content-security-policy").expect(what);
        assert!(policy.contains("default-src 'none'"), "{what}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{what}: {policy}");
        assert_eq!(header("referrer-policy"), Some("no-referrer"), "{what}");
        assert_eq!(header("cache-control"), Some("no-store"), "{what}");
        assert_eq!(header("content-type"), Some("application/json"), "{what}");
        let cors = reply.headers.keys().find(|name| name.as_str().starts_with("access-control"));
        assert_eq!(cors, None, "{what}");
        if what.starts_with("a preflight") {
            assert!([404, 405].contains(&reply.status.as_u16()), "{what}: {}", reply.status);
        }
    }
}

#[tokio::test]
async fn every_answer_has_the_id_of_its_request_and_errors_say_it() {
    let collector = Collector::start().await;
    let mut ids = Vec::new();
    for (what, reply) in answers(&collector).await {
        let id = reply.headers["x-request-id"].to_str().expect("text").to_owned();
        if !reply.status.is_success() {
            assert_eq!(reply.body["request_id"], id.as_str(), "{what}");
        }
        ids.push(id);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 7, "each its own");
    let with = async |id: &str| {
        let headers = [("x-request-id", id)];
        let reply = collector.send_with(Method::GET, "/version", "", &headers).await;
        reply.headers["x-request-id"].to_str().expect("text").to_owned()
    };
    assert_eq!(with("trace/1-a:b").await, "trace/1-a:b");
    for bad in ["a b", "\"", &"x".repeat(200)] {
        assert_ne!(with(bad).await, bad);
    }
}

/// Words of the inside: of the language, the database, its tables and files.
const INSIDE: [&str; 18] = [
    "struct",
    "enum",
    "rusqlite",
    "postgres",
    "relation",
    "42P01",
    "127.0.0.1",
    "sqlite",
    "SQL",
    "panicked",
    "src/",
    ".rs",
    "tidegate.db",
    "/tmp",
    "no such table",
    "serde",
    "unwrap",
    "tokio",
];

fn tells_nothing(what: &str, reply: &Reply) {
    let text = reply.text();
    for word in INSIDE {
        assert!(!text.contains(word), "{what}: {word:?} in {text}");
    }
    assert!(reply.body["error"].is_string() && reply.body["code"].is_string(), "{what}: {text}");
}

#[tokio::test]
async fn bodies_of_every_wrong_shape_tell_nothing_of_the_inside() {
    let collector = Collector::start().await;
    let deep = format!("{}1{}", "{\"a\":".repeat(1_000), "}".repeat(1_000));
    let odd = [
        "{",
        "[]",
        "[[]]",
        "7",
        "\"x\"",
        "null",
        "{\"id\":7}",
        "\u{0}",
        "{\"rows\":[7]}",
        &deep,
        "{\"project_name\":7,\"name\":[],\"id\":{},\"project_id\":7,\"experiment_id\":7,\"query\":7,\
         \"dataset_id\":7,\"limit\":\"x\",\"cursor\":7,\"object_type\":7,\"events\":7}",
    ];
    for (method, path, _) in route_table().into_iter().filter(|(method, ..)| method != "GET") {
        let method: Method = method.parse().expect("a method");
        let path = path.replace(['{', '}'], "x");
        for body in odd {
            let reply = collector.send_any(method.clone(), &path, body, &[]).await;
            assert!(reply.status.as_u16() < 500, "{method} {path} {body:.80}: {}", reply.text());
            if reply.status.is_client_error() {
                tells_nothing(&format!("{method} {path} {body:.80}"), &reply);
            }
        }
    }
}

#[tokio::test]
async fn a_damaged_database_is_an_internal_error_that_tells_only_an_id() {
    let collector = Collector::start().await;
    let experiment = collector.experiment(&json!({})).await;
    let id = experiment["id"].as_str().expect("an id");
    let database = collector.database();
    database.execute(match database {
        Database::Sqlite(_) => "PRAGMA foreign_keys = off; DROP TABLE projects",
        Database::Postgres(_) => "DROP TABLE projects CASCADE",
    });
    let registration = json!({"project_name": "q"}).to_string();
    for (method, path, body) in [
        (Method::GET, "/v1/project".to_owned(), String::new()),
        (Method::GET, format!("/v1/experiment/{id}"), String::new()),
        (Method::GET, format!("/v1/experiment/{id}/summarize"), String::new()),
        (Method::POST, "/api/project/register".to_owned(), registration.clone()),
        (Method::POST, "/v1/experiment".to_owned(), registration),
    ] {
        let reply = collector.send(method, &path, body).await;
        assert_eq!(reply.status.as_u16(), 500, "{path}: {}", reply.text());
        tells_nothing(&path, &reply);
        let id = reply.headers["x-request-id"].to_str().expect("text");
        assert!(reply.body["error"].as_str().is_some_and(|text| text.contains(id)), "{path}");
    }
}

#[tokio::test]
async fn too_many_rows_at_once_are_refused_and_none_is_stored() {
    let collector = Collector::start().await;
    for (plain, more) in [(true, ""), (false, ",\"_is_merge\":\"odd\",\"\\u0061\":1")] {
        let row = |n: usize| format!("{{\"id\":\"{n}\",\"experiment_id\":\"e\"{more}}}");
        let body = |count| {
            let rows: Vec<_> = (0..count).map(row).collect();
            format!("{{\"rows\":[{}]}}", rows.join(","))
        };
        let error = collector.refused("/logs3", &body(10_001), 413).await;
        assert!(error.contains("10001") && error.contains("10000"), "{plain}: {error}");
        assert_eq!(collector.send(Method::POST, "/logs3", body(10_000)).await.status, 200);
    }
}

#[tokio::test]
async fn other_bodies_have_a_smaller_limit_and_must_be_objects() {
    let collector = Collector::start().await;
    let long = json!({"project_name": "p", "padding": "x".repeat(5 << 20)}).to_string();
    let error = collector.refused("/api/project/register", &long, 413).await;
    assert!(error.contains("4194304"), "{error}");
    let error = collector.refused("/api/project/register", "[\"p\"]", 400).await;
    assert!(error.contains("object"), "{error}");
    assert_eq!(collector.get("/v1/project").await["objects"], json!([]));
}

#[tokio::test]
async fn long_targets_and_heads_are_refused() {
    let collector = Collector::start().await;
    let path = format!("/v1/project?project_name={}", "x".repeat(20_000));
    let reply = collector.send(Method::GET, &path, "").await;
    assert_eq!((reply.status.as_u16(), &reply.body["code"]), (414, &json!("uri_too_long")));
    for head in [
        format!("GET /version HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "x".repeat(200_000)),
        format!("GET /version HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "x: y\r\n".repeat(200)),
    ] {
        let mut stream = TcpStream::connect(collector.handle.local_addr()).await.expect("connect");
        // The server may close before it has read all of it.
        stream.write_all(head.as_bytes()).await.ok();
        let mut start = [0; 12];
        let reading = tokio::time::timeout(DEADLINE, stream.read_exact(&mut start)).await;
        reading.expect("an answer in time").expect("an answer");
        assert_eq!(&start, b"HTTP/1.1 431");
    }
}

#[tokio::test]
async fn answers_that_nobody_reads_are_bounded() {
    let collector = Collector::start_with(|options| options.max_answer_bytes(3 << 20)).await;
    let row = json!({"id": "r", "experiment_id": "e", "input": "x".repeat(2 << 20)});
    collector.log(&json!([row])).await;
    let query = json!({"query": {"select": [{"op": "star"}], "from": {"op": "function",
        "name": {"op": "ident", "name": ["experiment"]},
        "args": [{"op": "literal", "value": "e"}]}}})
    .to_string();
    // The operating system takes part of an answer, the rest waits until it is read.
    let mut slow = TcpStream::connect(collector.handle.local_addr()).await.expect("connect");
    let length = query.len();
    let head =
        format!("POST /btql HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n");
    slow.write_all(format!("{head}{query}").as_bytes()).await.expect("write");
    let mut first = [0; 12];
    slow.read_exact(&mut first).await.expect("the answer starts");
    assert_eq!(&first, b"HTTP/1.1 200");
    // Held or already handed to the operating system, which decides how much it takes; with the
    // bound at zero nothing of this size would ever pass.
    let reply = collector.send(Method::POST, "/btql", query.clone()).await;
    assert!([200, 503].contains(&reply.status.as_u16()), "{}", reply.status);
    drop(slow);
    let small = Collector::start_in(collector.stop().await, |o| o.max_answer_bytes(1 << 20)).await;
    let reply = small.send(Method::POST, "/btql", query).await;
    assert_eq!((reply.status.as_u16(), &reply.body["code"]), (503, &json!("overloaded")));
    assert_eq!(reply.headers["retry-after"], "1");
}

#[tokio::test]
async fn each_key_has_its_own_rate() {
    let two = NonZeroU32::new(2).expect("not zero");
    let collector = Collector::start_with(|options| options.rate_limit(two)).await;
    let keyring = keyring(collector.dir.path()).await;
    let new = |name: &str| NewKey { name: Some(name.into()), project: None, scope: Scope::Read };
    let one = keyring.create(new("one")).await.expect("made").key;
    let other = keyring.create(new("other")).await.expect("made").key;
    keys_are_known().await;
    let (one, other) = (format!("Bearer {one}"), format!("Bearer {other}"));
    let get = async |headers: &[(&str, &str)]| {
        collector.send_with(Method::GET, "/version", "", headers).await
    };
    // Sooner or later: a slow machine may take a second for two requests.
    let limited = async {
        loop {
            let reply = get(&[("authorization", &one)]).await;
            if reply.status.as_u16() == 429 {
                return reply;
            }
            assert_eq!(reply.status.as_u16(), 200);
        }
    };
    let limited = tokio::time::timeout(DEADLINE, limited).await.expect("a limit");
    assert_eq!(limited.headers["retry-after"], "1");
    assert_eq!(limited.body["code"], "rate_limited");
    assert_eq!(get(&[("authorization", &other)]).await.status.as_u16(), 200);
    assert_eq!(get(&[]).await.status.as_u16(), 200, "without a key is another one");
    // Health is never limited.
    for _ in 0..10 {
        assert_eq!(collector.get("/ping").await["status"], "ok");
    }
    let again = async {
        while get(&[("authorization", &one)]).await.status.as_u16() == 429 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(DEADLINE, again).await.expect("the rate allows more");
    let unlimited = Collector::start().await;
    for _ in 0..50 {
        assert_ne!(unlimited.get("/version").await, Value::Null);
    }
}
