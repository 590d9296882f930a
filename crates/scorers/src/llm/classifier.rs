//! One question with a fixed set of answers.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::LlmError;
use super::config::ConfigError;
use super::judge::{Judge, Served};
use super::template::Template;
use super::usage::Usage;

const TOOL: &str = "select_choice";
/// Most characters of an unknown choice that an error repeats.
const MAX_CHOICE_CHARS: usize = 80;

const WITH_REASONS: &str = "\n\nWork through the evidence in `reasons` first, step by step and without \
    naming a choice at the start. Then commit to exactly one choice by calling `select_choice`.";
const WITHOUT_REASONS: &str = "\n\nCommit to exactly one choice by calling `select_choice`.";

/// Asks a model a question and turns its choice into a score.
///
/// This is autoevals' `LLMClassifier`: the model is forced to call the tool `select_choice`, and to
/// write down its reasons before it chooses. A choice that was not offered is an error, never a
/// score. Clones are cheap.
///
/// ```no_run
/// use serde_json::json;
/// use tidegate_scorers::llm::{Judge, LlmClassifier};
///
/// # async fn example(judge: &Judge) -> Result<(), Box<dyn std::error::Error>> {
/// let tone = LlmClassifier::new(
///     judge,
///     "tone",
///     "How does this reply sound?\n\n{{output}}\n\n\"a\": friendly\n\"b\": neutral\n\"c\": rude",
///     [("a", 1.0), ("b", 0.5), ("c", 0.0)],
/// )?;
/// let verdict = tone.score(json!({"output": "Sure, glad to help!"})).await?;
/// assert_eq!(verdict.score, 1.0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct LlmClassifier {
    judge: Judge,
    question: Arc<Question>,
    reasons: Reasons,
}

#[derive(Debug)]
struct Question {
    name: String,
    template: Template,
    choices: Vec<(String, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reasons {
    First,
    None,
}

/// What a model decided.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Verdict {
    /// In 0..=1, by the table of choices.
    pub score: f64,
    /// The choice as it was offered.
    pub choice: String,
    /// The model's reasons, if it was asked for them and gave some.
    pub rationale: Option<String>,
    /// Tokens that this call used: none if the answer was cached.
    pub usage: Usage,
    /// Estimated cost of this call, if the model has a price: 0 if the answer was cached.
    pub cost: Option<f64>,
    /// Where the answer came from.
    pub served: Served,
}

impl Verdict {
    /// Tokens and estimated cost by the names that are customary in a span's metrics:
    /// `prompt_tokens`, `prompt_cached_tokens`, `completion_tokens`,
    /// `completion_reasoning_tokens`, `tokens`, and `estimated_cost` if there is a price.
    #[must_use]
    pub fn metrics(&self) -> Vec<(&'static str, f64)> {
        self.usage.metrics(self.cost)
    }
}

impl LlmClassifier {
    /// A classifier from a [`Template`] and a table of choices.
    ///
    /// The prompt has to say what each choice means; how to answer is added to it.
    ///
    /// # Errors
    /// All that is wrong with the template, and choices that are empty, double, or have a score
    /// outside of 0..=1.
    pub fn new<C: Into<String>>(
        judge: &Judge,
        name: impl Into<String>,
        template: &str,
        choices: impl IntoIterator<Item = (C, f64)>,
    ) -> Result<Self, ConfigError> {
        let choices: Vec<(String, f64)> =
            choices.into_iter().map(|(choice, score)| (choice.into(), score)).collect();
        let mut faults = Vec::new();
        if choices.is_empty() {
            faults.push("there is no choice".to_owned());
        }
        for (at, (choice, score)) in choices.iter().enumerate() {
            if choice.trim().is_empty() || choice.trim() != choice {
                faults.push(format!("the choice {choice:?} is empty or has space around it"));
            }
            if choices[..at].iter().any(|(other, _)| other == choice) {
                faults.push(format!("the choice {choice:?} is there twice"));
            }
            if !(0.0..=1.0).contains(score) {
                faults.push(format!("the score {score} of {choice:?} is outside of 0..=1"));
            }
        }
        let template = Template::new(template);
        if let Err(error) = &template {
            faults.extend_from_slice(error.faults());
        }
        match template {
            Ok(template) if faults.is_empty() => {
                let question = Question { name: name.into(), template, choices };
                let question = Arc::new(question);
                Ok(Self { judge: judge.clone(), question, reasons: Reasons::First })
            }
            _ => Err(ConfigError::unless_empty(faults).expect_err("there is a fault")),
        }
    }

    /// Lets the model choose without writing reasons: cheaper, and less reliable.
    #[must_use]
    pub fn without_chain_of_thought(mut self) -> Self {
        self.reasons = Reasons::None;
        self
    }

    /// The classifier's name, for the score.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.question.name
    }

    /// Asks. `variables` is a map or struct whose members the prompt mentions.
    ///
    /// # Errors
    /// See [`LlmError`].
    ///
    /// # Cancel safety
    /// Dropping it drops the request; nothing is cached then.
    pub async fn score(&self, variables: impl Serialize) -> Result<Verdict, LlmError> {
        let body = self.body(variables)?;
        let ((choice, rationale, usage), served) =
            self.judge.ask("chat/completions", &body, |reply| self.read(reply)).await?;
        let (choice, score) = self.question.choices[choice].clone();
        // A cached answer was paid for by the call that got it.
        let usage = if served == Served::Model { usage } else { Usage::default() };
        let cost = self.judge.cost(usage);
        Ok(Verdict { score, choice, rationale, usage, cost, served })
    }

    fn body(&self, variables: impl Serialize) -> Result<Value, LlmError> {
        let variables = serde_json::to_value(variables).map_err(LlmError::Variables)?;
        let mut prompt = self.question.template.render(&variables)?;
        let mut properties = json!({});
        let mut required = Vec::new();
        // The order of properties is the order in which models write them: reasons come first.
        if self.reasons == Reasons::First {
            properties["reasons"] = json!({
                "type": "string",
                "description": "The evidence and how it leads to the choice, step by step.",
            });
            required.push("reasons");
            prompt.push_str(WITH_REASONS);
        } else {
            prompt.push_str(WITHOUT_REASONS);
        }
        let choices: Vec<&str> = self.choices().collect();
        properties["choice"] =
            json!({"type": "string", "enum": choices, "description": "The choice."});
        required.push("choice");
        let mut body = json!({
            "model": self.judge.model(),
            "messages": [{"role": "user", "content": prompt}],
            "tools": [{"type": "function", "function": {
                "name": TOOL,
                "description": "Records the choice.",
                "parameters": {
                    "type": "object",
                    "properties": properties,
                    "required": required,
                    "additionalProperties": false,
                },
            }}],
            "tool_choice": {"type": "function", "function": {"name": TOOL}},
        });
        if let Some(temperature) = self.judge.temperature() {
            body["temperature"] = json!(temperature);
        }
        Ok(body)
    }

    /// Index of the choice, reasons, tokens.
    fn read(&self, reply: &Value) -> Result<(usize, Option<String>, Usage), LlmError> {
        let wrong = |what: &str| LlmError::Reply { what: what.to_owned() };
        let call = reply
            .pointer("/choices/0/message/tool_calls/0/function")
            .ok_or_else(|| wrong("no tool call"))?;
        if call.get("name").and_then(Value::as_str) != Some(TOOL) {
            return Err(wrong("a call of another tool"));
        }
        let arguments = match call.get("arguments") {
            Some(Value::String(text)) => serde_json::from_str(text)
                .map_err(|_| wrong("the arguments of the tool call are not JSON"))?,
            // Some servers that imitate the API do not make a text of it.
            Some(object @ Value::Object(_)) => object.clone(),
            _ => return Err(wrong("a tool call without arguments")),
        };
        let choice = arguments
            .get("choice")
            .and_then(Value::as_str)
            .ok_or_else(|| wrong("the tool call has no choice"))?;
        let index = self.choices().position(|known| known == choice.trim()).ok_or_else(|| {
            LlmError::UnknownChoice {
                choice: choice.chars().take(MAX_CHOICE_CHARS).collect(),
                known: self.choices().map(str::to_owned).collect(),
            }
        })?;
        let rationale = arguments.get("reasons").and_then(Value::as_str).map(str::to_owned);
        Ok((index, rationale, Usage::of(reply)))
    }

    fn choices(&self) -> impl Iterator<Item = &str> {
        self.question.choices.iter().map(|(choice, _)| choice.as_str())
    }
}

impl fmt::Debug for LlmClassifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LlmClassifier")
            .field("name", &self.question.name)
            .field("judge", &self.judge)
            .field("choices", &self.question.choices)
            .finish_non_exhaustive()
    }
}
