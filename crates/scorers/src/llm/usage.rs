//! What an answer used and what that is estimated to cost.

use std::ops::AddAssign;

use serde::Serialize;
use serde_json::Value;
use tidegate_model::price::Tokens;

/// Tokens, as the endpoint counted them; 0 where it did not.
///
/// ```
/// use tidegate_scorers::llm::Usage;
///
/// let mut usage = Usage { prompt_tokens: 10, completion_tokens: 2, ..Usage::default() };
/// usage += usage;
/// assert_eq!(usage.tokens(), 24);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Tokens of the request.
    pub prompt_tokens: u64,
    /// Those of them that the endpoint had cached.
    pub prompt_cached_tokens: u64,
    /// Tokens of the answer, with those of its reasoning.
    pub completion_tokens: u64,
    /// Those of them that were reasoning.
    pub completion_reasoning_tokens: u64,
}

impl Usage {
    /// Tokens of request and answer.
    #[must_use]
    pub fn tokens(self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }

    pub(super) fn of(reply: &Value) -> Self {
        let count = |pointer| reply.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        Self {
            prompt_tokens: count("/usage/prompt_tokens"),
            prompt_cached_tokens: count("/usage/prompt_tokens_details/cached_tokens"),
            completion_tokens: count("/usage/completion_tokens"),
            completion_reasoning_tokens: count("/usage/completion_tokens_details/reasoning_tokens"),
        }
    }

    /// Names as they are customary in a span's metrics.
    pub(super) fn metrics(self, cost: Option<f64>) -> Vec<(&'static str, f64)> {
        let mut metrics = vec![
            ("prompt_tokens", self.prompt_tokens as f64),
            ("prompt_cached_tokens", self.prompt_cached_tokens as f64),
            ("completion_tokens", self.completion_tokens as f64),
            ("completion_reasoning_tokens", self.completion_reasoning_tokens as f64),
            ("tokens", self.tokens() as f64),
        ];
        metrics.extend(cost.map(|cost| ("estimated_cost", cost)));
        metrics
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        let add = |a: &mut u64, b: u64| *a = a.saturating_add(b);
        add(&mut self.prompt_tokens, other.prompt_tokens);
        add(&mut self.prompt_cached_tokens, other.prompt_cached_tokens);
        add(&mut self.completion_tokens, other.completion_tokens);
        add(&mut self.completion_reasoning_tokens, other.completion_reasoning_tokens);
    }
}

/// What of it has a price.
///
/// ```
/// use tidegate_scorers::llm::{Price, Usage};
///
/// let usage =
///     Usage { prompt_tokens: 1_000_000, completion_tokens: 100_000, ..Usage::default() };
/// assert!((Price::new(2.0, 8.0).cost(usage) - 2.8).abs() < 1e-12);
/// ```
impl From<Usage> for Tokens {
    fn from(usage: Usage) -> Self {
        Self {
            prompt: usage.prompt_tokens as f64,
            cached: usage.prompt_cached_tokens as f64,
            completion: usage.completion_tokens as f64,
            ..Self::default()
        }
    }
}
