//! Results as JSON, one object a trial.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use crate::json;
use crate::outcome::CaseResult;

impl<I: Serialize, O: Serialize, E: Serialize> CaseResult<I, O, E> {
    /// One trial for machines: what [`jsonl`] writes a line of.
    ///
    /// Members, all of them always there: `case_id` (text or null), `trial` (number from 0),
    /// `input`, `output` (null if the task failed), `expected` (null if there is none), `error`
    /// (text or null), `scores` (number or null by name), `scorer_errors` (text by name),
    /// `metrics` (numbers by name, `duration` of the task in seconds among them), `metadata`
    /// (object) and `tags` (texts). Only where there are some: `classifications` (by name, each an
    /// array of [`Classification`](crate::Classification)s) and `classifier_errors` (text by name).
    /// `tidegate export` writes the same, with the ids of the recorded trial.
    ///
    /// A value that cannot be serialized becomes a text that says so.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut metrics = self.metrics.clone();
        metrics.insert("duration".to_owned(), self.duration.as_secs_f64());
        let mut all = json!({
            "case_id": self.case_id,
            "trial": self.trial,
            "input": json::value(&*self.input),
            "output": self.output.as_deref().map(json::value),
            "expected": self.expected.as_deref().map(json::value),
            "error": self.error,
            "scores": self.scores,
            "scorer_errors": self.scorer_errors,
            "metrics": metrics,
            "metadata": self.metadata,
            "tags": self.tags,
        });
        if !self.classifications.is_empty() {
            all["classifications"] = json!(self.classifications);
        }
        if !self.classifier_errors.is_empty() {
            all["classifier_errors"] = json!(self.classifier_errors);
        }
        all
    }
}

/// Writes results as JSON Lines, one [`CaseResult::to_json`] a line, in their order.
///
/// ```
/// use tidegate_eval::{Case, Eval, Report, report};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let outcome = Eval::new("greetings")
///     .data([Case::new("Ada").expected("Hello, Ada")])
///     .task(async |name, _cx| format!("Hello, {name}"))
///     .report(Report::Silent)
///     .run_without_sending()
///     .await?;
/// let mut lines = Vec::new();
/// report::jsonl(&outcome.results, &mut lines).expect("memory takes everything");
/// assert!(lines.starts_with(br#"{"case_id":null,"trial":0,"input":"Ada","output":"Hello, Ada""#));
/// # Ok::<(), tidegate_eval::EvalError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// What `out` says.
pub fn jsonl<'a, I, O, E>(
    results: impl IntoIterator<Item = &'a CaseResult<I, O, E>>,
    out: &mut impl Write,
) -> io::Result<()>
where
    I: Serialize + 'a,
    O: Serialize + 'a,
    E: Serialize + 'a,
{
    for result in results {
        serde_json::to_writer(&mut *out, &result.to_json())?;
        out.write_all(b"\n")?;
    }
    out.flush()
}
