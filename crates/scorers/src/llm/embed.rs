//! Similarity by meaning.

use serde::Serialize;
use serde_json::{Value, json};

use super::LlmError;
use super::judge::{Judge, Served};
use super::usage::Usage;
use crate::embedding_similarity;

const MINIMUM: f64 = 0.7;

/// Compares texts by their embeddings, by the formula of
/// [`embedding_similarity`](fn@crate::embedding_similarity).
///
/// This is autoevals' `EmbeddingSimilarity`. The judge's model must be one for embeddings.
///
/// ```no_run
/// use tidegate_scorers::llm::{Config, EmbeddingSimilarity, Judge};
///
/// # async fn example(key: String) -> Result<(), Box<dyn std::error::Error>> {
/// let config = Config::new("https://api.openai.com/v1", "text-embedding-3-small").api_key(key);
/// let similarity = EmbeddingSimilarity::new(&Judge::new(config)?).minimum(0.2);
/// println!("{}", similarity.score("a cat", "a kitten").await?.score);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct EmbeddingSimilarity {
    judge: Judge,
    minimum: f64,
    prefix: String,
}

/// How similar two texts are.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Similarity {
    /// In 0..=1.
    pub score: f64,
    /// Tokens that this call used: none if the answer was cached.
    pub usage: Usage,
    /// Estimated cost of this call, if the model has a price.
    pub cost: Option<f64>,
    /// Where the embeddings came from.
    pub served: Served,
}

impl Similarity {
    /// As [`Verdict::metrics`](super::Verdict::metrics).
    #[must_use]
    pub fn metrics(&self) -> Vec<(&'static str, f64)> {
        self.usage.metrics(self.cost)
    }
}

impl EmbeddingSimilarity {
    /// With the minimum 0.7 and no prefix.
    #[must_use]
    pub fn new(judge: &Judge) -> Self {
        Self { judge: judge.clone(), minimum: MINIMUM, prefix: String::new() }
    }

    /// The cosine that scores 0, below 1. Depends on the model: 0.7 suits older ones, whose
    /// embeddings are all alike.
    #[must_use]
    pub fn minimum(mut self, cosine: f64) -> Self {
        self.minimum = cosine;
        self
    }

    /// A text to put before both, such as their domain.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Compares, with one request for both texts.
    ///
    /// # Errors
    /// See [`LlmError`]; [`LlmError::Reply`] also if the embeddings cannot be compared.
    ///
    /// # Cancel safety
    /// Dropping it drops the request; nothing is cached then.
    pub async fn score(&self, output: &str, expected: &str) -> Result<Similarity, LlmError> {
        let prefixed = |text| format!("{}{text}", self.prefix);
        let body = json!({
            "model": self.judge.model(),
            "input": [prefixed(output), prefixed(expected)],
            "encoding_format": "float",
        });
        let ((score, usage), served) =
            self.judge.ask("embeddings", &body, |reply| self.read(reply)).await?;
        let usage = if served == Served::Model { usage } else { Usage::default() };
        Ok(Similarity { score, usage, cost: self.judge.cost(usage), served })
    }

    fn read(&self, reply: &Value) -> Result<(f64, Usage), LlmError> {
        let wrong = |what: &str| LlmError::Reply { what: what.to_owned() };
        // The order is that of `index`, not necessarily that of the list.
        let embedding = |index: usize| -> Option<Vec<f64>> {
            let items = reply.get("data")?.as_array()?;
            let numbered = |item: &&Value| {
                item.get("index").and_then(Value::as_u64).is_some_and(|at| at == index as u64)
            };
            let numbers = items.iter().find(numbered)?.get("embedding")?.as_array()?;
            numbers.iter().map(Value::as_f64).collect()
        };
        let (Some(output), Some(expected)) = (embedding(0), embedding(1)) else {
            return Err(wrong("not two embeddings"));
        };
        let score = embedding_similarity(&output, &expected, self.minimum)
            .ok_or_else(|| wrong("the embeddings cannot be compared"))?;
        Ok((score, Usage::of(reply)))
    }
}
