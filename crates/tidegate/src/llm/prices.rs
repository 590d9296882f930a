//! What tokens cost, as far as somebody says so.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::usage::Usage;

/// The price of a model, for a million tokens in a currency of your choice.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// A million tokens of requests.
    pub input_per_million: f64,
    /// A million tokens of requests that the endpoint had cached; as the others if not given.
    #[serde(default)]
    pub cached_input_per_million: Option<f64>,
    /// A million tokens of requests that the endpoint put into its cache; as the others if not
    /// given.
    #[serde(default)]
    pub cache_write_per_million: Option<f64>,
    /// A million tokens of answers, those of reasoning included.
    pub output_per_million: f64,
}

impl Price {
    /// The price of requests and answers, whatever is cached.
    #[must_use]
    pub fn new(input_per_million: f64, output_per_million: f64) -> Self {
        Self {
            input_per_million,
            cached_input_per_million: None,
            cache_write_per_million: None,
            output_per_million,
        }
    }

    /// The estimated cost; `None` without counts of tokens.
    pub(super) fn cost(&self, usage: &Usage) -> Option<f64> {
        let prompt = usage.prompt?;
        let cached = usage.cached.unwrap_or(0.0).min(prompt);
        let written = usage.cache_creation.unwrap_or(0.0).min(prompt - cached);
        let input = self.input_per_million;
        let sum = (prompt - cached - written) * input
            + cached * self.cached_input_per_million.unwrap_or(input)
            + written * self.cache_write_per_million.unwrap_or(input)
            + usage.completion.unwrap_or(0.0) * self.output_per_million;
        Some(sum / 1e6)
    }
}

/// Prices by model. Empty unless you fill it: prices change, and a wrong one is worse than none, so
/// without a price no cost is recorded.
///
/// ```
/// use tidegate::llm::Prices;
///
/// let prices: Prices = serde_json::from_str(
///     r#"{"my-model": {"input_per_million": 1.0, "output_per_million": 4.0}}"#,
/// )?;
/// assert_eq!(prices.get("my-model").map(|price| price.output_per_million), Some(4.0));
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

    /// The price of a model, by its exact name. Calls are looked up by the name in the answer, then
    /// by that in the request.
    #[must_use]
    pub fn get(&self, model: &str) -> Option<&Price> {
        self.0.get(model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_token_has_its_price() {
        let price = Price {
            cached_input_per_million: Some(0.5),
            cache_write_per_million: Some(2.5),
            ..Price::new(2.0, 8.0)
        };
        let usage = Usage {
            prompt: Some(1_000_000.0),
            cached: Some(400_000.0),
            cache_creation: Some(200_000.0),
            completion: Some(100_000.0),
            ..Usage::default()
        };
        let cost = price.cost(&usage).expect("a cost");
        assert!((cost - (0.8 + 0.2 + 0.5 + 0.8)).abs() < 1e-12, "{cost}");
        assert_eq!(price.cost(&Usage::default()), None);
        // Counts that contradict each other make no negative cost.
        let odd =
            Usage { prompt: Some(1.0), cached: Some(9.0), cache_creation: Some(9.0), ..usage };
        assert!(price.cost(&odd).expect("a cost") > 0.0);
    }
}
