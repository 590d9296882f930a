//! As much of JSON Schema as parameters are described with.

use serde_json::{Map, Value};

/// Deepest level that is looked at; JSON that was read has at most 128.
const MAX_DEPTH: usize = 64;
/// Most problems that are named.
const MAX_PROBLEMS: usize = 16;

/// Adds the defaults of what is missing, and says what does not fit.
pub(super) fn complete(
    values: &mut Map<String, Value>,
    schema: &Map<String, Value>,
) -> Vec<String> {
    let mut problems = Vec::new();
    members("", values, schema, MAX_DEPTH, &mut problems);
    problems
}

fn members(
    place: &str,
    values: &mut Map<String, Value>,
    schema: &Map<String, Value>,
    depth: usize,
    problems: &mut Vec<String>,
) {
    let Some(depth) = depth.checked_sub(1) else { return };
    let at = |name: &str| match place {
        "" => name.to_owned(),
        place => format!("{place}.{name}"),
    };
    for (name, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flatten()
    {
        if !values.contains_key(name)
            && let Some(default) = schema.get("default")
        {
            values.insert(name.clone(), default.clone());
        }
        if let (Some(value), Some(schema)) = (values.get_mut(name), schema.as_object()) {
            check(&at(name), value, schema, depth, problems);
        }
    }
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        if let Some(name) = name.as_str().filter(|name| !values.contains_key(*name)) {
            say(problems, format!("{}: is missing", at(name)));
        }
    }
}

fn check(
    place: &str,
    value: &mut Value,
    schema: &Map<String, Value>,
    depth: usize,
    problems: &mut Vec<String>,
) {
    let wanted = match schema.get("type") {
        Some(Value::String(name)) => vec![name.as_str()],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !wanted.is_empty() && !wanted.iter().any(|wanted| is_of(value, wanted)) {
        let found = type_of(value);
        return say(problems, format!("{place}: expected {}, found {found}", wanted.join(" or ")));
    }
    if let Some(Value::Array(allowed)) = schema.get("enum")
        && !allowed.contains(value)
    {
        let allowed: Vec<_> = allowed.iter().take(MAX_PROBLEMS).map(Value::to_string).collect();
        return say(problems, format!("{place}: expected one of {}", allowed.join(", ")));
    }
    match value {
        Value::Object(values) => members(place, values, schema, depth, problems),
        Value::Array(items) => {
            let schema = schema.get("items").and_then(Value::as_object);
            let (Some(schema), Some(depth)) = (schema, depth.checked_sub(1)) else { return };
            for (index, item) in items.iter_mut().enumerate() {
                check(&format!("{place}[{index}]"), item, schema, depth, problems);
            }
        }
        _ => {}
    }
}

fn say(problems: &mut Vec<String>, problem: String) {
    if problems.len() < MAX_PROBLEMS {
        problems.push(problem);
    }
}

fn is_of(value: &Value, wanted: &str) -> bool {
    match wanted {
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(is_whole),
        wanted => type_of(value) == wanted,
    }
}

/// `1.0` is an integer since the sixth draft.
fn is_whole(number: f64) -> bool {
    number.fract() == 0.0
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
