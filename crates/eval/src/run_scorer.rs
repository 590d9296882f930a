//! Scorers of a run as a whole.

use crate::outcome::CaseResult;
use crate::panic;
use crate::runner::Ran;
use crate::scorer::{IntoScore, Score, checked};

type Function<I, O, E> = Box<dyn FnOnce(&[CaseResult<I, O, E>]) -> Result<Score, String> + Send>;

/// A run-wide scorer with its types erased.
pub(crate) struct RunScorer<I, O, E> {
    pub(crate) name: String,
    function: Function<I, O, E>,
}

impl<I, O, E> RunScorer<I, O, E> {
    pub(crate) fn new<S: IntoScore>(
        name: String,
        function: impl FnOnce(&[CaseResult<I, O, E>]) -> S + Send + 'static,
    ) -> Self {
        let function = move |results: &[_]| checked(function(results).into_score());
        Self { name, function: Box::new(function) }
    }
}

impl<I, O, E> Ran<I, O, E>
where
    I: Send + Sync + 'static,
    O: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// Calls the scorers of the whole run, on a thread of their own: they are the user's code over
    /// everything there is, and may take their time.
    pub(crate) async fn score(&mut self, scorers: Vec<RunScorer<I, O, E>>) {
        for RunScorer { name, function } in scorers {
            let results = std::mem::take(&mut self.results);
            let call = tokio::task::spawn_blocking(move || {
                let score = panic::caught_now(|| function(&results));
                (results, score)
            });
            let (results, score) = call.await.expect("panics are caught, and nobody aborts it");
            self.results = results;
            match score {
                Ok(Score { parts, .. }) if !parts.is_empty() => {
                    let parts = parts.into_iter().map(|(name, part)| (name, part.score));
                    self.run_scores.extend(parts);
                }
                Ok(score) => {
                    self.run_scores.insert(name, score.score);
                }
                Err(error) => {
                    self.run_scorer_errors.push(format!("the run scorer {name:?} failed: {error}"));
                }
            }
        }
    }
}
