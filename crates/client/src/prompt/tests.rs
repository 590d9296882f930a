use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::*;

const BUILDS: &str = include_str!("../../tests/fixtures/prompts/builds.json");

#[derive(Deserialize)]
struct Recorded {
    cases: Vec<Case>,
}

/// A prompt, and what the npm package made of it.
#[derive(Deserialize)]
struct Case {
    name: String,
    data: Value,
    variables: Value,
    options: Given,
    defaults: Map<String, Value>,
    built: Option<Value>,
    error: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Given {
    strict: bool,
    messages: Vec<Value>,
    template_format: Option<String>,
}

impl Given {
    fn options(self) -> BuildOptions {
        let options = BuildOptions::new().strict(self.strict).messages(self.messages);
        match self.template_format.as_deref() {
            None => options,
            Some("none") => options.template_format(TemplateFormat::None),
            Some(other) => panic!("no such format in the table: {other}"),
        }
    }
}

fn prompt(data: Value) -> Prompt {
    Prompt::from_prompt_data("p", data)
}

fn chat(content: &Value) -> Prompt {
    prompt(json!({
        "prompt": {"type": "chat", "messages": [{"role": "user", "content": content}]},
        "options": {"model": "m"},
    }))
}

#[test]
fn prompts_are_built_as_javascript_builds_them() {
    let recorded: Recorded = serde_json::from_str(BUILDS).expect("the table");
    assert!(recorded.cases.len() > 90);
    for case in recorded.cases {
        let mut prompt = prompt(case.data);
        prompt.defaults = case.defaults;
        let built = prompt.build_with(&case.variables, case.options.options());
        match (built, case.built, case.error) {
            (Ok(built), Some(expected), None) => {
                assert_eq!(Value::Object(built.request()), expected, "{}", case.name);
            }
            (Err(_), None, Some(_)) => {}
            (built, ..) => panic!("{}: {built:?}, other than there", case.name),
        }
    }
}

#[test]
fn a_span_says_which_prompt_and_which_variables() {
    let row = json!({
        "id": "i", "project_id": "pr", "_xact_id": "7", "slug": "s", "name": "n",
        "prompt_data": {"prompt": {"type": "completion", "content": "{{x}}"},
            "options": {"model": "m", "params": {"temperature": 1}}},
    });
    let Value::Object(row) = row else { unreachable!("it is one") };
    let (defaults, source) = (Map::new(), LoadSource::Server);
    let mut prompt = Prompt { row, defaults, no_trace: false, source };
    let built = prompt.build(&json!({"x": [1]})).expect("built");
    let metadata = Value::Object(built.span_metadata().expect("traced").clone());
    let expected = json!({"variables": {"x": [1]}, "id": "i", "project_id": "pr", "version": "7"});
    assert_eq!(metadata, json!({ "prompt": expected }));
    assert!(!built.event().is_empty());
    assert_eq!((built.prompt(), built.messages(), built.tools()), (Some("[1]"), &[][..], None));
    let request = json!({"model": "m", "temperature": 1, "prompt": "[1]"});
    assert_eq!(Value::Object(built.request()), request, "and nothing of the span");

    prompt.no_trace = true;
    let built = prompt.build(&json!({"x": 1})).expect("built");
    assert!(built.span_metadata().is_none() && built.event().is_empty());
    // One that belongs to no server has nothing to say.
    let built = chat(&json!("x")).build(&json!({})).expect("built");
    assert_eq!(built.span_metadata(), Some(&Map::new()));
}

#[test]
fn an_inline_attachment_is_its_address_and_another_one_an_error() {
    let inline = json!({"type": "inline_attachment", "src": "data:image/png;base64,AA=="});
    let stored = json!({"type": "braintrust_attachment", "filename": "a.png",
        "content_type": "image/png", "key": "k"});
    let image = |url: &str| json!([{"type": "image_url", "image_url": {"url": url}}]);
    let one = chat(&image("{{i}}"));
    let built = one.build(&json!({ "i": inline })).expect("built");
    assert_eq!(built.messages()[0]["content"], image("data:image/png;base64,AA=="));
    let error = one.build(&json!({ "i": stored })).expect_err("not an address");
    let text = "messages[0].content[0].image_url.url: the attachment \"a.png\" is only a reference";
    assert_eq!(error.to_string(), text);

    let built = one.build(&json!({"i": [inline, "https://x.test/1.png"]})).expect("built");
    let urls: Vec<_> = built.messages()[0]["content"].as_array().expect("parts").iter().collect();
    assert_eq!(urls.len(), 2);
    assert_eq!(urls[0], &image("data:image/png;base64,AA==")[0]);
    one.build(&json!({"i": [inline, stored]})).expect_err("not an address");

    // Written into the prompt itself.
    let own = chat(&json!([{"type": "image_url", "image_url": {"url": inline}}]));
    let built = own.build(&json!({})).expect("built");
    assert_eq!(built.messages()[0]["content"], image("data:image/png;base64,AA=="));
    let file = chat(&json!([{"type": "file", "file": {"file_data": "{{f}}"}}]));
    file.build(&json!({ "f": stored })).expect_err("not its bytes");
}

#[test]
fn parts_of_the_wrong_kind_are_named() {
    let place = |prompt: Prompt| prompt.build(&json!({})).expect_err("wrong").to_string();
    let of = |content| place(chat(&content));
    assert_eq!(of(json!(7)), "messages[0].content: expected a text or a list of parts");
    assert_eq!(of(json!(["x"])), "messages[0].content[0]: expected an object");
    let text = json!([{"type": "text", "text": 1}]);
    assert_eq!(of(text), "messages[0].content[0].text: expected a text");
    let image = json!([{"type": "image_url"}]);
    assert_eq!(of(image), "messages[0].content[0].image_url: expected an object");
    let wrong = json!({"prompt": {"type": "poem"}, "options": {"model": "m"}});
    assert_eq!(place(prompt(wrong)), "prompt.type: expected \"chat\" or \"completion\"");
    assert_eq!(place(prompt(Value::Null)), "the prompt names no model");
    let model = json!({"prompt": {"type": "completion", "content": ""}, "options": {"model": 4}});
    assert_eq!(place(prompt(model)), "options.model: expected a text");
    let format = json!({"prompt": {"type": "completion", "content": ""},
        "options": {"model": "m"}, "template_format": "nunjucks"});
    let error = place(prompt(format));
    assert_eq!(error, "templates of the format \"nunjucks\" are not supported");
}

#[test]
fn a_schema_that_is_nested_too_deep_is_an_error() {
    let mut schema = json!("{{x}}");
    for _ in 0..100 {
        schema = json!({ "a": schema });
    }
    let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
    let prompt = prompt(json!({
        "prompt": {"type": "chat", "messages": []},
        "options": {"model": "m", "params": {"response_format": format}},
    }));
    let error = prompt.build(&json!({})).expect_err("too deep").to_string();
    assert!(error.ends_with("expected less nesting"), "{error}");
}
