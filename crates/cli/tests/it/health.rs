//! `tidegate health`, and the files of `deploy/` that rely on it.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use serde_json::json;
use tempfile::TempDir;
use tidegate_testkit::{Finished, ServerProcess, built_binary};

use crate::support::tidegate;

fn health(directory: &Path) -> Finished {
    tidegate(&["health", "--data-dir", directory.to_str().expect("UTF-8")])
}

#[test]
fn a_collector_is_ready_while_it_runs_and_not_afterwards() {
    let data = TempDir::new().expect("a directory");
    let before = health(data.path());
    assert_eq!(before.status.code(), Some(3));
    assert!(before.stderr.contains("no collector serves"), "{}", before.stderr);

    let server = ServerProcess::start(&built_binary(), data.path(), &["--require-key"]);
    assert_eq!(health(data.path()).success().stdout, "ready\n");
    // Its entry stays behind.
    server.kill();
    let after = health(data.path());
    assert_eq!(after.status.code(), Some(3));
    assert!(after.stderr.contains("does not answer"), "{}", after.stderr);
}

#[test]
fn a_collector_is_found_by_its_url_too() {
    let data = TempDir::new().expect("a directory");
    // Where several share a directory, no entry says who serves it.
    let nobodys = TempDir::new().expect("a directory");
    let directory = nobodys.path().to_str().expect("UTF-8");
    let at = |url: &str| tidegate(&["health", "--data-dir", directory, "--url", url]);
    let server = ServerProcess::start(&built_binary(), data.path(), &[]);
    let port = server.url().rsplit(':').next().expect("a port").to_owned();
    for url in [server.url(), &format!("{}/", server.url()), &format!("http://localhost:{port}")] {
        assert_eq!(at(url).success().stdout, "ready\n", "{url}");
    }
    server.kill();
    let after = at(&format!("http://127.0.0.1:{port}"));
    assert_eq!(after.status.code(), Some(3));
    assert!(after.stderr.contains("does not answer"), "{}", after.stderr);
    let wrong = at("https://127.0.0.1:8787");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(wrong.stderr.contains("http://127.0.0.1:8787"), "{}", wrong.stderr);
}

#[test]
fn an_answer_that_is_not_200_is_not_ready() {
    let data = TempDir::new().expect("a directory");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let holder = json!({"url": url, "pid": 1, "role": "serve", "token": "t"});
    fs::write(data.path().join("collector.lock"), holder.to_string()).expect("an entry");
    let answers = ["HTTP/1.1 503 Service Unavailable\r\n\r\n", "no HTTP at all"];
    let server = thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().expect("a connection");
            // What is left unread would break the connection before the answer is read.
            let head = BufReader::new(&stream).lines().map_while(Result::ok);
            assert_ne!(head.take_while(|line| !line.is_empty()).count(), 0);
            stream.write_all(answer.as_bytes()).expect("an answer");
        }
    });
    for expected in ["not ready (HTTP 503)", "no HTTP answer"] {
        let finished = health(data.path());
        assert_eq!(finished.status.code(), Some(3));
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    }
    server.join().expect("both were asked");
}

/// The text of a file of `deploy/`.
fn deployed(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Starts the server with the arguments of a file, but on a free port of loopback.
fn check_arguments(arguments: &[&str], data: &Path) {
    let port = arguments.iter().position(|word| *word == "--listen").expect("--listen");
    assert!(arguments[port + 1].ends_with(":8787"), "{arguments:?}");
    let rest: Vec<&str> = arguments
        .iter()
        .enumerate()
        .filter(|(at, _)| ![port, port + 1].contains(at))
        .map(|(_, word)| *word)
        .collect();
    let ["serve", rest @ ..] = &rest[..] else { panic!("{rest:?}") };
    // The directory comes from the environment there.
    let server = ServerProcess::start(&built_binary(), data, rest);
    assert_eq!(health(data).success().stdout, "ready\n");
    assert!(server.terminate().success());
}

#[test]
fn the_systemd_units_start_the_server_with_arguments_they_know() {
    for (name, directory) in
        [("tidegate.service", "%S/tidegate"), ("tidegate@.service", "/srv/tidegate")]
    {
        // The instance of a template is the port.
        let unit = deployed(&format!("systemd/{name}")).replace("%i", "8787");
        let lines = || unit.lines().map(str::trim);
        let start = lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("ExecStart");
        let words: Vec<&str> = start.split_whitespace().collect();
        assert_eq!(words[0], "/usr/local/bin/tidegate");
        let variable = format!("Environment=TIDEGATE_DATA_DIR={directory}");
        assert!(lines().any(|line| line == variable), "{name}");
        let kept = ["StateDirectory=tidegate", "ReadWritePaths=/srv/tidegate"];
        assert!(lines().any(|line| kept.contains(&line)), "{name}");
        check_arguments(&words[1..], TempDir::new().expect("a directory").path());
    }
}

/// A list of YAML on one line, of words that need quotes for their colon at most.
fn list_after(text: &str, name: &str) -> Vec<String> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
    let line = line.unwrap_or_else(|| panic!("no {name}")).trim();
    let words = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')).expect("a list");
    words.split(", ").map(|word| word.trim_matches('"').to_owned()).collect()
}

#[test]
fn the_manifests_start_the_server_with_arguments_it_knows() {
    let arguments = list_after(&deployed("kubernetes/collector.yaml"), "args:");
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    check_arguments(&words, TempDir::new().expect("a directory").path());
}

#[test]
fn the_container_starts_the_server_with_arguments_it_knows() {
    let file = deployed("Dockerfile");
    let list = |prefix: &str| -> Vec<String> {
        // The command of the health check is indented.
        let line = file.lines().find_map(|line| line.strip_prefix(prefix));
        let line = line.unwrap_or_else(|| panic!("no {prefix}"));
        serde_json::from_str(line.trim()).expect("the form without a shell, which it has not")
    };
    assert_eq!(list("ENTRYPOINT"), ["/usr/local/bin/tidegate"]);
    assert!(file.contains("ENV TIDEGATE_DATA_DIR=/data"));
    let command = list("CMD");
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    check_arguments(&words, TempDir::new().expect("a directory").path());
    let check = file.split_once("HEALTHCHECK").expect("a health check").1;
    let check = check.split_once("CMD ").and_then(|(_, rest)| rest.lines().next());
    let check: Vec<String> = serde_json::from_str(check.expect("a command")).expect("a list");
    // The same in the compose file, whose collectors share their directory.
    let compose = deployed("compose/compose.yaml");
    let test = compose.lines().find_map(|line| line.trim().strip_prefix("test: [CMD, "));
    assert_eq!(test.expect("a check").replace(['"', ']'], ""), check.join(", "));
    let words: Vec<&str> = check.iter().map(String::as_str).collect();
    assert_eq!(words[..2], ["/usr/local/bin/tidegate", "health"]);
    assert_eq!(words[2..], ["--url", "http://127.0.0.1:8787"]);
}
