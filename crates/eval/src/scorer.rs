//! Scorers: from an output and what was expected to a number.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidegate_client::Trace;

use crate::json;
use crate::traits::{BoxFuture, Scorer};

/// What a scorer sees.
#[derive(Debug)]
pub struct ScorerArgs<'a, I, O, E> {
    /// The input of the case.
    pub input: &'a I,
    /// What the task returned.
    pub output: &'a O,
    /// The expected output, if the case has one.
    pub expected: Option<&'a E>,
    /// Metadata of the case, with what the task has set.
    pub metadata: &'a Map<String, Value>,
    /// Tags of the case.
    pub tags: &'a [String],
    /// What the task has recorded: its span and all below it. `None` unless the run keeps it
    /// ([`Eval::keep_trace`](crate::Eval::keep_trace)), and for outputs of earlier runs.
    pub trace: Option<&'a Trace>,
}

/// What an async scorer sees: the same as [`ScorerArgs`], shared instead of borrowed.
#[derive(Debug)]
pub struct SharedArgs<I, O, E> {
    /// The input of the case.
    pub input: Arc<I>,
    /// What the task returned.
    pub output: Arc<O>,
    /// The expected output, if the case has one.
    pub expected: Option<Arc<E>>,
    /// Metadata of the case, with what the task has set.
    pub metadata: Arc<Map<String, Value>>,
    /// Tags of the case.
    pub tags: Arc<[String]>,
    /// What the task has recorded; see [`ScorerArgs::trace`].
    pub trace: Option<Arc<Trace>>,
}

/// A score with an explanation.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Score {
    pub(crate) score: Option<f64>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(crate) metadata: Map<String, Value>,
    /// Several scores of one scorer, each with its own name; then there is no `score`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<(String, Score)>,
}

impl Score {
    /// A score in 0..=1.
    #[must_use]
    pub fn new(score: f64) -> Self {
        Self { score: Some(score), ..Self::default() }
    }

    /// No score: the scorer does not apply to this case.
    #[must_use]
    pub fn skipped() -> Self {
        Self::default()
    }

    /// Adds one member of metadata, such as a rationale.
    #[must_use]
    pub fn metadata<T: Serialize + ?Sized>(mut self, name: impl Into<String>, value: &T) -> Self {
        self.metadata.insert(name.into(), json::value(value));
        self
    }
}

/// What a scorer may return: a number in 0..=1, `bool`, `None` (does not apply), a [`Score`],
/// several of those with names (a `Vec` or an array of pairs, which then count instead of one
/// score with the scorer's name), or a `Result` of any.
pub trait IntoScore {
    /// Converts.
    ///
    /// # Errors
    /// The text of a failed scorer; it is recorded, and the case goes on.
    fn into_score(self) -> Result<Score, String>;
}

impl IntoScore for Score {
    fn into_score(self) -> Result<Score, String> {
        Ok(self)
    }
}

impl IntoScore for f64 {
    fn into_score(self) -> Result<Score, String> {
        Ok(Score::new(self))
    }
}

impl IntoScore for bool {
    fn into_score(self) -> Result<Score, String> {
        Ok(Score::new(f64::from(u8::from(self))))
    }
}

impl IntoScore for Option<f64> {
    fn into_score(self) -> Result<Score, String> {
        Ok(Score { score: self, ..Score::default() })
    }
}

impl<N: Into<String>, S: IntoScore> IntoScore for Vec<(N, S)> {
    fn into_score(self) -> Result<Score, String> {
        named(self)
    }
}

impl<N: Into<String>, S: IntoScore, const COUNT: usize> IntoScore for [(N, S); COUNT] {
    fn into_score(self) -> Result<Score, String> {
        named(self)
    }
}

fn named<N: Into<String>, S: IntoScore>(
    scores: impl IntoIterator<Item = (N, S)>,
) -> Result<Score, String> {
    let mut parts: Vec<(String, Score)> = Vec::new();
    for (name, score) in scores {
        let (name, score) = (name.into(), score.into_score()?);
        if parts.iter().any(|(other, _)| *other == name) {
            return Err(format!("two scores are named {name:?}"));
        }
        if !score.parts.is_empty() {
            return Err(format!("the score {name:?} consists of several"));
        }
        parts.push((name, score));
    }
    Ok(Score { parts, ..Score::default() })
}

impl<S: IntoScore, X: Display> IntoScore for Result<S, X> {
    fn into_score(self) -> Result<Score, String> {
        self.map_err(|error| format!("{error:#}"))?.into_score()
    }
}

type Now<I, O, E, T> = dyn Fn(ScorerArgs<'_, I, O, E>) -> Result<T, String> + Send + Sync;
type Later<I, O, E, T> =
    dyn Fn(SharedArgs<I, O, E>) -> BoxFuture<'static, Result<T, String>> + Send + Sync;

/// A scorer, or another grader, with its types erased.
pub(crate) struct BoxScorer<I, O, E, T = Score> {
    pub(crate) name: Arc<str>,
    pub(crate) function: Function<I, O, E, T>,
}

pub(crate) enum Function<I, O, E, T> {
    Now(Box<Now<I, O, E, T>>),
    Later(Box<Later<I, O, E, T>>),
}

impl<I, O, E> BoxScorer<I, O, E>
where
    I: Send + Sync + 'static,
    O: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    pub(crate) fn sync<S: IntoScore>(
        name: String,
        scorer: impl Fn(ScorerArgs<'_, I, O, E>) -> S + Send + Sync + 'static,
    ) -> Self {
        Self::direct(name, move |args| checked(scorer(args).into_score()))
    }

    /// As for tasks, the closure is cloned for each call.
    pub(crate) fn asynchronous<S, F, Fut>(name: String, scorer: F) -> Self
    where
        S: IntoScore,
        F: FnOnce(SharedArgs<I, O, E>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = S> + Send + 'static,
    {
        Self::boxed(name, move |args| {
            let scorer = scorer.clone();
            Box::pin(async move { checked(scorer(args).await.into_score()) })
        })
    }

    pub(crate) fn object(scorer: impl Scorer<I, O, E> + 'static) -> Self {
        let (name, scorer) = (scorer.name().to_owned(), Arc::new(scorer));
        Self::boxed(name, move |args| {
            let scorer = Arc::clone(&scorer);
            Box::pin(async move { checked(scorer.score(args).await) })
        })
    }
}

impl<I, O, E, T> BoxScorer<I, O, E, T> {
    /// Of a function that does not await.
    pub(crate) fn direct(
        name: String,
        function: impl Fn(ScorerArgs<'_, I, O, E>) -> Result<T, String> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), function: Function::Now(Box::new(function)) }
    }

    pub(crate) fn boxed(
        name: String,
        function: impl Fn(SharedArgs<I, O, E>) -> BoxFuture<'static, Result<T, String>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self { name: name.into(), function: Function::Later(Box::new(function)) }
    }

    /// Calls it; one that does not wait is done at the first poll.
    pub(crate) async fn call(&self, args: &SharedArgs<I, O, E>) -> Result<T, String> {
        match &self.function {
            Function::Now(function) => function(args.borrowed()),
            Function::Later(function) => function(args.clone()).await,
        }
    }
}

impl<I, O, E> SharedArgs<I, O, E> {
    fn borrowed(&self) -> ScorerArgs<'_, I, O, E> {
        ScorerArgs {
            input: &*self.input,
            output: &*self.output,
            expected: self.expected.as_deref(),
            metadata: &self.metadata,
            tags: &self.tags,
            trace: self.trace.as_deref(),
        }
    }
}

/// A number that is no score is the scorer's failure, not a very good or bad result.
pub(crate) fn checked(score: Result<Score, String>) -> Result<Score, String> {
    let score = score?;
    let numbers = score.parts.iter().map(|(_, part)| part).chain([&score]);
    for number in numbers.filter_map(|score| score.score) {
        if !(0.0..=1.0).contains(&number) {
            return Err(format!("score {number} is outside of 0..=1"));
        }
    }
    Ok(score)
}

impl<I, O, E> Clone for SharedArgs<I, O, E> {
    fn clone(&self) -> Self {
        Self {
            input: Arc::clone(&self.input),
            output: Arc::clone(&self.output),
            expected: self.expected.clone(),
            metadata: Arc::clone(&self.metadata),
            tags: Arc::clone(&self.tags),
            trace: self.trace.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_outside_of_the_range_are_failures() {
        for bad in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            let error = checked(bad.into_score()).expect_err("no score");
            assert!(error.contains("outside of 0..=1"), "{error}");
        }
        assert_eq!(checked(true.into_score()), Ok(Score::new(1.0)));
        assert_eq!(checked(None.into_score()), Ok(Score::skipped()));
        assert!(checked([("a", 0.5), ("b", 2.0)].into_score()).is_err());
        assert!(vec![("a", 0.5), ("a", 1.0)].into_score().is_err_and(|e| e.contains("two scores")));
        assert_eq!(checked(Err::<f64, _>("no").into_score()), Err("no".to_owned()));
    }
}
