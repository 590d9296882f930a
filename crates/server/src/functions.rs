//! What a function is in Braintrust's sense: a prompt, parameters, a tool, a scorer. All of them are
//! definitions with a slug, told apart by `function_data.type`. Pure: no store, no HTTP.

use serde_json::{Map, Value, json};
use tidegate_model::XactId;

/// The type of a prompt.
pub(crate) const PROMPT: &str = "prompt";
/// The type of parameters, in `function_data` as in `function_type`.
pub(crate) const PARAMETERS: &str = "parameters";

/// Longest slug, name, type and id of a bundle, in bytes.
const TEXT_LIMIT_BYTES: usize = 1_024;
/// The most bytes of JSON that a version may have: what a request may bring, so that merging
/// cannot grow one without end.
pub(crate) const LIMIT_BYTES: usize = 4 << 20;

/// Members of a request that say where a definition goes and what becomes of it, and those that
/// only a server sets.
const NOT_KEPT: [&str; 14] = [
    "id",
    "_xact_id",
    "project_id",
    "project_name",
    "org_id",
    "org_name",
    "log_id",
    "created",
    "deleted_at",
    "if_exists",
    "environments",
    "environment_slugs",
    "version",
    "found_existing",
];

/// Members that readers look for, null where nothing was sent.
const ALWAYS_THERE: [&str; 8] = [
    "description",
    "prompt_data",
    "function_data",
    "function_schema",
    "function_type",
    "tags",
    "metadata",
    "origin",
];

/// What is wrong with a definition: a message for whoever sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Fault(String);

/// A tool that a prompt names by its slug, as a push does that does not know its id yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToolSlug {
    pub(crate) project_id: String,
    pub(crate) slug: String,
}

/// A complete definition, checked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Definition {
    pub(crate) slug: String,
    pub(crate) name: String,
    /// `function_data.type`.
    pub(crate) kind: String,
    pub(crate) function_type: Option<String>,
    /// Key of the upload with its code.
    pub(crate) bundle: Option<String>,
    /// In their order; readers want ids in their place.
    pub(crate) tools: Vec<ToolSlug>,
    /// JSON of an object with at least one member, without those that say where it is.
    pub(crate) text: String,
}

impl Definition {
    /// Checks what a request or a merge has made.
    ///
    /// # Errors
    /// The first fault, naming the member.
    pub(crate) fn of(mut members: Map<String, Value>) -> Result<Self, Fault> {
        members.retain(|name, _| !NOT_KEPT.contains(&name.as_str()));
        for name in ALWAYS_THERE {
            members.entry(name).or_insert(Value::Null);
        }
        let slug = filled(&members, "slug")?;
        let name = filled(&members, "name")?;
        check(members.get("description"), "description", "text", Value::is_string)?;
        for object in ["prompt_data", "function_schema", "metadata", "origin", "function_data"] {
            check(members.get(object), object, "an object", Value::is_object)?;
        }
        check(members.get("tags"), "tags", "a list of texts", |tags| {
            tags.as_array().is_some_and(|tags| tags.iter().all(Value::is_string))
        })?;
        let function_type = members.get("function_type");
        check(function_type, "function_type", "a short text", |text| short(text).is_some())?;
        let data = members.get("function_data").filter(|data| !data.is_null());
        let data = data.ok_or_else(|| Fault("\"function_data\" is missing".into()))?;
        let kind = short(&data["type"]).map(str::to_owned);
        let kind = kind.ok_or_else(|| Fault("\"function_data.type\" must be text".into()))?;
        let bundle = (data["data"]["type"] == "bundle").then(|| short(&data["data"]["bundle_id"]));
        let bundle = bundle.flatten().map(str::to_owned);
        if kind == PARAMETERS {
            // The clients refuse parameters without one.
            check(data.get("data"), "function_data.data", "an object", Value::is_object)?;
            if !data["__schema"].is_object() {
                let message = "\"function_data.__schema\" of parameters must be a JSON schema";
                return Err(Fault(message.into()));
            }
            let function_type = members.entry("function_type").or_insert(Value::Null);
            if function_type.is_null() {
                *function_type = PARAMETERS.into();
            }
        }
        let function_type = members.get("function_type").and_then(Value::as_str);
        let function_type = function_type.map(str::to_owned);
        let mut tools = Vec::new();
        for tool in tool_slugs(&mut members) {
            tools.push(named(tool).ok_or_else(|| {
                let message = "\"prompt_data.tool_functions\" of the type \"slug\" need a \
                               \"project_id\" and a \"slug\"";
                Fault(message.into())
            })?);
        }
        let text = Value::Object(members).to_string();
        Ok(Self { slug, name, kind, function_type, bundle, tools, text })
    }

    /// Puts ids where tools are named by slug, in the order of [`Definition::tools`].
    pub(crate) fn with_tools(mut self, ids: Vec<String>) -> Self {
        // Its own making, so it can be read.
        if let Ok(Value::Object(mut members)) = serde_json::from_str(&self.text) {
            for (tool, id) in tool_slugs(&mut members).into_iter().zip(ids) {
                *tool = json!({"type": "function", "id": id});
            }
            self.text = Value::Object(members).to_string();
            self.tools.clear();
        }
        self
    }

    /// Checks a prompt, which need not say that it is one.
    ///
    /// # Errors
    /// As [`Definition::of`], and for anything but a prompt.
    pub(crate) fn prompt(mut members: Map<String, Value>) -> Result<Self, Fault> {
        let data = members.entry("function_data").or_insert(Value::Null);
        if data.is_null() {
            *data = json!({"type": PROMPT});
        }
        let prompt = Self::of(members)?;
        if prompt.kind != PROMPT {
            let message = "\"function_data.type\" of a prompt is \"prompt\"; for anything else use \
                           /v1/function";
            return Err(Fault(message.into()));
        }
        Ok(prompt)
    }
}

/// Turns a short form of a transaction id back into it; see [`version`].
const UNPRETTY: u64 = 1_522_336_535_492_693_385;

/// Reads a version as clients write one: a transaction id of 19 digits, or its short form, which
/// people see: the id times 205891132094649 as 16 hex digits.
pub(crate) fn version(text: &str) -> Option<XactId> {
    if let Ok(xact) = text.parse() {
        return Some(xact);
    }
    let is_hex = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u64::from_str_radix(text, 16).ok().filter(|_| is_hex)?;
    let xact = XactId::from_u64(number.wrapping_mul(UNPRETTY));
    // All ids share their first bits: anything else is a slip of somebody's fingers.
    (xact.as_u64() >> 48 == XactId::at(0).as_u64() >> 48).then_some(xact)
}

/// The tools of a prompt that are named by slug.
fn tool_slugs(members: &mut Map<String, Value>) -> Vec<&mut Value> {
    let tools = members.get_mut("prompt_data").and_then(|data| data.get_mut("tool_functions"));
    let tools = tools.and_then(Value::as_array_mut).into_iter().flatten();
    tools.filter(|tool| tool.get("type").is_some_and(|kind| kind == "slug")).collect()
}

fn named(tool: &Value) -> Option<ToolSlug> {
    let text = |name: &str| tool.get(name).and_then(short).map(str::to_owned);
    Some(ToolSlug { project_id: text("project_id")?, slug: text("slug")? })
}

/// Reads a text that must be there and not blank.
fn filled(members: &Map<String, Value>, name: &str) -> Result<String, Fault> {
    let text = match members.get(name) {
        None | Some(Value::Null) => return Err(Fault(format!("\"{name}\" is missing"))),
        Some(value) => short(value).filter(|text| !text.trim().is_empty()),
    };
    let wrong = || {
        Fault(format!("\"{name}\" must be text of 1 to {TEXT_LIMIT_BYTES} bytes, and not blank"))
    };
    text.map(str::to_owned).ok_or_else(wrong)
}

fn short(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| text.len() <= TEXT_LIMIT_BYTES)
}

fn check(
    value: Option<&Value>,
    name: &str,
    what: &str,
    is_good: impl Fn(&Value) -> bool,
) -> Result<(), Fault> {
    match value {
        Some(value) if !value.is_null() && !is_good(value) => {
            Err(Fault(format!("\"{name}\" must be {what}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: Value) -> Result<Definition, Fault> {
        let Value::Object(members) = value else { panic!("not an object: {value}") };
        Definition::of(members)
    }

    fn prompt(value: Value) -> Result<Definition, Fault> {
        let Value::Object(members) = value else { panic!("not an object: {value}") };
        Definition::prompt(members)
    }

    #[test]
    fn readers_find_every_member_and_none_of_the_request() {
        let made =
            prompt(json!({"project_id": "p", "slug": "s", "name": "n", "if_exists": "error",
            "environments": [{"slug": "e"}], "_xact_id": "1", "id": "i", "kept": [1]}));
        let text = made.expect("a prompt").text;
        let stored: Value = serde_json::from_str(&text).expect("JSON");
        let expected = json!({"slug": "s", "name": "n", "kept": [1], "description": null,
            "prompt_data": null, "function_data": {"type": "prompt"}, "function_schema": null,
            "function_type": null, "tags": null, "metadata": null, "origin": null});
        assert_eq!(stored, expected);
    }

    #[test]
    fn code_names_its_bundle_and_parameters_their_type() {
        let data = json!({"type": "bundle", "bundle_id": "b"});
        let code = json!({"slug": "s", "name": "n", "function_type": "tool",
            "function_data": {"type": "code", "data": data}});
        let code = of(code).expect("code");
        assert_eq!((code.kind.as_str(), code.bundle.as_deref()), ("code", Some("b")));
        assert_eq!(code.function_type.as_deref(), Some("tool"));
        let data = json!({"type": "parameters", "data": {}, "__schema": {}});
        let made = of(json!({"slug": "s", "name": "n", "function_data": data}));
        assert_eq!(made.expect("parameters").function_type.as_deref(), Some("parameters"));
    }

    #[test]
    fn tools_that_are_named_by_slug_get_ids() {
        let tools = json!([{"type": "slug", "project_id": "p", "slug": "a"},
            {"type": "function", "id": "known"},
            {"type": "slug", "project_id": "p", "slug": "b"}]);
        let data = json!({"prompt": null, "tool_functions": tools});
        let made = prompt(json!({"slug": "s", "name": "n", "prompt_data": data}));
        let made = made.expect("a prompt");
        let slugs: Vec<_> = made.tools.iter().map(|tool| tool.slug.as_str()).collect();
        assert_eq!(slugs, ["a", "b"]);
        let made = made.with_tools(vec!["one".into(), "two".into()]);
        let stored: Value = serde_json::from_str(&made.text).expect("JSON");
        let ids = stored["prompt_data"]["tool_functions"].as_array().expect("tools");
        let ids: Vec<_> = ids.iter().map(|tool| (&tool["type"], &tool["id"])).collect();
        let kind = json!("function");
        let expected = [json!("one"), json!("known"), json!("two")];
        assert_eq!(ids, expected.iter().map(|id| (&kind, id)).collect::<Vec<_>>());
        let data = json!({"tool_functions": [{"type": "slug", "slug": "a"}]});
        let bad = json!({"slug": "s", "name": "n", "prompt_data": data});
        assert!(prompt(bad).expect_err("no project").to_string().contains("tool_functions"));
    }

    #[test]
    fn versions_have_two_forms() {
        let xact = "1000192656880881099".parse().ok();
        assert_eq!(version("1000192656880881099"), xact);
        assert_eq!((version("81cd05ee665fdfb3"), xact.is_some()), (xact, true));
        assert_eq!(version("81CD05EE665FDFB3"), xact);
        for bad in ["", "1", "81cd05ee665fdfb4", "+1cd05ee665fdfb3", "81cd05ee665fdfb3 ", "é"] {
            assert_eq!(version(bad), None, "{bad}");
        }
    }

    #[test]
    fn faults_name_the_member() {
        let long = "x".repeat(TEXT_LIMIT_BYTES + 1);
        for (member, value) in [
            ("slug", json!(null)),
            ("slug", json!(" ")),
            ("name", json!(7)),
            ("name", json!(long)),
            ("description", json!([])),
            ("prompt_data", json!("x")),
            ("tags", json!([1])),
            ("tags", json!("x")),
            ("metadata", json!(1)),
            ("function_schema", json!([])),
            ("function_type", json!({})),
            ("function_type", json!(long)),
            ("origin", json!("x")),
            ("function_data", json!(null)),
            ("function_data", json!("prompt")),
            ("function_data.type", json!({})),
            ("function_data.type", json!({"type": 7})),
            ("function_data.__schema", json!({"type": "parameters"})),
            ("function_data.data", json!({"type": "parameters", "data": [], "__schema": {}})),
        ] {
            let mut made = json!({"slug": "s", "name": "n", "function_data": {"type": "prompt"}});
            made[member.split('.').next().expect("a name")] = value.clone();
            let fault = of(made).expect_err(&value.to_string()).to_string();
            assert!(fault.starts_with(&format!("\"{member}\"")), "{member} {value}: {fault}");
        }
        let other = json!({"slug": "s", "name": "n", "function_data": {"type": "code"}});
        assert!(prompt(other).expect_err("no prompt").to_string().contains("/v1/function"));
    }
}
