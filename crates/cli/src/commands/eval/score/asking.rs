//! Scorers that ask a model; tokens and cost go to the scorer's span.

use serde_json::{Map, Value};
use tidegate_client::{Event, Span};
use tidegate_eval::Score;
use tidegate_scorers::llm::{EmbeddingSimilarity, LlmClassifier, LlmError, PairwiseJudge};

use super::text;
use crate::commands::eval::file::filled;

pub(super) async fn embedding(
    similarity: &EmbeddingSimilarity,
    output: &Value,
    expected: &Value,
) -> Result<Score, String> {
    let found = similarity.score(&text(output), &text(expected)).await.map_err(reason)?;
    record(&found.metrics()).await;
    Ok(Score::new(found.score))
}

pub(super) async fn classifier(
    classifier: &LlmClassifier,
    all: Value,
    own: &Map<String, Value>,
) -> Result<Score, String> {
    let verdict = classifier.score(with_own(&all, own)?).await.map_err(reason)?;
    record(&verdict.metrics()).await;
    let score = Score::new(verdict.score).metadata("choice", &verdict.choice);
    Ok(match &verdict.rationale {
        Some(rationale) => score.metadata("rationale", rationale),
        None => score,
    })
}

pub(super) async fn pairwise(
    judge: &PairwiseJudge,
    output: &Value,
    expected: &Value,
    all: Value,
    own: &Map<String, Value>,
) -> Result<Score, String> {
    let variables = with_own(&all, own)?;
    let verdict = judge.score(&text(output), &text(expected), variables).await.map_err(reason)?;
    record(&verdict.metrics()).await;
    let score = Score::new(verdict.score).metadata("agreement", &verdict.agreement);
    let rationales = [&verdict.output_first.rationale, &verdict.expected_first.rationale];
    Ok(score.metadata("rationales", &rationales))
}

/// Variables of the prompt: those of the trial, and those of the scorer, whose texts are filled
/// from the former. `instructions` are the input unless the scorer has its own.
fn with_own(all: &Value, own: &Map<String, Value>) -> Result<Value, String> {
    let mut variables = all.clone();
    variables["instructions"] = all["input"].clone();
    for (name, value) in own {
        variables[name] = filled(value, all)?;
    }
    Ok(variables)
}

/// Puts metrics on the span of the scorer.
pub(super) async fn record<N: AsRef<str>>(metrics: &[(N, f64)]) {
    if metrics.is_empty() {
        return;
    }
    if let Some(span) = Span::current() {
        let add =
            |event: Event, (name, value): &(N, f64)| event.metric(name.as_ref().to_owned(), *value);
        span.log_async(metrics.iter().fold(Event::new(), add)).await;
    }
}

/// With the causes, on one line.
fn reason(error: LlmError) -> String {
    format!("{:#}", anyhow::Error::from(error))
}
