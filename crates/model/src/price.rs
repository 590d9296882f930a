//! What tokens of language models cost, as far as somebody says so.

mod table;

use serde::{Deserialize, Serialize};

pub use table::Prices;

/// The price of a model, for a million tokens each. The bundled prices are in US dollars; yours may
/// be in any currency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// A million tokens of requests.
    pub input_per_million: f64,
    /// A million tokens of requests that the endpoint had cached; as the others if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input_per_million: Option<f64>,
    /// A million tokens of requests that the endpoint put into its cache; as the others if not
    /// given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_per_million: Option<f64>,
    /// The same for those that it keeps for an hour; as other writes if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h_per_million: Option<f64>,
    /// A million tokens of answers, those of reasoning included.
    pub output_per_million: f64,
    /// What long requests cost, if they cost more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_prompt: Option<LongPrompt>,
}

/// How much more a call costs, all of it, if its request is long.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongPrompt {
    /// Tokens of a request up to which it is not long.
    pub above_tokens: u64,
    /// What the prices of requests, cached or not, are multiplied by.
    pub input_factor: f64,
    /// What the price of answers is multiplied by.
    pub output_factor: f64,
}

/// Tokens of one call, as far as they are priced apart; 0 where nothing is known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tokens {
    /// Of the request, cached ones included.
    pub prompt: f64,
    /// Those of them that were in the endpoint's cache.
    pub cached: f64,
    /// Those of them that were put into it, for however long.
    pub cache_write: f64,
    /// Those of the latter that it keeps for an hour.
    pub cache_write_1h: f64,
    /// Of the answer, reasoning included.
    pub completion: f64,
}

impl Price {
    /// The price of requests and answers, whatever is cached and however long they are.
    #[must_use]
    pub const fn new(input_per_million: f64, output_per_million: f64) -> Self {
        Self {
            input_per_million,
            cached_input_per_million: None,
            cache_write_per_million: None,
            cache_write_1h_per_million: None,
            output_per_million,
            long_prompt: None,
        }
    }

    /// The estimated cost of a call. Counts that contradict each other make no negative cost.
    ///
    /// ```
    /// use tidegate_model::price::{Price, Tokens};
    ///
    /// let price = Price { cached_input_per_million: Some(0.5), ..Price::new(2.0, 8.0) };
    /// let tokens =
    ///     Tokens { prompt: 1e6, cached: 400_000.0, completion: 100_000.0, ..Tokens::default() };
    /// assert!((price.cost(tokens) - (1.2 + 0.2 + 0.8)).abs() < 1e-12);
    /// ```
    #[must_use]
    pub fn cost(&self, tokens: impl Into<Tokens>) -> f64 {
        let tokens: Tokens = tokens.into();
        let cached = tokens.cached.min(tokens.prompt);
        let written = tokens.cache_write.min(tokens.prompt - cached);
        let hour = tokens.cache_write_1h.min(written);
        let input = self.input_per_million;
        let write = self.cache_write_per_million.unwrap_or(input);
        let request = (tokens.prompt - cached - written) * input
            + cached * self.cached_input_per_million.unwrap_or(input)
            + (written - hour) * write
            + hour * self.cache_write_1h_per_million.unwrap_or(write);
        let answer = tokens.completion * self.output_per_million;
        let sum = match self.long_prompt {
            Some(long) if tokens.prompt > long.above_tokens as f64 => {
                request * long.input_factor + answer * long.output_factor
            }
            _ => request + answer,
        };
        sum / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICE: Price = Price {
        cached_input_per_million: Some(0.5),
        cache_write_per_million: Some(2.5),
        cache_write_1h_per_million: Some(4.0),
        long_prompt: Some(LongPrompt {
            above_tokens: 2_000_000,
            input_factor: 2.0,
            output_factor: 1.5,
        }),
        ..Price::new(2.0, 8.0)
    };
    const TOKENS: Tokens =
        Tokens { prompt: 1e6, cached: 4e5, cache_write: 2e5, cache_write_1h: 5e4, completion: 1e5 };

    fn is(cost: f64, expected: f64) {
        assert!((cost - expected).abs() < 1e-12, "{cost}, not {expected}");
    }

    #[test]
    fn each_kind_of_token_has_its_price() {
        is(PRICE.cost(TOKENS), 0.8 + 0.2 + 0.375 + 0.2 + 0.8);
        // What has no price of its own costs as much as what it is a part of.
        is(Price { cache_write_1h_per_million: None, ..PRICE }.cost(TOKENS), 0.8 + 0.2 + 0.5 + 0.8);
        is(Price::new(2.0, 8.0).cost(TOKENS), 2.0 + 0.8);
        is(PRICE.cost(Tokens::default()), 0.0);
        let odd = Tokens { prompt: 1.0, cached: 9.0, completion: 0.0, ..TOKENS };
        is(PRICE.cost(odd), 0.5e-6);
    }

    #[test]
    fn all_of_a_long_request_costs_more_and_the_limit_is_not_long() {
        let tokens = |prompt| Tokens { prompt, completion: 1e5, ..Tokens::default() };
        is(PRICE.cost(tokens(2e6)), 4.0 + 0.8);
        is(PRICE.cost(tokens(2_000_001.0)), 2.0 * 4.000_002 + 1.5 * 0.8);
    }
}
