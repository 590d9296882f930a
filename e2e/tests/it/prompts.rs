//! Prompts and parameters across SDKs: a server that fails is stood in for by files that the
//! other one wrote.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tidegate_client::{CacheOptions, Client, Config, LoadParameters, LoadPrompt, LoadSource};
use tidegate_testkit::{Answer, ScriptedServer, run};

use crate::clients::{DEADLINE, javascript};

const ID: &str = "00000000-0000-4000-8000-000000000001";
const PROJECT: &str = "00000000-0000-4000-8000-000000000002";

/// A server with a prompt and parameters, which fails from the moment that the flag says so.
fn server() -> (ScriptedServer, Arc<AtomicBool>) {
    let fails = Arc::new(AtomicBool::new(false));
    let shared = Arc::clone(&fails);
    let server = ScriptedServer::start(move |_, request| {
        let host = request.headers.iter().find_map(|line| line.strip_prefix("host: "));
        let url = format!("http://{}", host.expect("a host"));
        let row = |slug: &str| {
            json!({
                "id": ID, "project_id": PROJECT, "org_id": PROJECT, "_xact_id": "1000",
                "name": slug, "slug": slug,
            })
        };
        let path = request.line.split([' ', '?']).nth(1);
        let mut object = match path.expect("a path") {
            "/api/apikey/login" => {
                let org = json!({"id": "o1", "name": "one", "api_url": url, "proxy_url": url});
                return Answer::json(&json!({ "org_info": [org] }));
            }
            _ if shared.load(Ordering::SeqCst) => {
                return Answer::Text(503, String::new(), "{\"error\": \"busy\"}".into());
            }
            "/v1/prompt" => row("greeting"),
            "/v1/function" => row("answers"),
            _ => return Answer::json(&json!({})),
        };
        if object["slug"] == "greeting" {
            let messages = json!([{"role": "user", "content": "Hello, {{name}}"}]);
            object["log_id"] = "p".into();
            object["prompt_data"] = json!({
                "prompt": {"type": "chat", "messages": messages}, "options": {"model": "m"},
            });
        } else {
            object["function_type"] = "parameters".into();
            object["function_data"] =
                json!({"type": "parameters", "data": {"a": 1}, "__schema": {"type": "object"}});
        }
        Answer::json(&json!({ "objects": [object] }))
    });
    (server, fails)
}

/// What the published package makes of it.
fn theirs(server: &ScriptedServer, directory: &Path) -> Value {
    let mut command = javascript("3.35.0", "load_prompt.mjs");
    for name in ["BRAINTRUST_API_URL", "BRAINTRUST_ORG_NAME", "BRAINTRUST_CACHE_LOCATION"] {
        command.env_remove(name);
    }
    command
        .env("BRAINTRUST_APP_URL", server.url())
        .env("BRAINTRUST_API_KEY", "any")
        .env("BRAINTRUST_PROMPT_CACHE_DIR", directory)
        .env("BRAINTRUST_PARAMETERS_CACHE_DIR", directory);
    let finished = run(&mut command, DEADLINE).success();
    serde_json::from_str(finished.stdout.trim()).expect("JSON")
}

/// What ours makes of it, and where it had it from.
async fn ours(server: &ScriptedServer, directory: &Path) -> (Value, LoadSource) {
    let cache = CacheOptions::new().directory(directory.to_owned());
    let config = Config::default().app_url(server.url()).api_key("any");
    let config = config.prompt_cache(cache.clone()).parameters_cache(cache);
    let client = Client::new(config).expect("a client");
    let prompt = client.load_prompt(LoadPrompt::new("shop", "greeting")).await.expect("a prompt");
    let parameters = client.load_parameters(LoadParameters::new("shop", "answers")).await;
    let parameters = parameters.expect("parameters");
    assert_eq!(prompt.source(), parameters.source());
    let built = prompt.build(&json!({"name": "Ada"})).expect("built");
    let made = json!({
        "messages": built.messages(),
        "prompt": built.span_metadata().expect("traced")["prompt"],
        "data": parameters.data(),
    });
    (made, prompt.source())
}

#[tokio::test]
async fn copies_on_the_disk_are_shared_with_javascript() {
    let expected = json!({
        "messages": [{"role": "user", "content": "Hello, Ada"}],
        "prompt": {"variables": {"name": "Ada"}, "id": ID, "project_id": PROJECT, "version": "1000"},
        "data": {"a": 1},
    });
    let (server, fails) = server();
    let (by_us, by_them) =
        (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    assert_eq!(ours(&server, by_us.path()).await, (expected.clone(), LoadSource::Server));
    assert_eq!(theirs(&server, by_them.path()), expected);
    fails.store(true, Ordering::SeqCst);
    assert_eq!(theirs(&server, by_us.path()), expected);
    assert_eq!(ours(&server, by_them.path()).await, (expected, LoadSource::Disk));
}
