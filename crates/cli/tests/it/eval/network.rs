//! Tasks and scorers over the network: HTTP endpoints, chat models, judges.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tidegate_testkit::{Answer, Request, ScriptedServer, run};

use super::support::Folder;

const KEY: &str = "sk-very-secret-0123456789";

fn reply(text: &str) -> Answer {
    Answer::json(&json!({
        "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5},
    }))
}

fn choice(choice: &str) -> Answer {
    let arguments = json!({"reasons": "because", "choice": choice}).to_string();
    Answer::json(&json!({
        "choices": [{"message": {"tool_calls": [{"function": {"name": "select_choice", "arguments": arguments}}]}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10},
    }))
}

fn http(server: &ScriptedServer, rest: &str) -> Folder {
    let url = server.url();
    let toml = format!("project = \"p\"\ntask.url = \"{url}/ask?v=1\"\n{rest}");
    Folder::with(&[("eval.toml", &toml)])
}

#[test]
fn an_endpoint_gets_the_case_and_its_answer_is_cut_out() {
    let server = ScriptedServer::start(|_, request| {
        Answer::json(&json!({"answer": {"text": request.body["question"]["q"]}}))
    });
    let rest = "task.output = \"/answer/text\"\ntask.headers = {x-app = \"me\"}\n\
        task.body = {question = \"{{input}}\", text = \"is {{input.q}}?\"}\n\
        task.headers_from_env = {Authorization = \"TOKEN\"}\n[[cases]]\ninput = {q = \"why\"}\n";
    let folder = http(&server, rest);
    let mut command = folder.command(&["eval.toml", "--jsonl", "--no-send-logs"]);
    let finished = run(command.env("TOKEN", KEY), std::time::Duration::from_secs(60)).success();
    let trial: Value = serde_json::from_str(&finished.stdout).expect("JSON");
    assert_eq!(trial["output"], "why");
    let [Request { line, headers, body }] = &server.requests()[..] else { panic!("one request") };
    assert_eq!(line, "POST /ask?v=1");
    assert_eq!(*body, json!({"question": {"q": "why"}, "text": "is why?"}));
    for wanted in ["x-app: me".to_owned(), format!("authorization: {KEY}")] {
        assert!(
            headers.iter().any(|header| header.to_lowercase() == wanted.to_lowercase()),
            "{headers:?}"
        );
    }
}

#[test]
fn values_of_variables_are_not_repeated() {
    let server =
        ScriptedServer::start(|_, _| Answer::Text(400, String::new(), format!("bad {KEY}")));
    let rest = "task.headers_from_env = {Authorization = \"TOKEN\"}\ncases = [{input = 1}]\n";
    let folder = http(&server, rest);
    let mut command = folder.command(&["eval.toml", "--jsonl", "--no-send-logs"]);
    let finished = run(command.env("TOKEN", KEY), std::time::Duration::from_secs(60));
    assert!(finished.stdout.contains("answered 400: bad [secret]"), "{}", finished.stdout);
    assert!(!finished.stderr.contains(KEY));
}

#[test]
fn without_a_body_the_case_is_sent_and_get_has_a_query() {
    let server =
        ScriptedServer::start(|_, _| Answer::Text(200, String::new(), "plain text\n".into()));
    let (code, trials) =
        http(&server, "[[cases]]\ninput = \"a\"\nid = \"x\"\nexpected = 1\n").trials(&[]);
    assert_eq!((code, &trials[0]["output"]), (0, &"plain text".into()));
    assert_eq!(server.requests()[0].body, json!({"input": "a", "id": "x", "trial": 0}));
    let rest =
        "task.method = \"GET\"\ntask.query = {q = \"{{input}}\"}\n[[cases]]\ninput = \"a & b\"\n";
    assert_eq!(http(&server, rest).trials(&[]).0, 0);
    assert_eq!(server.requests()[1].line, "GET /ask?v=1&q=a+%26+b");
}

#[test]
fn a_busy_endpoint_is_asked_again_when_it_wants_to_be() {
    let server = ScriptedServer::start(|number, _| match number {
        0 => Answer::Text(429, "retry-after: 1\r\n".into(), "slow down".into()),
        1 => Answer::Close,
        _ => Answer::json(&json!("done")),
    });
    let (code, trials) = http(&server, "cases = [{input = 1}]\n").trials(&[]);
    assert_eq!((code, &trials[0]["output"]), (0, &"done".into()), "{trials:#?}");
    assert_eq!(trials[0]["metadata"]["attempts"], 3);
    assert!(trials[0]["metrics"]["duration"].as_f64().is_some_and(|seconds| seconds >= 1.0));
    // Not more often than allowed, and nothing else is tried again.
    let busy = ScriptedServer::start(|_, _| Answer::Text(503, String::new(), "x".into()));
    let (code, _) = http(&busy, "task.retries = 0\ncases = [{input = 1}]\n").trials(&[]);
    assert_eq!((code, busy.requests().len()), (3, 1));
    let refusing =
        ScriptedServer::start(|_, _| Answer::Text(400, String::new(), "no such thing".into()));
    let (code, trials) = http(&refusing, "cases = [{input = 1}]\n").trials(&[]);
    assert_eq!((code, refusing.requests().len()), (3, 1));
    assert!(
        trials[0]["error"].as_str().is_some_and(|e| e.ends_with("answered 400: no such thing"))
    );
}

#[test]
fn adaptive_concurrency_finds_what_an_endpoint_allows() {
    const ALLOWED: usize = 3;
    let running = AtomicUsize::new(0);
    let refused = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&refused);
    let server = ScriptedServer::start(move |_, request| {
        let before = running.fetch_add(1, Ordering::SeqCst);
        // Long enough for others to come meanwhile.
        std::thread::park_timeout(std::time::Duration::from_millis(15));
        running.fetch_sub(1, Ordering::SeqCst);
        if before < ALLOWED {
            return Answer::json(&request.body["input"]);
        }
        counted.fetch_add(1, Ordering::SeqCst);
        Answer::Text(429, String::new(), "too many at once".into())
    });
    let cases: String = (0..150).map(|n| format!("[[cases]]\ninput = {n}\n")).collect();
    let rest = format!("task.retries = 20\nrun.adaptive_concurrency = [1, 40]\n{cases}");
    let (code, evaluations) = http(&server, &rest).json(&[]);
    assert_eq!((code, &evaluations[0]["task_errors"]), (0, &0.into()), "{evaluations:#?}");
    let concurrency = &evaluations[0]["concurrency"];
    let refused = refused.load(Ordering::SeqCst);
    assert!(refused > 0 && concurrency["cuts"].as_u64() > Some(0), "{concurrency}");
    // It never got near 40: each step above the limit was answered by a cut.
    let highest = concurrency["highest"].as_u64().expect("a number");
    assert!((ALLOWED as u64..20).contains(&highest), "{concurrency}");
    // A fixed number on the command line wins.
    let (_, fixed) = http(&server, &rest).json(&["--max-concurrency", "2"]);
    assert_eq!(fixed[0]["concurrency"], Value::Null);
}

#[test]
fn endpoints_that_hang_or_answer_otherwise_fail_their_case() {
    let server = ScriptedServer::start(|_, request| match request.body["input"].as_str() {
        Some("hang") => Answer::Hang,
        Some("other") => Answer::json(&json!({"x": 1})),
        _ => Answer::json(&json!({"a": 1})),
    });
    let rest = "task.output = \"/a\"\ntask.timeout = \"5s\"\ntask.retries = 0\n\
        cases = [{input = \"good\"}, {input = \"hang\"}, {input = \"other\"}]\n";
    let (_, trials) = http(&server, rest).trials(&[]);
    let error = |n: usize| trials[n]["error"].as_str().unwrap_or_default();
    assert_eq!(trials[0]["output"], 1);
    assert!(
        error(1).contains("cannot reach http://127.0.0.1") && error(1).contains("timed out"),
        "{}",
        error(1)
    );
    assert!(error(2).contains("has no /a: {\"x\":1}"), "{}", error(2));
}

#[test]
fn list_prices_make_the_cost_unless_the_file_has_its_own() {
    let server = ScriptedServer::start(|_, _| reply("yes"));
    let toml = format!(
        "project = \"p\"\nprices.gpt-4o = {{input_per_million = 1e6, output_per_million = 0}}\n\
         [task]\nbase_url = \"{}/v1\"\napi_key_env = \"KEY\"\nprompt = \"{{{{input}}}}\"\n\
         [matrix]\nmodel = [\"gpt-4o\", \"gpt-4o-mini-2024-07-18\", \"unknown\"]\n[[cases]]\ninput = \"x\"\n",
        server.url()
    );
    let folder = Folder::with(&[("eval.toml", &toml)]);
    let mut command = folder.command(&["eval.toml", "--json", "--no-send-logs"]);
    let finished = run(command.env("KEY", KEY), std::time::Duration::from_secs(60)).success();
    let value: Value = serde_json::from_str(&finished.stdout).expect("JSON");
    let cost = |n: usize| value["evaluations"][n]["metrics"]["estimated_cost"]["metric"].as_f64();
    assert_eq!((cost(0), cost(2)), (Some(10.0), None));
    // 10 tokens of the request at 0.15 and 5 of the answer at 0.6 for a million.
    let listed = cost(1).expect("a cost");
    assert!((listed - 4.5e-6).abs() < 1e-12, "{listed}");
}

#[test]
fn a_chat_fills_its_prompts_and_runs_for_each_model_and_prompt() {
    let server = ScriptedServer::start(|_, request| {
        let messages = request.body["messages"].as_array().expect("messages");
        let last = messages.last().expect("one")["content"].as_str().expect("a text");
        reply(&format!("{}: {last}", request.body["model"].as_str().expect("a model")))
    });
    let toml = format!(
        "project = \"p\"\nprices.small = {{input_per_million = 1e6, output_per_million = 0}}\n\
         [task]\nbase_url = \"{}/v1\"\nsystem = \"Be {{{{parameters.tone}}}}.\"\nmax_tokens = 50\napi_key_env = \"KEY\"\n\
         [matrix]\nmodel = [\"small\", \"large\"]\nprompt = [\"one.txt\", \"Why {{{{input.q}}}}?\"]\ntone = [\"kind\"]\n\
         [[cases]]\ninput = {{q = \"not\"}}\n",
        server.url()
    );
    let folder = Folder::with(&[("eval.toml", &toml), ("one.txt", "File {{input.q}}")]);
    let arguments = ["eval.toml", "--json", "--data-dir", "data"];
    let mut command = folder.command(&arguments);
    let finished = run(command.env("KEY", KEY), std::time::Duration::from_secs(60)).success();
    let value: Value = serde_json::from_str(&finished.stdout).expect("JSON");
    let evaluations = value["evaluations"].as_array().expect("an array");
    let names: Vec<&str> =
        evaluations.iter().filter_map(|e| e["experiment"]["name"].as_str()).collect();
    assert_eq!(names[0], "model=small, prompt=one.txt, tone=kind");
    assert_eq!(names.len(), 4);
    // 10 tokens at a million per million.
    assert_eq!(
        evaluations[0]["metrics"]["estimated_cost"]["metric"], 10.0,
        "{:#}",
        evaluations[0]["metrics"]
    );
    assert_eq!(evaluations[0]["metrics"]["tokens"]["metric"], 15.0);
    let requests = server.requests();
    let asked: Vec<(&Value, &Value)> =
        requests.iter().map(|r| (&r.body["model"], &r.body["messages"][1]["content"])).collect();
    assert_eq!(asked[0], (&"small".into(), &"File not".into()));
    assert_eq!(asked[3], (&"large".into(), &"Why not?".into()));
    assert_eq!(requests[0].line, "POST /v1/chat/completions");
    assert_eq!(requests[0].body["messages"][0], json!({"role": "system", "content": "Be kind."}));
    assert_eq!(
        (&requests[0].body["max_tokens"], requests[0].body.get("temperature")),
        (&50.into(), None)
    );
    assert!(requests[0].headers.contains(&format!("authorization: Bearer {KEY}")));
    // The key is needed before anything is asked.
    let finished = folder.eval(&arguments);
    assert_eq!(finished.status.code(), Some(2));
    assert!(
        finished.stderr.contains("eval.toml:7:15: the variable KEY is not set"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_chat_that_is_refused_says_why_without_the_key() {
    let server = ScriptedServer::start(|number, _| match number {
        0 => Answer::Text(429, "retry-after-ms: 10\r\n".into(), "{}".into()),
        _ => Answer::Text(
            400,
            String::new(),
            json!({"error": {"message": format!("bad {KEY}")}}).to_string(),
        ),
    });
    let toml = "project = \"p\"\n[task]\nmodel = \"m\"\nprompt = \"{{input}}\"\n[[cases]]\ninput = \"a\"\n\
        [[cases]]\ninput = {}\n";
    let folder = Folder::with(&[("eval.toml", toml)]);
    let mut command =
        folder.command(&["eval.toml", "--jsonl", "--no-send-logs", "--max-concurrency", "1"]);
    command.env("OPENAI_BASE_URL", format!("{}/v1", server.url())).env("OPENAI_API_KEY", KEY);
    let finished = run(&mut command, std::time::Duration::from_secs(60));
    assert_eq!(finished.status.code(), Some(3));
    assert!(finished.stdout.contains("answered 400: bad [key]"), "{}", finished.stdout);
    assert!(!finished.stdout.contains(KEY) && !finished.stderr.contains(KEY));
    assert_eq!(server.requests().len(), 3, "the first one twice");
}

#[test]
fn judges_score_with_the_model_of_the_file() {
    let server = ScriptedServer::start(|_, request| {
        let prompt = request.body["messages"][0]["content"].as_str().unwrap_or_default();
        match () {
            () if request.line.ends_with("/embeddings") => Answer::json(&json!({"data": [
                {"index": 0, "embedding": [1.0, 0.0]}, {"index": 1, "embedding": [1.0, 0.0]},
            ]})),
            () if prompt.contains("How loud") => {
                choice(if prompt.contains("in Ada's words") { "loud" } else { "soft" })
            }
            () if prompt.contains("must be short") => choice("Y"),
            // The first of two answers, whichever it is.
            () if request.body["tools"][0].to_string().contains("\"tie\"") => choice("1"),
            () => choice("C"),
        }
    });
    let toml = format!(
        "project = \"p\"\ntask = {{command = [\"cat\"], stdin = \"input\"}}\n[judge]\nmodel = \"m\"\nbase_url = \"{}/v1\"\n\
         [[scorers]]\ntype = \"factuality\"\n\
         [[scorers]]\ntype = \"closed_qa\"\nvariables = {{criteria = \"{{{{metadata.rule}}}} be short\"}}\n\
         [[scorers]]\ntype = \"embedding_similarity\"\nmodel = \"e\"\n\
         [[scorers]]\ntype = \"pairwise\"\n\
         [[scorers]]\ntype = \"llm_classifier\"\nname = \"loudness\"\nprompt = \"How loud is {{{{output}}}} in {{{{who}}}} words?\"\n\
         choices = {{loud = 1, soft = 0.25}}\nvariables = {{who = \"Ada's\"}}\n\
         [[cases]]\ninput = \"LOUD\"\nexpected = \"x\"\nmetadata = {{rule = \"must\"}}\n\
         [[cases]]\ninput = \"none\"\nmetadata = {{rule = \"must\"}}\n",
        server.url()
    );
    let folder = Folder::with(&[("eval.toml", &toml)]);
    let (code, trials) = folder.trials(&[]);
    assert_eq!(code, 0);
    let scores = &trials[0]["scores"];
    let wanted = json!({"factuality": 1.0, "closed_qa": 1.0, "embedding_similarity": 1.0, "pairwise": 0.5, "loudness": 1.0});
    assert_eq!(*scores, wanted, "{:#}", trials[0]);
    // Without an expected value those that need one do not apply.
    let scores = &trials[1]["scores"];
    assert_eq!(
        (&scores["factuality"], &scores["pairwise"], &scores["closed_qa"]),
        (&Value::Null, &Value::Null, &1.0.into())
    );
}
