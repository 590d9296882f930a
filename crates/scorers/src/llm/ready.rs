//! The classifiers of autoevals, with its choices and scores and with prompts of our own.

use super::classifier::LlmClassifier;
use super::judge::Judge;

#[cfg(doc)]
use super::PairwiseJudge;

fn ready(judge: &Judge, name: &str, prompt: &str, choices: &[(&str, f64)]) -> LlmClassifier {
    LlmClassifier::new(judge, name, prompt, choices.iter().copied())
        .expect("the prompts are tested")
}

/// Asks whether the output follows instructions better than the expected text does: yes 1, no 0.
///
/// autoevals' `Battle`. Variables: `instructions`, `output`, `expected`. The order of the two texts is fixed; [`PairwiseJudge`] asks in both.
///
/// ```
/// use tidegate_scorers::llm::{Config, Judge, battle};
///
/// let judge = Judge::new(Config::new("http://127.0.0.1:1/v1", "some-model"))?;
/// assert_eq!(battle(&judge).name(), "battle");
/// # Ok::<(), tidegate_scorers::llm::ConfigError>(())
/// ```
#[must_use]
pub fn battle(judge: &Judge) -> LlmClassifier {
    let choices = [("Yes", 1.0), ("No", 0.0)];
    ready(judge, "battle", include_str!("prompts/battle.txt"), &choices)
}

/// Asks whether the output meets a criterion: yes 1, no 0.
///
/// autoevals' `ClosedQA`. Variables: `input`, `criteria`, `output`.
///
/// ```
/// use tidegate_scorers::llm::{Config, Judge, closed_qa};
///
/// let judge = Judge::new(Config::new("http://127.0.0.1:1/v1", "some-model"))?;
/// assert_eq!(closed_qa(&judge).name(), "closed_qa");
/// # Ok::<(), tidegate_scorers::llm::ConfigError>(())
/// ```
#[must_use]
pub fn closed_qa(judge: &Judge) -> LlmClassifier {
    let choices = [("Y", 1.0), ("N", 0.0)];
    ready(judge, "closed_qa", include_str!("prompts/closed_qa.txt"), &choices)
}

/// Asks how the facts of the output relate to those of the expected answer: fewer 0.4, more 0.6, the
/// same 1, contradicting 0, different in nothing that matters 1.
///
/// autoevals' `Factuality`. Variables: `input`, `output`, `expected`.
///
/// ```
/// use tidegate_scorers::llm::{Config, Judge, factuality};
///
/// let judge = Judge::new(Config::new("http://127.0.0.1:1/v1", "some-model"))?;
/// assert_eq!(factuality(&judge).name(), "factuality");
/// # Ok::<(), tidegate_scorers::llm::ConfigError>(())
/// ```
#[must_use]
pub fn factuality(judge: &Judge) -> LlmClassifier {
    let choices = [("A", 0.4), ("B", 0.6), ("C", 1.0), ("D", 0.0), ("E", 1.0)];
    ready(judge, "factuality", include_str!("prompts/factuality.txt"), &choices)
}

/// Asks whether the output is funny: yes 1, no 0, unsure 0.5.
///
/// autoevals' `Humor`. Variables: `output`.
///
/// ```
/// use tidegate_scorers::llm::{Config, Judge, humor};
///
/// let judge = Judge::new(Config::new("http://127.0.0.1:1/v1", "some-model"))?;
/// assert_eq!(humor(&judge).name(), "humor");
/// # Ok::<(), tidegate_scorers::llm::ConfigError>(())
/// ```
#[must_use]
pub fn humor(judge: &Judge) -> LlmClassifier {
    let choices = [("Yes", 1.0), ("No", 0.0), ("Unsure", 0.5)];
    ready(judge, "humor", include_str!("prompts/humor.txt"), &choices)
}

/// Asks whether the output treats the task as possible: declines 0, offers a way 1.
///
/// autoevals' `Possible`. Variables: `input`, `output`.
///
/// ```
/// use tidegate_scorers::llm::{Config, Judge, possible};
///
/// let judge = Judge::new(Config::new("http://127.0.0.1:1/v1", "some-model"))?;
/// assert_eq!(possible(&judge).name(), "possible");
/// # Ok::<(), tidegate_scorers::llm::ConfigError>(())
/// ```
#[must_use]
pub fn possible(judge: &Judge) -> LlmClassifier {
    let choices = [("A", 0.0), ("B", 1.0)];
    ready(judge, "possible", include_str!("prompts/possible.txt"), &choices)
}

/// Asks whether the output is malicious: yes 0, no 1, unsure 0.5.
///
/// autoevals' `Security`. Variables: `output`.
///
/// ```
/// use tidegate_scorers::llm::{Config, Judge, security};
///
/// let judge = Judge::new(Config::new("http://127.0.0.1:1/v1", "some-model"))?;
/// assert_eq!(security(&judge).name(), "security");
/// # Ok::<(), tidegate_scorers::llm::ConfigError>(())
/// ```
#[must_use]
pub fn security(judge: &Judge) -> LlmClassifier {
    let choices = [("Yes", 0.0), ("No", 1.0), ("Unsure", 0.5)];
    ready(judge, "security", include_str!("prompts/security.txt"), &choices)
}

/// Asks whether an SQL query is equivalent to the expected one: correct 1, incorrect 0.
///
/// autoevals' `Sql`. Variables: `input` (the question), `output`, `expected`.
///
/// ```
/// use tidegate_scorers::llm::{Config, Judge, sql};
///
/// let judge = Judge::new(Config::new("http://127.0.0.1:1/v1", "some-model"))?;
/// assert_eq!(sql(&judge).name(), "sql");
/// # Ok::<(), tidegate_scorers::llm::ConfigError>(())
/// ```
#[must_use]
pub fn sql(judge: &Judge) -> LlmClassifier {
    let choices = [("Correct", 1.0), ("Incorrect", 0.0)];
    ready(judge, "sql", include_str!("prompts/sql.txt"), &choices)
}

/// Asks which of two summaries is better: the expected one 0, the output 1.
///
/// autoevals' `Summary`. Variables: `input` (the text), `output`, `expected`. The order of the two is fixed.
///
/// ```
/// use tidegate_scorers::llm::{Config, Judge, summary};
///
/// let judge = Judge::new(Config::new("http://127.0.0.1:1/v1", "some-model"))?;
/// assert_eq!(summary(&judge).name(), "summary");
/// # Ok::<(), tidegate_scorers::llm::ConfigError>(())
/// ```
#[must_use]
pub fn summary(judge: &Judge) -> LlmClassifier {
    let choices = [("A", 0.0), ("B", 1.0)];
    ready(judge, "summary", include_str!("prompts/summary.txt"), &choices)
}

/// Asks whether a translation means the same as the expected one: yes 1, no 0.
///
/// autoevals' `Translation`. Variables: `input`, `language` (of the input), `output`, `expected`.
///
/// ```
/// use tidegate_scorers::llm::{Config, Judge, translation};
///
/// let judge = Judge::new(Config::new("http://127.0.0.1:1/v1", "some-model"))?;
/// assert_eq!(translation(&judge).name(), "translation");
/// # Ok::<(), tidegate_scorers::llm::ConfigError>(())
/// ```
#[must_use]
pub fn translation(judge: &Judge) -> LlmClassifier {
    let choices = [("Y", 1.0), ("N", 0.0)];
    ready(judge, "translation", include_str!("prompts/translation.txt"), &choices)
}
