//! Counts of tokens, whatever the endpoint calls them.

use serde_json::{Map, Value, json};
use tidegate_model::price::Tokens;

/// Tokens, as far as the endpoint counted them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Usage {
    /// Of the request. Anthropic leaves out what it counts as read from or written to the cache.
    input: Option<f64>,
    is_without_cache: bool,
    /// What was in the endpoint's cache.
    cached: Option<f64>,
    /// What was put into it.
    creation: Option<f64>,
    /// The same by how long it is kept, where the endpoint says so.
    creation_5m: Option<f64>,
    creation_1h: Option<f64>,
    input_audio: Option<f64>,
    /// Of the answer, reasoning included.
    pub(super) completion: Option<f64>,
    /// Those of them that were reasoning, sound or pictures.
    reasoning: Option<f64>,
    output_audio: Option<f64>,
    output_image: Option<f64>,
    /// Of both, where the endpoint says so.
    total: Option<f64>,
    /// What the service did itself, in numbers of requests.
    web_searches: Option<f64>,
    web_fetches: Option<f64>,
    /// Details that have no metric, as Google gives them.
    pub(super) by_modality: Option<Value>,
}

impl Usage {
    /// Takes in what an object of OpenAI or Anthropic says; streams say it bit by bit.
    pub(super) fn add(&mut self, usage: &Value) {
        let count = |pointers: &[&str]| {
            pointers.iter().find_map(|pointer| usage.pointer(pointer)).and_then(Value::as_f64)
        };
        let set = |old: &mut Option<f64>, new: Option<f64>| *old = new.or(*old);
        let read = count(&["/cache_read_input_tokens"]);
        let created = count(&["/cache_creation_input_tokens"]);
        self.is_without_cache |= read.is_some() || created.is_some();
        let cached = [
            "/prompt_tokens_details/cached_tokens",
            "/input_tokens_details/cached_tokens",
            // DeepSeek's.
            "/prompt_cache_hit_tokens",
        ];
        set(&mut self.cached, read.or(count(&cached)));
        let written = [
            "/prompt_tokens_details/cache_write_tokens",
            "/input_tokens_details/cache_write_tokens",
        ];
        set(&mut self.creation, created.or(count(&written)));
        set(&mut self.creation_5m, count(&["/cache_creation/ephemeral_5m_input_tokens"]));
        set(&mut self.creation_1h, count(&["/cache_creation/ephemeral_1h_input_tokens"]));
        set(&mut self.input, count(&["/prompt_tokens", "/input_tokens"]));
        let audio = ["/prompt_tokens_details/audio_tokens", "/input_tokens_details/audio_tokens"];
        set(&mut self.input_audio, count(&audio));
        set(&mut self.completion, count(&["/completion_tokens", "/output_tokens"]));
        let reasoning = [
            "/completion_tokens_details/reasoning_tokens",
            "/output_tokens_details/reasoning_tokens",
            // Anthropic's.
            "/output_tokens_details/thinking_tokens",
        ];
        set(&mut self.reasoning, count(&reasoning));
        let audio =
            ["/completion_tokens_details/audio_tokens", "/output_tokens_details/audio_tokens"];
        set(&mut self.output_audio, count(&audio));
        set(&mut self.total, count(&["/total_tokens"]));
        set(&mut self.web_searches, count(&["/server_tool_use/web_search_requests"]));
        set(&mut self.web_fetches, count(&["/server_tool_use/web_fetch_requests"]));
    }

    /// Takes in Google's `usageMetadata`; in a stream the last one says it all.
    pub(super) fn replace_with_google(&mut self, usage: &Value) {
        if !usage.is_object() {
            return;
        }
        let count = |name: &str| usage.get(name).and_then(Value::as_f64);
        let of_kind = |name: &str, kind: &str| {
            let details = usage.get(name).and_then(Value::as_array)?;
            let counts = details
                .iter()
                .filter(|detail| detail["modality"] == kind)
                .filter_map(|detail| detail["tokenCount"].as_f64());
            counts.fold(None, |sum: Option<f64>, count| Some(sum.unwrap_or_default() + count))
        };
        let details: Map<String, Value> = [
            ("cache_tokens_details", "cacheTokensDetails"),
            ("tool_use_prompt_tokens_details", "toolUsePromptTokensDetails"),
        ]
        .into_iter()
        .filter_map(|(name, theirs)| Some((name.to_owned(), usage.get(theirs)?.clone())))
        .collect();
        *self = Self {
            input: sum(count("promptTokenCount"), count("toolUsePromptTokenCount")),
            cached: count("cachedContentTokenCount"),
            input_audio: of_kind("promptTokensDetails", "AUDIO"),
            completion: sum(count("candidatesTokenCount"), count("thoughtsTokenCount")),
            reasoning: count("thoughtsTokenCount"),
            output_audio: of_kind("candidatesTokensDetails", "AUDIO"),
            output_image: of_kind("candidatesTokensDetails", "IMAGE"),
            total: count("totalTokenCount"),
            by_modality: (!details.is_empty()).then(|| json!(details)),
            ..Self::default()
        };
    }

    /// Of the request, cached ones included.
    pub(super) fn prompt(&self) -> Option<f64> {
        let apart = if self.is_without_cache {
            self.cached.unwrap_or_default() + self.written().unwrap_or_default()
        } else {
            0.0
        };
        self.input.map(|input| input + apart)
    }

    /// What was put into the cache, for however long. Both forms may be there and are one thing.
    fn written(&self) -> Option<f64> {
        let split = sum(self.creation_5m, self.creation_1h);
        split.map_or(self.creation, |split| Some(split.max(self.creation.unwrap_or_default())))
    }

    /// What is priced; `None` if nothing was counted.
    pub(super) fn tokens(&self) -> Option<Tokens> {
        let prompt = self.prompt();
        (prompt.is_some() || self.completion.is_some()).then(|| Tokens {
            prompt: prompt.unwrap_or_default(),
            cached: self.cached.unwrap_or_default(),
            cache_write: self.written().unwrap_or_default(),
            cache_write_1h: self.creation_1h.unwrap_or_default(),
            completion: self.completion.unwrap_or_default(),
        })
    }

    /// Names and values as they are customary in a row's metrics.
    pub(super) fn metrics(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let prompt = self.prompt();
        let both = prompt.zip(self.completion).map(|(prompt, completion)| prompt + completion);
        // One form alone: who adds up metrics would count the tokens twice.
        let is_split = self.creation_5m.or(self.creation_1h).is_some();
        [
            ("prompt_tokens", prompt),
            ("prompt_cached_tokens", self.cached),
            ("prompt_cache_creation_tokens", self.creation.filter(|_| !is_split)),
            ("prompt_cache_creation_5m_tokens", self.creation_5m),
            ("prompt_cache_creation_1h_tokens", self.creation_1h),
            ("prompt_audio_tokens", self.input_audio),
            ("completion_tokens", self.completion),
            ("completion_reasoning_tokens", self.reasoning),
            ("completion_audio_tokens", self.output_audio),
            ("completion_image_tokens", self.output_image),
            ("tokens", self.total.or(both)),
            ("server_tool_use_web_search_requests", self.web_searches),
            ("server_tool_use_web_fetch_requests", self.web_fetches),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}

/// What is missing counts as none, unless both are.
fn sum(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.or(b).map(|_| a.unwrap_or_default() + b.unwrap_or_default())
}

#[cfg(test)]
mod tests;
