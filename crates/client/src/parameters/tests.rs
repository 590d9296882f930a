use serde_json::json;

use super::*;

fn parameters(data: &Value, schema: &Value) -> Parameters {
    let row = json!({"slug": "answers", "function_data": {"data": data, "__schema": schema}});
    let Value::Object(row) = row else { unreachable!("it is one") };
    Parameters { row, source: LoadSource::Server }
}

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["model", "limits"],
        "properties": {
            "model": {"type": "string", "x-bt-type": "model", "default": "small"},
            "temperature": {"type": "number", "default": 0.2},
            "tries": {"type": "integer"},
            "mode": {"enum": ["fast", "slow"], "default": "fast"},
            "note": {"type": ["string", "null"]},
            "limits": {"type": "object", "properties": {"tokens": {"type": "integer", "default": 9}}},
            "stops": {"type": "array", "items": {"type": "object", "required": ["text"],
                "properties": {"text": {"type": "string"}, "hard": {"default": false}}}},
        },
    })
}

#[test]
fn defaults_stand_in_for_what_is_not_set() {
    let data = json!({"temperature": 1, "limits": {}, "stops": [{"text": "a"}], "more": [1]});
    let stored = parameters(&data, &schema());
    let values = Value::Object(stored.values().expect("valid"));
    let expected = json!({
        "temperature": 1, "limits": {"tokens": 9}, "stops": [{"text": "a", "hard": false}],
        "more": [1], "model": "small", "mode": "fast",
    });
    assert_eq!(values, expected);
    let beating = Map::from_iter([("mode".to_owned(), json!("slow"))]);
    assert_eq!(stored.values_with(&beating).expect("valid")["mode"], "slow");

    #[derive(serde::Deserialize)]
    struct Read {
        model: String,
        temperature: f64,
    }
    let read: Read = stored.read().expect("of this type");
    assert_eq!((&*read.model, read.temperature), ("small", 1.0));
    assert!(matches!(stored.read::<Vec<u8>>(), Err(ParametersError::Read { .. })));
}

#[test]
fn every_value_of_a_wrong_type_is_named() {
    let data = json!({
        "model": 1, "temperature": "hot", "tries": 1.5, "mode": "idle", "note": {},
        "stops": [{}, {"text": null}],
    });
    let error = parameters(&data, &schema()).values().expect_err("invalid").to_string();
    for problem in [
        "model: expected string, found number",
        "temperature: expected number, found string",
        "tries: expected integer, found number",
        "mode: expected one of \"fast\", \"slow\"",
        "note: expected string or null, found object",
        "stops[0].text: is missing",
        "stops[1].text: expected string, found null",
        "limits: is missing",
    ] {
        assert!(error.contains(problem), "{problem} in {error}");
    }
    let fine = json!({"tries": 2.0, "note": null, "limits": {}});
    parameters(&fine, &schema()).values().expect("valid");
    parameters(&json!({"x": 1}), &json!({})).values().expect("nothing is said of it");

    let many: Map<String, Value> = (0..100).map(|n| (n.to_string(), json!(1))).collect();
    let all: Map<String, Value> =
        many.keys().map(|name| (name.clone(), json!({"type": "string"}))).collect();
    let error = parameters(&Value::Object(many), &json!({ "properties": all })).values();
    let Err(ParametersError::Invalid { problems, .. }) = error else { panic!("{error:?}") };
    assert_eq!(problems.len(), 16);
}

#[test]
fn a_value_may_be_a_prompt() {
    let data =
        json!({"prompt": {"type": "completion", "content": "{{x}}"}, "options": {"model": "m"}});
    let schema =
        json!({"properties": {"main": {"type": "object", "x-bt-type": "prompt"}, "o": {}}});
    let stored = parameters(&json!({"main": data, "o": data}), &schema);
    let built = stored.prompt("main").expect("a prompt").build(&json!({"x": 1})).expect("built");
    assert_eq!(built.prompt(), Some("1"));
    for name in ["o", "none"] {
        assert!(matches!(stored.prompt(name), Err(ParametersError::NoPrompt { .. })), "{name}");
    }
}
