//! What an answer used and what that is estimated to cost.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// The price of a model, for a million tokens in a currency of your choice.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// A million tokens of requests.
    pub input_per_million: f64,
    /// A million tokens of requests that the endpoint had cached; as the others if not given.
    #[serde(default)]
    pub cached_input_per_million: Option<f64>,
    /// A million tokens of answers.
    pub output_per_million: f64,
}

impl Price {
    /// The estimated cost of tokens.
    ///
    /// ```
    /// use tidegate_scorers::llm::{Price, Usage};
    ///
    /// let price =
    ///     Price { input_per_million: 2.0, cached_input_per_million: Some(0.5), output_per_million: 8.0 };
    /// let usage = Usage {
    ///     prompt_tokens: 1_000_000,
    ///     prompt_cached_tokens: 400_000,
    ///     completion_tokens: 100_000,
    ///     ..Usage::default()
    /// };
    /// assert!((price.cost(usage) - (1.2 + 0.2 + 0.8)).abs() < 1e-12);
    /// ```
    #[must_use]
    pub fn cost(&self, usage: Usage) -> f64 {
        let cached = usage.prompt_cached_tokens.min(usage.prompt_tokens);
        let fresh = usage.prompt_tokens - cached;
        let cached_price = self.cached_input_per_million.unwrap_or(self.input_per_million);
        let sum = fresh as f64 * self.input_per_million
            + cached as f64 * cached_price
            + usage.completion_tokens as f64 * self.output_per_million;
        sum / 1e6
    }
}

/// Prices by model. Empty unless filled: prices change, and a wrong one is worse than none.
///
/// ```
/// use tidegate_scorers::llm::Prices;
///
/// let prices: Prices = serde_json::from_str(
///     r#"{"my-model": {"input_per_million": 1.0, "output_per_million": 4.0}}"#,
/// )?;
/// assert_eq!(prices.get("my-model").map(|price| price.output_per_million), Some(4.0));
/// assert!(prices.get("other").is_none());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Prices(BTreeMap<String, Price>);

impl Prices {
    /// Without any price.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the price of a model.
    #[must_use]
    pub fn price(mut self, model: impl Into<String>, price: Price) -> Self {
        self.0.insert(model.into(), price);
        self
    }

    /// The price of a model, by its exact name.
    #[must_use]
    pub fn get(&self, model: &str) -> Option<&Price> {
        self.0.get(model)
    }
}
