//! Rows larger than a request body may be: uploaded by a signed URL, and then named.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_client::{Client, DropReason, Event, SpanOptions};

use crate::support::{Answer, Server, experiment, signed};

const MINUTE: Duration = Duration::from_secs(60);
const LIMIT: usize = 10_000;
const NAMED: &str = "/signed/a?signature=s3cr3t";

fn version(path: &str) -> Option<Answer> {
    let version = json!({"logs3_payload_max_bytes": LIMIT});
    (path == "/version").then_some(Answer::Json(200, "", version))
}

fn record(client: &Client, id: &str, bytes: usize) {
    let event = Event::new().input(&"x".repeat(bytes));
    client.start_span(experiment(), SpanOptions::new("s").row_id(id).event(event)).end();
}

fn is_named(body: &Value) -> bool {
    body["rows"]["type"] == "logs3_overflow"
}

#[tokio::test]
async fn a_row_beyond_the_announced_limit_is_uploaded_and_named() {
    let server = Server::start(|path, _, _| version(path));
    let client = server.client();
    record(&client, "large", 50_000);
    (0..20).for_each(|number| record(&client, &format!("small-{number}"), 500));
    let receipt = client.flush(MINUTE).await.expect("delivered");
    assert_eq!((receipt.rows, receipt.acknowledged), (21, 42));
    server.seen(|seen| {
        assert_eq!(seen.stored.len(), 21);
        assert_eq!(seen.stored["large"]["input"].as_str().map(str::len), Some(50_000));
        let at = |path: &str| seen.paths.iter().position(|known| known == path).expect("asked");
        let (announced, uploaded) = (at("/logs3/overflow"), at(NAMED));
        let announcement = &seen.bodies[announced];
        assert_eq!(announcement["size_bytes"], seen.raw[uploaded].len());
        assert_eq!(announcement["rows"][0]["object_ids"], json!({"experiment_id": "e1"}));
        assert!(announcement["rows"][0]["input_row"]["byte_size"].as_u64() > Some(50_000));
        assert!(seen.headers[uploaded].contains(&"x-extra: 1".to_owned()));
        assert!(seen.headers[uploaded].contains(&"content-type: application/json".to_owned()));
        let named = seen.bodies.iter().filter(|body| is_named(body)).count();
        let uploads = seen.paths.iter().filter(|path| *path == NAMED).count();
        assert_eq!((named, uploads), (1, 1));
        let rows = seen.paths.iter().zip(&seen.raw).filter(|(path, _)| *path == "/logs3");
        assert!(rows.map(|(_, raw)| raw.len()).max().expect("bodies") <= LIMIT);
    });
    let requests = client.requests();
    assert_eq!(requests.iter().map(|request| request.rows).sum::<usize>(), 21);
    assert!(requests.iter().all(|request| request.status == Some(200)), "{requests:#?}");
    let largest = requests.iter().map(|request| request.bytes).max();
    assert!(largest > Some(50_000), "the upload is one of them: {requests:#?}");
    assert_eq!(client.pending_bytes(), 0);
}

/// Storage is somebody else, and a form wants its fields before the file.
#[tokio::test]
async fn a_foreign_host_never_sees_the_key_and_gets_its_fields_first() {
    for method in ["PUT", "POST"] {
        let storage = Server::start(|_, _, _| None);
        let url = storage.url.clone();
        let server = Server::start(move |path, _, body| match path {
            "/logs3/overflow" => Some(Answer::Json(200, "", signed(&url, method))),
            // What is stored under the key is known to the storage alone.
            "/logs3" if is_named(body) => Some(Answer::Json(202, "", json!({}))),
            _ => version(path),
        });
        let client = server.client();
        record(&client, "large", 50_000);
        assert_eq!(client.flush(MINUTE).await.expect("delivered").rows, 1);
        storage.seen(|seen| {
            assert_eq!(seen.paths, [NAMED]);
            let headers = &seen.headers[0];
            assert!(
                !headers.iter().any(|header| header.starts_with("authorization")),
                "{headers:?}"
            );
            let length = format!("content-length: {}", seen.raw[0].len());
            assert!(headers.contains(&length), "storage refuses a body of unknown length");
            let text = String::from_utf8_lossy(&seen.raw[0]);
            let whole = r#"],"api_version":2}"#;
            if method == "PUT" {
                assert!(text.starts_with(r#"{"rows":["#) && text.ends_with(whole));
                return;
            }
            let content_type = headers.iter().find(|header| header.starts_with("content-type"));
            let boundary = content_type.and_then(|header| header.split_once("boundary="));
            let (_, boundary) = boundary.expect("a form");
            let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
            assert_eq!((parts.len(), parts[4]), (5, "--\r\n"));
            assert!(parts[1].contains("name=\"Content-Type\"\r\n\r\napplication/json\r\n"));
            assert!(parts[2].contains("name=\"policy\"\r\n\r\np\r\n"));
            assert!(parts[3].contains("name=\"file\"; filename=\"logs3.json\"\r\n"));
            assert!(parts[3].contains("\r\n\r\n{\"rows\":[") && parts[3].contains(whole));
        });
        let sent = server.seen(|seen| seen.paths.iter().any(|path| path.starts_with("/signed")));
        assert!(!sent);
    }
}

#[tokio::test]
async fn each_step_is_tried_again_but_a_finished_upload_is_not_repeated() {
    let server = Server::start(|path, number, body| match path {
        "/logs3" if is_named(body) && number < 3 => {
            Some(Answer::Json(503, "retry-after: 0\r\n", json!({})))
        }
        _ => version(path),
    });
    let client = server.client();
    record(&client, "large", 50_000);
    assert_eq!(client.flush(MINUTE).await.expect("delivered in the end").rows, 1);
    let uploads = server.seen(|seen| seen.paths.iter().filter(|path| *path == NAMED).count());
    assert_eq!(uploads, 1);

    // A storage that fails once gets the row by another URL.
    let failing = std::sync::atomic::AtomicBool::new(true);
    let server = Server::start(move |path, _, _| {
        let fails = path == NAMED && failing.swap(false, std::sync::atomic::Ordering::Relaxed);
        if fails { Some(Answer::Close) } else { version(path) }
    });
    let client = server.client();
    record(&client, "large", 50_000);
    assert_eq!(client.flush(MINUTE).await.expect("delivered in the end").rows, 1);
    let asked = |path: &'static str| {
        server.seen(|seen| seen.paths.iter().filter(|known| *known == path).count())
    };
    assert_eq!((asked("/logs3/overflow"), asked(NAMED)), (2, 2));
}

#[tokio::test]
async fn without_an_announced_limit_a_large_row_goes_alone_and_is_dropped_if_refused() {
    let server = Server::start(|path, _, body| {
        let over = path == "/logs3" && body.to_string().len() > LIMIT;
        over.then(|| Answer::Json(413, "", json!({"error": "too large"})))
    });
    let client = server.client_with(|config| config.max_request_bytes(LIMIT as u64));
    record(&client, "large", 50_000);
    record(&client, "small", 10);
    let error = client.flush(MINUTE).await.expect_err("one is lost");
    assert_eq!(error.receipt().dropped.get(&DropReason::TooLarge), Some(&2));
    assert_eq!(error.receipt().rows, 1);
    assert!(!server.seen(|seen| seen.paths.iter().any(|path| path == "/logs3/overflow")));
}

#[tokio::test]
async fn a_server_that_announces_a_limit_without_another_way_gets_the_row_as_it_is() {
    for status in [404, 501] {
        let server = Server::start(move |path, _, _| match path {
            "/logs3/overflow" => Some(Answer::Json(status, "", json!({"error": "no such route"}))),
            _ => version(path),
        });
        let client = server.client();
        record(&client, "large", 50_000);
        assert_eq!(client.flush(MINUTE).await.expect("delivered").rows, 1, "after {status}");
        assert!(server.seen(|seen| seen.stored.contains_key("large")));
    }
}

#[tokio::test]
async fn a_large_row_in_the_spool_is_delivered_in_the_same_way() {
    let spool = TempDir::new().expect("a directory");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let away = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let config = tidegate_client::Config::default().spool_dir(spool.path().to_owned());
    let first = Client::new(config.app_url(&away)).expect("a thread");
    record(&first, "large", 50_000);
    let receipt = first.shutdown(Duration::ZERO).expect("kept");
    assert_eq!(receipt.spooled, 2);
    drop(first);

    let server = Server::start(|path, _, _| version(path));
    let client = server.client();
    let directories = tidegate_client::spool::directories(spool.path()).expect("readable");
    let (drained, result) = client.drain_spool(&directories[0].path, MINUTE).await;
    result.expect("delivered");
    assert_eq!((drained.rows, drained.rejected_rows), (1, 0));
    server.seen(|seen| {
        assert_eq!(seen.stored["large"]["input"].as_str().map(str::len), Some(50_000));
        assert!(seen.paths.iter().any(|path| path == NAMED));
    });
}
