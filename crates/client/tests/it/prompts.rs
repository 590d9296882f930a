//! Prompts and parameters: from the server, and from copies where it fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tidegate_client::{
    ApiError, CacheLocation, CacheOptions, Client, Config, LoadError, LoadParameters, LoadPrompt,
    LoadSource, Prompt,
};

use crate::support::{Answer, Server};

fn row(id: &str, text: &str) -> Value {
    json!({
        "id": id, "project_id": "p1", "_xact_id": "7", "slug": "greeting", "name": "Greeting",
        "prompt_data": {
            "prompt": {"type": "completion", "content": text}, "options": {"model": "m"},
        },
    })
}

fn parameters() -> Value {
    json!({
        "id": "f1", "project_id": "p1", "_xact_id": "8", "slug": "answers", "name": "Answers",
        "function_type": "parameters",
        "function_data": {"type": "parameters", "data": {"a": 1},
            "__schema": {"properties": {"b": {"type": "number", "default": 2}}}},
    })
}

/// What the server does; tests change it while it runs.
#[derive(Default)]
struct Mood(AtomicU16);

const HANGS: u16 = 1;
const CLOSES: u16 = 2;

impl Mood {
    /// A status, or one of the above; 0 means that it answers.
    fn set(&self, mood: u16) {
        self.0.store(mood, Ordering::SeqCst);
    }

    fn answer(&self, body: Value) -> Answer {
        match self.0.load(Ordering::SeqCst) {
            0 => Answer::Json(200, "", body),
            HANGS => Answer::Hang,
            CLOSES => Answer::Close,
            status => Answer::Json(status, "", json!({"error": "as the test says"})),
        }
    }
}

/// A server of one prompt and one set of parameters, whatever is asked for.
fn server() -> (Server, Arc<Mood>) {
    let mood = Arc::new(Mood::default());
    let shared = Arc::clone(&mood);
    let server = Server::start(move |path, _, _| {
        let body = match path.split('?').next()? {
            "/v1/prompt" => json!({"objects": [row("i1", "Hello, {{name}}")]}),
            "/v1/prompt/i1" => row("i1", "Hello, {{name}}"),
            "/v1/function" => {
                json!({"objects": [parameters(), {"slug": "answers", "name": "a scorer"}]})
            }
            "/v1/function/f1" => parameters(),
            _ => return None,
        };
        Some(shared.answer(body))
    });
    (server, mood)
}

fn kept_in(directory: &Path) -> CacheOptions {
    CacheOptions::new().directory(directory.to_owned())
}

/// A client as another process would make it: nothing in memory.
fn client(server: &Server, cache: &CacheOptions) -> Client {
    server.client_with(|config| config.prompt_cache(cache.clone()).parameters_cache(cache.clone()))
}

fn greeting() -> LoadPrompt {
    LoadPrompt::new("my shop", "greeting")
}

fn says(prompt: &Prompt) -> String {
    let built = prompt.build(&json!({"name": "Ada"})).expect("built");
    built.prompt().expect("a completion").to_owned()
}

fn asked(server: &Server) -> Vec<String> {
    server.seen(|seen| seen.paths.iter().filter(|path| path.starts_with("/v1/")).cloned().collect())
}

#[tokio::test]
async fn a_prompt_is_asked_for_by_name_id_version_and_environment() {
    let (server, _) = server();
    let client = server.client();
    for wanted in [
        greeting(),
        LoadPrompt::in_project_id("p1", "greeting").version("7").environment("beaten"),
        greeting().environment("pro duction"),
        LoadPrompt::by_id("i1"),
        LoadPrompt::by_id("i1").version("7"),
    ] {
        let prompt = client.load_prompt(wanted).await.expect("loaded");
        assert_eq!((prompt.id(), prompt.version()), (Some("i1"), Some("7")));
        assert_eq!((prompt.source(), says(&prompt)), (LoadSource::Server, "Hello, Ada".into()));
    }
    for wanted in [LoadParameters::new("my shop", "answers"), LoadParameters::by_id("f1")] {
        let parameters = client.load_parameters(wanted.environment("e")).await.expect("loaded");
        assert_eq!(json!(parameters.values().expect("valid")), json!({"a": 1, "b": 2}));
    }
    let expected = [
        "/v1/prompt?project_name=my%20shop&slug=greeting",
        "/v1/prompt?project_id=p1&slug=greeting&version=7",
        "/v1/prompt?project_name=my%20shop&slug=greeting&environment=pro%20duction",
        "/v1/prompt/i1",
        "/v1/prompt/i1?version=7",
        "/v1/function?project_name=my%20shop&slug=answers&function_type=parameters&environment=e",
        "/v1/function/f1?environment=e",
    ];
    assert_eq!(asked(&server), expected);
}

#[tokio::test]
async fn a_server_that_fails_is_stood_in_for_by_memory_then_by_the_disk() {
    let (server, mood) = server();
    let directory = tempfile::tempdir().expect("a directory");
    let cache = kept_in(directory.path());
    let first = client(&server, &cache);
    first.load_prompt(greeting()).await.expect("loaded");
    first.load_parameters(LoadParameters::new("my shop", "answers")).await.expect("loaded");
    for failure in [500, 503, 408, 429, CLOSES] {
        mood.set(failure);
        let held = first.load_prompt(greeting()).await.expect("a copy");
        assert_eq!((held.source(), says(&held)), (LoadSource::Memory, "Hello, Ada".into()));

        let next = client(&server, &cache);
        let held = next.load_prompt(greeting()).await.expect("a copy");
        assert_eq!((held.source(), says(&held)), (LoadSource::Disk, "Hello, Ada".into()));
        let held = next.load_prompt(greeting()).await.expect("a copy");
        assert_eq!(held.source(), LoadSource::Memory, "read once");
        let held = next.load_parameters(LoadParameters::new("my shop", "answers")).await;
        let held = held.expect("a copy");
        assert_eq!((held.source(), held.id(), held.version()), (LoadSource::Disk, "f1", "8"));
    }
    mood.set(0);
    let back = first.load_prompt(greeting()).await.expect("loaded");
    assert_eq!(back.source(), LoadSource::Server);
}

#[tokio::test]
async fn a_server_that_is_down_or_never_answers_is_stood_in_for() {
    let (server, mood) = server();
    let directory = tempfile::tempdir().expect("a directory");
    let cache = kept_in(directory.path());
    client(&server, &cache).load_prompt(greeting()).await.expect("loaded");
    mood.set(HANGS);
    let wanted = greeting().timeout(Duration::from_millis(50));
    let held = client(&server, &cache).load_prompt(wanted).await.expect("a copy");
    assert_eq!(held.source(), LoadSource::Disk);

    // Nothing listens, so that not even the login succeeds.
    let nowhere = Config::default().app_url("http://127.0.0.1:9").api_key("secret-key");
    let nowhere = nowhere.prompt_cache(cache);
    let client = Client::new(nowhere).expect("a thread");
    let error = client.load_prompt(greeting()).await.expect_err("a copy of another server");
    let LoadError::NoCopy { what, source } = &error else { panic!("{error:?}") };
    assert_eq!(what, "prompt \"greeting\" of project \"my shop\"");
    assert!(matches!(source, ApiError::Unreachable { .. }));
}

#[tokio::test]
async fn refusals_and_absence_are_never_hidden_by_a_copy() {
    let (server, mood) = server();
    let client = server.client();
    client.load_prompt(greeting()).await.expect("loaded");
    client.load_prompt(LoadPrompt::by_id("i1")).await.expect("loaded");
    for status in [401, 403, 404, 400] {
        mood.set(status);
        let error = client.load_prompt(greeting()).await.expect_err("refused");
        assert!(matches!(error, LoadError::Api { .. }), "{status}: {error:?}");
        let error = client.load_prompt(LoadPrompt::by_id("i1")).await.expect_err("refused");
        match status {
            400 | 404 => assert!(matches!(error, LoadError::NotFound { .. }), "{error:?}"),
            _ => assert!(matches!(error, LoadError::Api { .. }), "{error:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_named_with_its_project_and_slug() {
    let objects = |objects: Value| {
        Server::start(move |path, _, _| {
            let is_named = path.starts_with("/v1/prompt?") || path.starts_with("/v1/function?");
            is_named.then(|| Answer::Json(200, "", json!({"objects": objects.clone()})))
        })
    };
    let none = objects(json!([]));
    let wanted = greeting().environment("production");
    let error = none.client().load_prompt(wanted).await.expect_err("none");
    let text = "prompt \"greeting\" of project \"my shop\" in environment \"production\" not found";
    assert_eq!(error.to_string(), text);
    let wanted = LoadParameters::in_project_id("p9", "answers").version("3");
    let error = none.client().load_parameters(wanted).await.expect_err("none");
    let text =
        "parameters \"answers\" of the project with the id \"p9\" at version \"3\" not found";
    assert_eq!(error.to_string(), text);

    let two = objects(json!([row("i1", "a"), row("i2", "b")]));
    let error = two.client().load_prompt(greeting()).await.expect_err("two");
    assert!(matches!(error, LoadError::Several { count: 2, .. }), "{error:?}");
    let odd = objects(json!([{"id": "i1"}]));
    let error = odd.client().load_prompt(greeting()).await.expect_err("no prompt");
    assert!(matches!(error, LoadError::Malformed { .. }), "{error:?}");
    let odd = objects(json!({"not": "a list"}));
    let error = odd.client().load_prompt(greeting()).await.expect_err("no list");
    let LoadError::Api { source: ApiError::Decode { .. }, .. } = error else { panic!("{error:?}") };
}

#[tokio::test]
async fn versions_and_environments_have_copies_of_their_own() {
    let (server, mood) = server();
    let directory = tempfile::tempdir().expect("a directory");
    let cache = kept_in(directory.path());
    let loaded = client(&server, &cache);
    let by_id = || LoadPrompt::by_id("i1");
    let all = || {
        [
            greeting().version("7"),
            greeting().environment("e"),
            by_id().version("7"),
            by_id().environment("e"),
        ]
    };
    for wanted in all() {
        loaded.load_prompt(wanted).await.expect("loaded");
    }
    // A pinned version is asked for again, as in JavaScript.
    let before = asked(&server).len();
    loaded.load_prompt(greeting().version("7")).await.expect("loaded");
    assert_eq!(asked(&server).len(), before + 1);
    mood.set(503);
    for client in [&loaded, &client(&server, &cache)] {
        for wanted in all() {
            client.load_prompt(wanted).await.expect("a copy");
        }
        for wanted in [greeting(), by_id(), greeting().version("8"), greeting().environment("f")] {
            let error = client.load_prompt(wanted).await.expect_err("another version");
            assert!(matches!(error, LoadError::NoCopy { .. }), "{error:?}");
        }
    }
}

#[tokio::test]
async fn copies_of_another_key_organisation_or_project_are_not_used() {
    let (server, mood) = server();
    let directory = tempfile::tempdir().expect("a directory");
    let cache = kept_in(directory.path());
    client(&server, &cache).load_prompt(greeting()).await.expect("loaded");
    mood.set(500);
    let other = |adapt: fn(Config) -> Config| {
        server.client_with(|config| adapt(config.prompt_cache(cache.clone())))
    };
    for client in
        [other(|config| config.api_key("another")), other(|config| config.org_name("second"))]
    {
        let error = client.load_prompt(greeting()).await.expect_err("not its copy");
        assert!(matches!(error, LoadError::NoCopy { .. }), "{error:?}");
    }
    let same = other(|config| config);
    for wanted in
        [LoadPrompt::new("other", "greeting"), LoadPrompt::new("my shop:greeting", "latest")]
    {
        same.load_prompt(wanted).await.expect_err("not that prompt");
    }
    same.load_prompt(greeting()).await.expect("a copy");
}

#[tokio::test]
async fn a_corrupt_file_is_a_miss_and_the_next_load_mends_it() {
    let (server, mood) = server();
    let directory = tempfile::tempdir().expect("a directory");
    let cache = kept_in(directory.path()).location(CacheLocation::Disk);
    let client = client(&server, &cache);
    client.load_prompt(greeting()).await.expect("loaded");
    let file = only_file(directory.path());
    let good = fs::read(&file).expect("read");
    let packed = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, text.as_bytes()).expect("packed");
        encoder.finish().expect("packed")
    };
    let other = json!({"value": {"metadata": {"slug": "other"}}}).to_string();
    let broken: [Vec<u8>; 7] = [
        Vec::new(),
        b"not gzip".to_vec(),
        good[..good.len() / 2].to_vec(),
        packed("{"),
        packed("null"),
        packed("{\"value\": {\"metadata\": 7}}"),
        packed(&other),
    ];
    for bytes in broken {
        mood.set(500);
        fs::write(&file, &bytes).expect("written");
        let error = client.load_prompt(greeting()).await.expect_err("no copy");
        assert!(matches!(error, LoadError::NoCopy { .. }), "{error:?}");
        mood.set(0);
        client.load_prompt(greeting()).await.expect("loaded");
        mood.set(500);
        let held = client.load_prompt(greeting()).await.expect("a copy");
        assert_eq!(held.source(), LoadSource::Disk);
    }
}

fn only_file(directory: &Path) -> PathBuf {
    let mut files = fs::read_dir(directory).expect("a directory");
    let file = files.next().expect("one").expect("readable").path();
    assert!(files.next().is_none());
    file
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_fails_no_load() {
    let (server, mood) = server();
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("a file");
    fs::write(&file, "").expect("written");
    let client = client(&server, &kept_in(&file.join("below")));
    client.load_prompt(greeting()).await.expect("loaded");
    mood.set(500);
    let held = client.load_prompt(greeting()).await.expect("a copy");
    assert_eq!(held.source(), LoadSource::Memory);
}

#[tokio::test]
async fn the_location_says_which_copies_there_are() {
    let (server, mood) = server();
    for (location, expected) in [
        (CacheLocation::Mixed, Some(LoadSource::Memory)),
        (CacheLocation::Memory, Some(LoadSource::Memory)),
        (CacheLocation::Disk, Some(LoadSource::Disk)),
        (CacheLocation::None, None),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let client = client(&server, &kept_in(directory.path()).location(location));
        mood.set(0);
        client.load_prompt(greeting()).await.expect("loaded");
        let files = fs::read_dir(directory.path()).expect("a directory").count();
        let on_disk = matches!(location, CacheLocation::Mixed | CacheLocation::Disk);
        assert_eq!(files, usize::from(on_disk), "{location:?}");
        mood.set(500);
        match client.load_prompt(greeting()).await {
            Ok(held) => assert_eq!(Some(held.source()), expected),
            Err(LoadError::Api { .. }) => assert_eq!(expected, None),
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[tokio::test]
async fn an_unchanged_prompt_is_written_once() {
    let (server, _) = server();
    let directory = tempfile::tempdir().expect("a directory");
    let client = client(&server, &kept_in(directory.path()));
    client.load_prompt(greeting()).await.expect("loaded");
    let file = only_file(directory.path());
    fs::write(&file, "seen").expect("written");
    client.load_prompt(greeting()).await.expect("loaded");
    assert_eq!(fs::read(&file).expect("read"), b"seen");
}

#[tokio::test]
async fn loads_at_the_same_time_are_all_answered() {
    let (server, mood) = server();
    let directory = tempfile::tempdir().expect("a directory");
    let cache = kept_in(directory.path());
    for mood_now in [0, 500] {
        mood.set(mood_now);
        let clients = [client(&server, &cache), client(&server, &cache)];
        let mut loads = tokio::task::JoinSet::new();
        for n in 0..40 {
            let client = clients[n % 2].clone();
            loads.spawn(async move { client.load_prompt(greeting()).await.map(|p| says(&p)) });
        }
        while let Some(load) = loads.join_next().await {
            assert_eq!(load.expect("no panic").expect("loaded"), "Hello, Ada");
        }
    }
    only_file(directory.path());
}

#[tokio::test]
async fn files_of_the_javascript_package_are_read() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/prompts");
    let described = fs::read(fixtures.join("disk.json")).expect("the description");
    let described: Value = serde_json::from_slice(&described).expect("JSON");
    // Reading sets the times of files, so not in place.
    let directory = tempfile::tempdir().expect("a directory");
    for file in fs::read_dir(fixtures.join("disk")).expect("the files") {
        let file = file.expect("a file");
        fs::copy(file.path(), directory.path().join(file.file_name())).expect("copied");
    }
    let cache = kept_in(directory.path());
    let config = Config::default().app_url("http://127.0.0.1:9").api_key("secret-key");
    let config = config.prompt_cache(cache.clone()).parameters_cache(cache);
    let client = Client::new(config.clone()).expect("a thread");
    let id = described["prompt"]["id"].as_str().expect("an id");
    let project_id = described["prompt"]["project_id"].as_str().expect("an id");
    for wanted in [
        LoadPrompt::new("shop", "greeting"),
        LoadPrompt::by_id(id),
        LoadPrompt::in_project_id(project_id, "greeting").version("1000"),
    ] {
        let prompt = client.load_prompt(wanted).await.expect("a copy");
        assert_eq!(prompt.source(), LoadSource::Disk);
        assert_eq!(Value::Object(prompt.row().clone()), described["prompt"]);
        let built = prompt.build(&json!({"name": "Ada"})).expect("built");
        assert_eq!(built.messages()[0]["content"], "Hello, Ada");
    }
    let named = Client::new(config.org_name("first")).expect("a thread");
    named.load_prompt(LoadPrompt::new("shop", "greeting")).await.expect("a copy");
    let parameters = client.load_parameters(LoadParameters::new("shop", "greeting")).await;
    let values = parameters.expect("a copy").values().expect("valid");
    assert_eq!(values, Map::from_iter([("temperature".to_owned(), json!(0.5))]));
}
