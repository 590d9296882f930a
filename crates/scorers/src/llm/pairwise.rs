//! Comparing two texts without favouring the first.

use serde::Serialize;
use serde_json::Value;

use super::LlmError;
use super::classifier::{LlmClassifier, Verdict};
use super::config::ConfigError;
use super::judge::Judge;
use super::template::Template;
use super::usage::Usage;

const CHOICES: [(&str, f64); 3] = [("1", 1.0), ("2", 0.0), ("tie", 0.5)];

/// Asks which of two answers is better, in both orders.
///
/// Models favour the place of a text, often the first. Both orders are asked at once and averaged,
/// so that a judge which only looks at the place gives 0.5, and says so by
/// [`Agreement::Disagree`]. autoevals' `Battle` ([`battle`](super::battle())) asks in one order only.
///
/// ```no_run
/// use serde_json::json;
/// use tidegate_scorers::llm::{Agreement, Judge, PairwiseJudge};
///
/// # async fn example(judge: &Judge) -> Result<(), Box<dyn std::error::Error>> {
/// let verdict = PairwiseJudge::new(judge)
///     .score("a short poem", "a long poem", json!({"instructions": "Write a short poem."}))
///     .await?;
/// if verdict.agreement == Agreement::Disagree {
///     println!("depends on the order");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PairwiseJudge {
    classifier: LlmClassifier,
}

/// Whether both orders have the same winner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Agreement {
    /// They have, or both are ties.
    Agree,
    /// They have not.
    Disagree,
}

/// What both orders gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PairVerdict {
    /// 1 if the output is better, 0 if the expected text is, 0.5 for a tie: mean of both orders.
    pub score: f64,
    /// Whether the orders agree.
    pub agreement: Agreement,
    /// The output first; `score` is the output's.
    pub output_first: Verdict,
    /// The expected text first; `score` is the output's here, too.
    pub expected_first: Verdict,
    /// Tokens that both calls used.
    pub usage: Usage,
    /// Estimated cost of both, if the model has a price.
    pub cost: Option<f64>,
}

impl PairVerdict {
    /// As [`Verdict::metrics`], for both calls.
    #[must_use]
    pub fn metrics(&self) -> Vec<(&'static str, f64)> {
        self.usage.metrics(self.cost)
    }
}

impl PairwiseJudge {
    /// With a prompt that mentions `{{instructions}}`.
    #[must_use]
    pub fn new(judge: &Judge) -> Self {
        Self::with_template(judge, include_str!("prompts/pairwise.txt"))
            .expect("the prompt is tested")
    }

    /// With a prompt of your own. It mentions `{{first}}` and `{{second}}`, and offers the choices
    /// `1`, `2` and `tie`.
    ///
    /// # Errors
    /// All that is wrong with the template.
    pub fn with_template(judge: &Judge, template: &str) -> Result<Self, ConfigError> {
        let classifier = LlmClassifier::new(judge, "pairwise", template, CHOICES)?;
        let parsed = Template::new(template)?;
        let missing = ["first", "second"].into_iter().filter(|name| !parsed.mentions(name));
        ConfigError::unless_empty(
            missing.map(|name| format!("the prompt does not mention {name:?}")).collect(),
        )?;
        Ok(Self { classifier })
    }

    /// As of [`LlmClassifier::without_chain_of_thought`].
    #[must_use]
    pub fn without_chain_of_thought(self) -> Self {
        Self { classifier: self.classifier.without_chain_of_thought() }
    }

    /// Compares. `variables` has what else the prompt mentions, as a map or struct.
    ///
    /// # Errors
    /// See [`LlmError`]; there is no score from one order alone.
    ///
    /// # Cancel safety
    /// As of [`LlmClassifier::score`].
    pub async fn score(
        &self,
        output: &str,
        expected: &str,
        variables: impl Serialize,
    ) -> Result<PairVerdict, LlmError> {
        let variables = serde_json::to_value(variables).map_err(LlmError::Variables)?;
        let ask = |first: &str, second: &str| {
            let mut variables = match &variables {
                Value::Object(members) => members.clone(),
                _ => serde_json::Map::new(),
            };
            variables.insert("first".to_owned(), first.into());
            variables.insert("second".to_owned(), second.into());
            self.classifier.score(variables)
        };
        let (output_first, mut expected_first) =
            tokio::try_join!(ask(output, expected), ask(expected, output))?;
        expected_first.score = 1.0 - expected_first.score;
        let agreement = match output_first.score == expected_first.score {
            true => Agreement::Agree,
            false => Agreement::Disagree,
        };
        let mut usage = output_first.usage;
        usage += expected_first.usage;
        Ok(PairVerdict {
            score: f64::midpoint(output_first.score, expected_first.score),
            agreement,
            usage,
            cost: output_first.cost.zip(expected_first.cost).map(|(a, b)| a + b),
            output_first,
            expected_first,
        })
    }
}
