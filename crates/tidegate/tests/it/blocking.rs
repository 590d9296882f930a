//! The blocking calls against the real collector: without a runtime, and inside of each kind of one.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate::Error;
use tidegate::blocking::{self, Blocking, Client};
use tidegate::client::{
    self, ApiError, Attachment, AttachmentStatus, Config, DatasetOptions, DatasetRecord,
    DownloadError, Event, ExperimentOptions, Feedback, FlushError, LoadError, LoadParameters,
    LoadPrompt, ParentError, Select, Span,
};
use tidegate::prelude::{Case, Eval, Report};
use tidegate_testkit::{Answer, ScriptedServer, ServerProcess, built_binary, rows};

use crate::support::{DEADLINE, is_below, named};

fn client(url: &str) -> Client {
    Blocking::new(client::Client::new(Config::default().app_url(url)).expect("a thread"))
}

fn served(run: impl FnOnce(&str)) {
    let data = TempDir::new().expect("a directory");
    let server = ServerProcess::start(&built_binary(), data.path(), &[]);
    run(server.url());
}

/// Everything there is, by blocking calls alone.
fn everything(url: &str) {
    let client = client(url).deadline(DEADLINE);
    logs(&client, url);
    attachment(&client);
    dataset(&client);
    experiment(&client);
    let eval = Eval::new("sums")
        .data([Case::new(1).expected(2), Case::new(2).expected(3)])
        .task(async |n, _cx| *n + 1)
        .scorer("exact", |args| args.expected == Some(args.output))
        .report(Report::Silent);
    let outcome = client.run(eval).expect("evaluated");
    assert_eq!(outcome.to_json()["scores"]["exact"]["score"], 1.0);
    client.flush(DEADLINE).expect("nothing is left");
}

fn logs(client: &Client, url: &str) {
    let logger = client.init_logger("ways-in").expect("a logger");
    let slug = logger.traced("request", || {
        Span::start("lookup").log(Event::new().output(&42));
        Span::current().expect("the root").export().expect("it is sent")
    });
    let row = logger.log(Event::new().input("ping")).expect("all is sampled");
    logger.log_feedback(&row, Feedback::new().score("helpful", 1.0));
    let parent = client.parent(&slug).expect("a slug");
    client.start_span(parent, "later").end();
    assert_eq!(logger.flush(DEADLINE).expect("stored").rows, 4);
    client.update_span(&slug, Event::new().output("done")).expect("recorded");
    let link = client.permalink(&slug).expect("an answer").expect("a link");
    assert!(link.starts_with(url), "{link}");
    let span = client.start_span(logger.destination().clone(), "linked");
    let of_span = client.wait(span.permalink()).expect("an answer").expect("a link");
    assert!(of_span.starts_with(url), "{of_span}");
    span.end();
    client.flush(DEADLINE).expect("stored");
    let rows = rows(url, "project_logs", &logger.project().id);
    let request = named(&rows, "request");
    assert_eq!(request["output"], "done");
    assert!(is_below(named(&rows, "lookup"), request) && is_below(named(&rows, "later"), request));
    assert_eq!(named(&rows, "root")["scores"]["helpful"], 1.0);
    let error = client.parent("no slug").expect_err("no slug");
    assert!(matches!(error, Error::Parent(ParentError::Slug(_))) && !error.hint().is_empty());
}

fn attachment(client: &Client) {
    let logger = client.init_logger("ways-in").expect("a logger");
    let picture = Attachment::from_bytes("a.png", "image/png", vec![7; 5000]);
    logger.log(Event::new().input(&picture));
    assert_eq!(client.flush(DEADLINE).expect("stored").attachments.uploaded, 1);
    let stored = client.attachment(picture.reference());
    assert_eq!(stored.status().expect("known"), AttachmentStatus::Done);
    assert_eq!(stored.bytes(5000, DEADLINE).expect("read"), [7; 5000]);
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("a.png");
    assert_eq!(stored.save(&path, DEADLINE).expect("written"), 5000);
    assert_eq!(std::fs::read(&path).expect("written"), [7; 5000]);
    let error = stored.bytes(4999, DEADLINE).expect_err("it is larger");
    assert!(matches!(error, Error::Download(DownloadError::TooLarge { .. })), "{error}");
    assert!(error.hint().contains("more bytes"), "{}", error.hint());
}

fn dataset(client: &Client) {
    let dataset = client.init_dataset(DatasetOptions::new("ways-in", "sums")).expect("a dataset");
    let ids: Vec<String> = (0..5)
        .map(|n| dataset.insert(DatasetRecord::new().input(&n).expected(&(n + n))))
        .collect::<Result<_, _>>()
        .expect("room");
    dataset.update(&ids[0], DatasetRecord::new().tags(["zero"])).expect("room");
    client.flush(DEADLINE).expect("stored");
    let version = dataset.version().expect("an answer").expect("a version");
    dataset.delete(&ids[4]).expect("room");
    client.flush(DEADLINE).expect("stored");
    assert_eq!(dataset.summarize().expect("an answer").total_records, 4);

    let opened = client.open_dataset("ways-in", "sums").expect("an answer").expect("it is there");
    assert!(client.open_dataset("ways-in", "none").expect("an answer").is_none());
    let inputs = |rows: Vec<client::DatasetRow>| {
        let mut inputs: Vec<_> = rows.iter().filter_map(|row| row.input.as_i64()).collect();
        inputs.sort_unstable();
        inputs
    };
    // Pages of two, so that there are several.
    let rows: Vec<_> = opened.fetch().page_rows(2).collect::<Result<_, _>>().expect("rows");
    assert!(rows.iter().any(|row| row.tags == ["zero"]));
    assert_eq!(inputs(rows), [0, 1, 2, 3]);
    let earlier: Vec<_> = opened.at(version).fetch().collect::<Result<_, _>>().expect("rows");
    assert_eq!(inputs(earlier), [0, 1, 2, 3, 4]);
}

fn experiment(client: &Client) {
    let options = ExperimentOptions::new("ways-in").name("by hand");
    let experiment = client.init_experiment(options).expect("an experiment");
    experiment.log(Event::new().input("a").output("b").score("exact", 0.0));
    experiment.traced("case", || {
        let span = Span::current().expect("the root");
        span.log(Event::new().input("c").output("d").score("exact", 1.0));
    });
    let summary = experiment.summarize(DEADLINE).expect("a summary");
    assert_eq!(summary.comparison.scores["exact"].score, 0.5);

    let found = client.open_experiment("ways-in", "by hand").expect("an answer");
    let found = found.expect("it is there");
    let mut outputs: Vec<Value> = found
        .fetch(Select::Roots)
        .map(|row| row.map(|row| row["output"].clone()))
        .collect::<Result<_, _>>()
        .expect("rows");
    outputs.sort_by_key(ToString::to_string);
    assert_eq!(outputs, [json!("b"), json!("d")]);
    assert_eq!(found.as_dataset().count(), 2);
    assert!(client.open_experiment("ways-in", "none").expect("an answer").is_none());
}

#[test]
fn a_program_without_a_runtime_has_everything() {
    served(everything);
}

#[tokio::test(flavor = "current_thread")]
async fn inside_of_a_runtime_of_one_thread_it_just_works() {
    served(everything);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn inside_of_a_task_of_a_runtime_of_several_threads_it_just_works() {
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async { served(everything) });
    tasks.join_next().await.expect("a task").expect("no panic");
}

#[tokio::test(flavor = "current_thread")]
async fn what_only_the_blocked_thread_could_do_ends_at_the_deadline() {
    let (send, receive) = tokio::sync::oneshot::channel::<()>();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { send.send(()) });
    let error = blocking::wait(Duration::from_millis(50), receive).expect_err("too late");
    assert!(matches!(error, Error::Deadline { .. }), "{error}");
    // The runtime is none the worse for it.
    assert!(tasks.join_next().await.expect("a task").expect("no panic").is_err());
}

#[test]
fn a_server_that_never_answers_is_given_up_at_the_deadline() {
    let server = ScriptedServer::start(|_, _| Answer::Hang);
    let deadline = Duration::from_millis(100);
    let config = Config::default().app_url(server.url()).shutdown_timeout(deadline);
    let client = Blocking::new(client::Client::new(config).expect("a thread")).deadline(deadline);
    let late = |error: Error| {
        assert!(matches!(error, Error::Deadline { .. }), "{error}");
        assert_eq!(error.to_string(), "not done within 100ms");
        assert!(error.hint().contains("Blocking::deadline"), "{}", error.hint());
    };
    late(client.wait(client.login()).map(drop).expect_err("no answer"));
    late(client.init_logger("p").map(drop).expect_err("no answer"));
    late(client.init_dataset(DatasetOptions::new("p", "d")).map(drop).expect_err("no answer"));
    client.start_span(client::Destination::ProjectLogs("p".into()), "lost").end();
    let error = client.flush(deadline).expect_err("no answer");
    assert!(matches!(&error, Error::Flush(FlushError::Deadline { .. })), "{error}");
    assert_eq!(error.hint(), "check the server, then flush again");
}

#[test]
fn a_page_that_fails_is_one_error_and_the_end() {
    let server = ScriptedServer::start(|_, request| match request.line.as_str() {
        "POST /api/apikey/login" => Answer::json(&json!({"org_info": [{"id": "o", "name": "o"}]})),
        "GET /v1/experiment?experiment_name=e&project_name=p" => {
            let found = json!({"id": "e-1", "name": "e", "project_id": "p-1"});
            Answer::json(&json!({"objects": [found]}))
        }
        "POST /v1/experiment/e-1/fetch" if request.body["cursor"].is_null() => {
            let row = json!({"id": "r", "span_id": "r", "root_span_id": "r"});
            Answer::json(&json!({"events": [row], "cursor": "next"}))
        }
        _ => Answer::Text(418, String::new(), "no".to_owned()),
    });
    let client = client(server.url());
    let found = client.open_experiment("p", "e").expect("an answer").expect("it is there");
    let mut rows = found.fetch(Select::Roots);
    assert_eq!(rows.next().expect("a row").expect("read")["id"], "r");
    let error = rows.next().expect("an error").expect_err("an error");
    assert!(matches!(error, Error::Api(ApiError::Status { status: 418, .. })), "{error}");
    assert!(rows.next().is_none() && rows.next().is_none());
}

#[test]
fn a_prompt_is_loaded_or_not_there() {
    let server = ScriptedServer::start(|_, request| match request.line.as_str() {
        "POST /api/apikey/login" => Answer::json(&json!({"org_info": [{"id": "o", "name": "o"}]})),
        line if line.contains("slug=greeting") => {
            let prompt = json!({"type": "completion", "content": "Hello, {{name}}"});
            let data = json!({"prompt": prompt, "options": {"model": "m"}});
            let row = json!({"id": "i1", "project_id": "p1", "_xact_id": "7", "slug": "greeting",
                "name": "Greeting", "prompt_data": data});
            Answer::json(&json!({"objects": [row]}))
        }
        _ => Answer::json(&json!({"objects": []})),
    });
    let client = client(server.url());
    let prompt = client.load_prompt(LoadPrompt::new("p", "greeting")).expect("a prompt");
    let built = prompt.build(&json!({"name": "Ada"})).expect("all is given");
    assert_eq!(built.request()["prompt"], "Hello, Ada");
    let error = client.load_prompt(LoadPrompt::new("p", "none")).expect_err("none is there");
    assert!(matches!(error, Error::Load(LoadError::NotFound { .. })), "{error}");
    assert!(error.hint().contains("slug"), "{}", error.hint());
    let error =
        client.load_parameters(LoadParameters::new("p", "none")).expect_err("none is there");
    assert!(matches!(error, Error::Load(LoadError::NotFound { .. })), "{error}");
}
