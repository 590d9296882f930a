//! An answer as a row's output, metrics and metadata: of all four interfaces, and of clients whose
//! types look alike.

use serde_json::{Map, Value, json};

use super::interface::{ANTHROPIC, GOOGLE, OPENAI};
use super::media::Media;
use super::usage::Usage;

/// What a row has of an answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) output: Option<Value>,
    pub(super) usage: Usage,
    pub(super) model: Option<String>,
    pub(super) id: Option<String>,
    /// Who has an interface with such answers.
    pub(super) owner: Option<&'static str>,
    pub(super) error: Option<String>,
    /// Whether a part of the output is missing for its length.
    pub(super) is_cut: bool,
    /// What the output refers to.
    pub(super) media: Media,
}

impl Answer {
    /// Reads a whole answer.
    pub(super) fn of(mut body: Value) -> Self {
        let mut answer = Self::default();
        answer.identify(&body);
        if let Some(usage) = body.get("usage") {
            answer.usage.add(usage);
        }
        if let Some(usage) = body.get("usageMetadata") {
            answer.usage.replace_with_google(usage);
        }
        answer.owner = owner(&body);
        answer.error = error_text(&body);
        answer.output = match &mut body {
            Value::Object(members) => output(members),
            _ => None,
        };
        if answer.output.is_none() && answer.error.is_none() {
            answer.output = Some(body);
        }
        answer
    }

    /// Takes model and id from where they stand.
    pub(super) fn identify(&mut self, object: &Value) {
        let text = |name| object.get(name).and_then(Value::as_str).map(str::to_owned);
        self.model = text("model").or_else(|| text("modelVersion")).or(self.model.take());
        self.id = text("id").or_else(|| text("responseId")).or(self.id.take());
    }

    /// Calls of tools that the model asked for.
    pub(super) fn tool_calls(&self) -> usize {
        let items = match &self.output {
            Some(Value::Array(items)) => items.as_slice(),
            Some(Value::Object(google)) if google.contains_key("candidates") => {
                return function_calls(&google["candidates"]);
            }
            Some(Value::Object(message)) => {
                message.get("content").and_then(Value::as_array).map_or(&[][..], Vec::as_slice)
            }
            _ => &[],
        };
        let calls = items.iter().map(|item| {
            let of_choice = item.pointer("/message/tool_calls").and_then(Value::as_array);
            let kind = item.get("type").and_then(Value::as_str).unwrap_or_default();
            let is_call = kind.ends_with("tool_use") || kind.ends_with("_call");
            of_choice.map_or(usize::from(is_call), Vec::len)
        });
        calls.sum()
    }
}

/// Whose interface answers so.
fn owner(body: &Value) -> Option<&'static str> {
    let has = |name| body.get(name).is_some();
    let known = [
        (has("choices") || has("output"), OPENAI),
        (body.get("type").is_some_and(|kind| kind == "message"), ANTHROPIC),
        (has("candidates") || has("usageMetadata"), GOOGLE),
    ];
    known.into_iter().find(|(is_so, _)| *is_so).map(|(_, owner)| owner)
}

/// Calls of tools among the parts of Google's candidates.
fn function_calls(candidates: &Value) -> usize {
    let parts = candidates.as_array().into_iter().flatten();
    let parts = parts.filter_map(|candidate| candidate.pointer("/content/parts")?.as_array());
    parts.flatten().filter(|part| part.get("functionCall").is_some()).count()
}

/// What Google's answers have besides what is recorded elsewhere.
pub(super) fn content(mut body: Map<String, Value>) -> Value {
    for elsewhere in ["usageMetadata", "modelVersion", "responseId", "error"] {
        body.remove(elsewhere);
    }
    Value::Object(body)
}

fn output(body: &mut Map<String, Value>) -> Option<Value> {
    if body.contains_key("candidates") || body.contains_key("promptFeedback") {
        return Some(content(std::mem::take(body)));
    }
    if let Some(choices) = body.remove("choices") {
        return Some(choices);
    }
    if let Some(output) = body.remove("output") {
        return Some(output);
    }
    if body.get("type").is_some_and(|kind| kind == "message") {
        return Some(message(body));
    }
    // Thousands of numbers that nobody reads.
    let vectors = body.get("data")?.as_array()?;
    let length = vectors.first()?.get("embedding").map(|vector| vector.as_array().map(Vec::len))?;
    Some(json!({"embeddings": vectors.len(), "embedding_length": length}))
}

/// What Anthropic's answers have besides what is recorded elsewhere.
pub(super) fn message(body: &Map<String, Value>) -> Value {
    let members = ["role", "content", "stop_reason", "stop_sequence"].into_iter();
    let members = members.filter_map(|name| Some((name.to_owned(), body.get(name)?.clone())));
    Value::Object(members.filter(|(_, value)| !value.is_null()).collect())
}

/// The message of an error, in the forms that endpoints give it.
pub(super) fn error_text(body: &Value) -> Option<String> {
    let error = body.get("error").filter(|error| !error.is_null())?;
    let text = error.as_str().or_else(|| error.get("message")?.as_str());
    let kind = error.get("type").or_else(|| error.get("code")).and_then(Value::as_str);
    Some(match (kind, text) {
        (Some(kind), Some(text)) => format!("{kind}: {text}"),
        (_, Some(text)) => text.to_owned(),
        _ => error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_each_interface_and_others() {
        let chat = Answer::of(json!({"id": "c", "model": "m", "usage": {"prompt_tokens": 1},
            "choices": [{"message": {"tool_calls": [{}, {}]}}, {"message": {"content": "x"}}]}));
        assert_eq!((chat.id.as_deref(), chat.model.as_deref()), (Some("c"), Some("m")));
        assert_eq!(chat.tool_calls(), 2);
        let responses = Answer::of(json!({"object": "response", "error": null, "output":
            [{"type": "reasoning"}, {"type": "function_call"}, {"type": "web_search_call"}]}));
        assert_eq!((responses.tool_calls(), responses.error), (2, None));
        let messages = Answer::of(json!({"type": "message", "role": "assistant", "id": "x",
            "content": [{"type": "text"}, {"type": "tool_use"}], "stop_sequence": null}));
        assert_eq!(messages.tool_calls(), 1);
        let output =
            json!({"role": "assistant", "content": [{"type": "text"}, {"type": "tool_use"}]});
        assert_eq!(messages.output, Some(output));
        let vectors = Answer::of(json!({"data": [{"embedding": [1, 2, 3]}]}));
        assert_eq!(vectors.output, Some(json!({"embeddings": 1, "embedding_length": 3})));
        let parts = json!([{"text": "hm"}, {"functionCall": {"name": "f"}}]);
        let candidates = json!([{"content": {"role": "model", "parts": parts}}]);
        let google = Answer::of(json!({"candidates": candidates, "modelVersion": "g",
            "responseId": "r", "usageMetadata": {"promptTokenCount": 1}}));
        assert_eq!(google.output, Some(json!({"candidates": candidates})));
        assert_eq!((google.tool_calls(), google.usage.prompt()), (1, Some(1.0)));
        assert_eq!((google.model.as_deref(), google.id.as_deref()), (Some("g"), Some("r")));
        let owners = [chat.owner, responses.owner, messages.owner, google.owner, vectors.owner];
        let [openai, anthropic] = [Some(OPENAI), Some(ANTHROPIC)];
        assert_eq!(owners, [openai, openai, anthropic, Some(GOOGLE), None]);
        let other = Answer::of(json!({"text": "hi", "usage": {"prompt_tokens": 2}}));
        assert_eq!(other.output.expect("all of it")["text"], "hi");
        let error = Answer::of(json!({"error": {"message": "slow down", "type": "rate_limit"}}));
        assert_eq!(error.error.as_deref(), Some("rate_limit: slow down"));
        assert_eq!(Answer::of(json!("plain")).output, Some(json!("plain")));
    }
}
