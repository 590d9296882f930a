//! `tidegate serve` in normal use.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tidegate_testkit::{get, post, rows};

use crate::load::{Content, Load, Writer, contents};
use crate::support::{body, experiment, integrity, serve, tidegate};

#[test]
fn says_where_it_listens_and_how_to_use_it() {
    let data = TempDir::new().expect("a directory");
    let server = serve(data.path(), &["--org", "acme"]);
    assert!(server.url().starts_with("http://127.0.0.1:"));
    let line = server.line_with("export");
    assert!(line.contains(&format!("BRAINTRUST_APP_URL={}", server.url())), "{line}");
    let login = post(server.url(), "/api/apikey/login", &["authorization: Bearer any"], "");
    assert_eq!(login.expect("an answer").json()["org_info"][0]["name"], "acme");
    let encodings = json!({"logs3_content_encodings": ["zstd", "gzip"],
        "logs3_payload_max_bytes": 6_291_456, "profile_max_bytes": 67_108_864});
    assert_eq!(get(server.url(), "/version").json(), encodings, "no limit, so no overflow");
    assert_eq!(get(server.url(), "/no/such/route").status, 404);
}

#[test]
fn stops_cleanly_on_sigterm_and_keeps_everything() {
    let data = TempDir::new().expect("a directory");
    let server = serve(data.path(), &[]);
    let experiment = experiment(server.url());
    let ids = (0..10).map(|n| n.to_string());
    let reply = post(server.url(), "/logs3", &[], &body(&experiment, ids));
    assert_eq!(reply.expect("an answer").status, 200);
    assert!(server.terminate().success());
    let server = serve(data.path(), &[]);
    assert_eq!(rows(server.url(), "experiment", &experiment).len(), 10);
}

#[test]
fn sigterm_under_load_answers_what_it_stores_and_stores_what_it_answers() {
    let data = TempDir::new().expect("a directory");
    let mut answered = 0;
    for round in 0..4 {
        let server = serve(data.path(), &[]);
        let object = experiment(server.url());
        let writers = (0..6).map(|number| Writer::new(&object, number, round));
        let load = Load::start(server.url(), writers.collect());
        // Not to synchronize, but to stop at another moment each time.
        std::thread::park_timeout(Duration::from_millis(40 + round * 35));
        assert!(server.terminate().success(), "no request had to be cut off");
        let writers = load.finish();

        let server = serve(data.path(), &[]);
        // A request without an answer never reached the server, so nothing of it is there.
        let acknowledged: Content =
            writers.iter().flat_map(|writer| writer.content().clone()).collect();
        assert!(contents(server.url(), &object) == acknowledged, "round {round}");
        answered += writers.iter().map(|writer| writer.acknowledged).sum::<usize>();
        assert!(server.terminate().success());
    }
    assert!(answered > 10, "the load hardly reached the server");
    assert_eq!(integrity(data.path()), "ok");
}

#[test]
fn a_required_key_is_printed_once_and_needed_everywhere() {
    let data = TempDir::new().expect("a directory");
    let server = serve(data.path(), &["--require-key"]);
    let line = server.line_with("first key");
    let key = line.rsplit(' ').next().expect("a key").to_owned();
    let with = |key: &str| format!("authorization: Bearer {key}");
    let login = |headers: &[&str]| {
        post(server.url(), "/api/apikey/login", headers, "").expect("an answer").status
    };
    assert_eq!(login(&[]), 401);
    assert_eq!(login(&[&with("wrong")]), 401);
    assert_eq!(login(&[&with(&key)]), 200);
    let upload = post(server.url(), "/logs3", &[], r#"{"rows":[],"api_version":2}"#);
    assert_eq!(upload.expect("an answer").status, 401);
    assert_eq!(get(server.url(), "/ping").status, 200);
    assert!(server.terminate().success());

    let server = serve(data.path(), &["--require-key"]);
    let again = post(server.url(), "/api/apikey/login", &[&with(&key)], "").expect("an answer");
    assert_eq!(again.status, 200, "the key is kept");
    assert!(!server.first_lines.iter().any(|line| line.contains("first key")));
    assert!(server.line_with("export").ends_with("BRAINTRUST_API_KEY=your-key"));
}

#[test]
fn malformed_uploads_get_400_with_json_and_store_nothing() {
    let data = TempDir::new().expect("a directory");
    let server = serve(data.path(), &[]);
    let experiment = experiment(server.url());
    let good = json!({"id": "good", "experiment_id": experiment});
    for (bad, part) in [
        (String::new(), ""),
        ("{".to_owned(), ""),
        ("[]".to_owned(), ""),
        (json!({"api_version": 2}).to_string(), "rows"),
        (json!({"rows": 3, "api_version": 2}).to_string(), "rows"),
        (json!({"rows": [good, 3], "api_version": 2}).to_string(), ""),
        (json!({"rows": [good, {"id": "x"}], "api_version": 2}).to_string(), "destination"),
        (json!({"rows": [good, {"experiment_id": experiment}]}).to_string(), "id"),
        (json!({"rows": {"type": "logs3_overflow"}}).to_string(), "overflow"),
        (format!("{{\"rows\":[{good},{}1{}]}}", "[".repeat(3_000), "]".repeat(3_000)), ""),
    ] {
        let reply = post(server.url(), "/logs3", &[], &bad).expect("an answer");
        assert_eq!(reply.status, 400, "{bad:.200} -> {}", reply.text);
        let error = reply.json()["error"].as_str().map(str::to_owned).expect("an error text");
        assert!(error.contains(part), "{bad:.200} -> {error}");
    }
    assert_eq!(rows(server.url(), "experiment", &experiment).len(), 0);
}

#[test]
fn help_names_every_flag_with_its_default() {
    let help = tidegate(&["serve", "--help"]).success().stdout;
    for part in [
        "--data-dir <DIR>",
        "[env: TIDEGATE_DATA_DIR=]",
        "[default: .tidegate]",
        "--listen <ADDR>",
        "[default: 127.0.0.1:8787]",
        "--require-key",
        "--org <NAME>",
        "--rate-limit <N>",
        "BRAINTRUST_APP_URL=http://127.0.0.1:8787",
    ] {
        assert!(help.contains(part), "{part} is missing in\n{help}");
    }
    assert!(tidegate(&["--version"]).success().stdout.starts_with("tidegate 0."));
    assert_eq!(tidegate(&["serve", "--no-such-flag"]).status.code(), Some(2));
}

#[test]
fn a_rate_limit_answers_429_with_a_time() {
    let data = TempDir::new().expect("a directory");
    let server = serve(data.path(), &["--rate-limit", "1"]);
    // One second may pass between two requests on a slow machine, but not between all of these.
    let limited = (0..1_000).map(|_| get(server.url(), "/version")).find(|r| r.status != 200);
    let limited = limited.expect("a limit");
    assert_eq!((limited.status, limited.json()["code"].as_str()), (429, Some("rate_limited")));
    assert!(limited.headers.iter().any(|line| line == "retry-after: 1"), "{:?}", limited.headers);
    assert_eq!(tidegate(&["serve", "--rate-limit", "0"]).status.code(), Some(2));
}

#[test]
fn a_blank_variable_means_the_default_directory() {
    let directory = TempDir::new().expect("a directory");
    let mut server = Command::new(crate::support::binary())
        .args(["serve", "--listen", "127.0.0.1:0"])
        .current_dir(directory.path())
        .env("TIDEGATE_DATA_DIR", "")
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let said = BufReader::new(server.stderr.take().expect("piped")).lines();
    let mut said = said.map_while(Result::ok);
    // Ends with the line, or with the server.
    let line = said.find(|line| line.starts_with("data directory") || line.starts_with("error"));
    server.kill().expect("a process to kill");
    server.wait().expect("its end");
    assert_eq!(line.as_deref(), Some("data directory .tidegate"));
    assert!(directory.path().join(".tidegate/tidegate.db").exists());
}
