//! Counts of tokens, whatever the endpoint calls them.

use serde_json::Value;

/// Tokens, as far as the endpoint counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Usage {
    /// Of the request, cached ones included.
    pub(super) prompt: Option<f64>,
    /// Those of them that were in the endpoint's cache.
    pub(super) cached: Option<f64>,
    /// Those of them that were put into it.
    pub(super) cache_creation: Option<f64>,
    /// Of the answer, reasoning included.
    pub(super) completion: Option<f64>,
    /// Those of them that were reasoning.
    pub(super) reasoning: Option<f64>,
    /// Of both, where the endpoint says so.
    pub(super) total: Option<f64>,
}

impl Usage {
    /// Takes in what an object says; streams say it bit by bit.
    pub(super) fn add(&mut self, usage: &Value) {
        let count = |pointers: &[&str]| {
            pointers.iter().find_map(|pointer| usage.pointer(pointer)).and_then(Value::as_f64)
        };
        let set = |old: &mut Option<f64>, new: Option<f64>| *old = new.or(*old);
        let read = count(&["/cache_read_input_tokens"]);
        let created = count(&["/cache_creation_input_tokens"]);
        set(
            &mut self.cached,
            read.or(count(&[
                "/prompt_tokens_details/cached_tokens",
                "/input_tokens_details/cached_tokens",
            ])),
        );
        set(&mut self.cache_creation, created);
        // Anthropic's count leaves out what it counts as read from or written to the cache.
        let apart = read.unwrap_or(0.0) + created.unwrap_or(0.0);
        set(
            &mut self.prompt,
            count(&["/prompt_tokens"]).or(count(&["/input_tokens"]).map(|input| input + apart)),
        );
        set(&mut self.completion, count(&["/completion_tokens", "/output_tokens"]));
        set(
            &mut self.reasoning,
            count(&[
                "/completion_tokens_details/reasoning_tokens",
                "/output_tokens_details/reasoning_tokens",
            ]),
        );
        set(&mut self.total, count(&["/total_tokens"]));
    }

    /// Names and values as they are customary in a row's metrics.
    pub(super) fn metrics(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let sum = self.prompt.zip(self.completion).map(|(prompt, completion)| prompt + completion);
        [
            ("prompt_tokens", self.prompt),
            ("prompt_cached_tokens", self.cached),
            ("prompt_cache_creation_tokens", self.cache_creation),
            ("completion_tokens", self.completion),
            ("completion_reasoning_tokens", self.reasoning),
            ("tokens", self.total.or(sum)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metrics(parts: &[Value]) -> Vec<(&'static str, f64)> {
        let mut usage = Usage::default();
        parts.iter().for_each(|part| usage.add(part));
        usage.metrics().collect()
    }

    #[test]
    fn the_names_of_all_three_interfaces_are_known() {
        let chat = json!({"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14,
            "prompt_tokens_details": {"cached_tokens": 8},
            "completion_tokens_details": {"reasoning_tokens": 3}});
        let responses = json!({"input_tokens": 10, "output_tokens": 4, "total_tokens": 14,
            "input_tokens_details": {"cached_tokens": 8},
            "output_tokens_details": {"reasoning_tokens": 3}});
        let expected = [
            ("prompt_tokens", 10.0),
            ("prompt_cached_tokens", 8.0),
            ("completion_tokens", 4.0),
            ("completion_reasoning_tokens", 3.0),
            ("tokens", 14.0),
        ];
        assert_eq!(metrics(&[chat]), expected);
        assert_eq!(metrics(&[responses]), expected);
        // In a stream of messages the last count of the answer holds.
        let start = json!({"input_tokens": 2, "cache_read_input_tokens": 5,
            "cache_creation_input_tokens": 3, "output_tokens": 1});
        assert_eq!(
            metrics(&[start, json!({"output_tokens": 4})]),
            [
                ("prompt_tokens", 10.0),
                ("prompt_cached_tokens", 5.0),
                ("prompt_cache_creation_tokens", 3.0),
                ("completion_tokens", 4.0),
                ("tokens", 14.0),
            ]
        );
        assert!(metrics(&[json!("?"), json!({"prompt_tokens": "x"})]).is_empty());
    }
}
