//! The scorers of an evaluation, ready to be called.

mod answer;
mod asking;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tidegate_eval::{Eval, Score, SharedArgs};
use tidegate_scorers::llm::{Config, EmbeddingSimilarity, Judge, LlmClassifier, PairwiseJudge};
use tidegate_scorers::{
    JsonDiff, JsonSchema, ListContains, exact_match, levenshtein, numeric_diff, valid_json,
};

use super::file::{EvalFile, Fault, Kind, Scorer};
use super::plan::Evaluation;
use super::task::{Caller, endpoint};
use crate::env::Environment;
use crate::exit::Failure;

pub(crate) type Args = SharedArgs<Value, Value, Value>;

/// Scorers with their programs found and their models known.
#[derive(Debug)]
pub(crate) struct Scorers {
    ready: Vec<Ready>,
}

#[derive(Debug, Clone)]
struct Ready {
    name: String,
    output: Option<String>,
    expected: Option<String>,
    how: How,
}

#[derive(Debug, Clone)]
enum How {
    Exact,
    Levenshtein,
    Numeric,
    JsonDiff {
        preserve_strings: bool,
    },
    ValidJson,
    Schema(Arc<JsonSchema>),
    List(ListContains),
    Embedding(EmbeddingSimilarity),
    Classifier {
        classifier: LlmClassifier,
        needs_expected: bool,
        variables: Arc<Map<String, Value>>,
    },
    Pairwise {
        judge: PairwiseJudge,
        variables: Arc<Map<String, Value>>,
    },
    Program(Arc<Caller>),
}

impl Scorers {
    /// Finds programs, models and keys; nothing is started or sent.
    pub(crate) fn new(evaluation: &Evaluation, environment: &Environment) -> Result<Self, Failure> {
        let file = &evaluation.file;
        let mut judges = Judges { file, environment, known: BTreeMap::new() };
        let ready = file.scorers.iter().map(|scorer| {
            let how = how(scorer, evaluation, &mut judges).map_err(Fault::failure)?;
            Ok(Ready {
                name: scorer.name.clone(),
                output: scorer.output.clone(),
                expected: scorer.expected.clone(),
                how,
            })
        });
        Ok(Self { ready: ready.collect::<Result<_, Failure>>()? })
    }

    /// Adds all of them to an evaluation.
    pub(crate) fn add(&self, eval: Eval<Value, Value, Value>) -> Eval<Value, Value, Value> {
        self.ready.iter().fold(eval, |eval, ready| {
            let ready = Arc::new(ready.clone());
            eval.scorer_async(ready.name.clone(), move |args: Args| async move {
                ready.score(args).await
            })
        })
    }

    pub(crate) async fn close(&self) {
        for ready in &self.ready {
            if let How::Program(program) = &ready.how {
                program.close().await;
            }
        }
    }
}

fn how(scorer: &Scorer, evaluation: &Evaluation, judges: &mut Judges<'_>) -> Result<How, Fault> {
    let (file, environment) = (judges.file, judges.environment);
    let fault = |error: String| file.source.fault(scorer.place, error, "correct the scorer");
    Ok(match &scorer.kind {
        Kind::ExactMatch => How::Exact,
        Kind::Levenshtein => How::Levenshtein,
        Kind::NumericDiff => How::Numeric,
        Kind::JsonDiff { preserve_strings } => {
            How::JsonDiff { preserve_strings: *preserve_strings }
        }
        Kind::ValidJson => How::ValidJson,
        Kind::JsonSchema(schema) => How::Schema(Arc::clone(schema)),
        Kind::ListContains { allow_extra_entities: false } => How::List(ListContains::new()),
        Kind::ListContains { allow_extra_entities: true } => {
            How::List(ListContains::new().allow_extra_entities())
        }
        Kind::Embedding { asks, minimum, prefix } => {
            let mut similarity = EmbeddingSimilarity::new(&judges.get(scorer, asks)?);
            if let Some(minimum) = minimum {
                similarity = similarity.minimum(*minimum);
            }
            How::Embedding(match prefix {
                Some(prefix) => similarity.prefix(prefix),
                None => similarity,
            })
        }
        Kind::Ready { classifier, asks } => {
            let made = (classifier.make)(&judges.get(scorer, asks)?);
            let made = if asks.chain_of_thought { made } else { made.without_chain_of_thought() };
            How::Classifier {
                classifier: made,
                needs_expected: classifier.needs_expected,
                variables: Arc::new(asks.variables.clone()),
            }
        }
        Kind::Custom { prompt, choices, asks } => {
            let judge = judges.get(scorer, asks)?;
            let choices = choices.iter().map(|(choice, score)| (choice.as_str(), *score));
            let made = LlmClassifier::new(&judge, &scorer.name, prompt, choices);
            let made = made.map_err(|error| fault(error.to_string()))?;
            let made = if asks.chain_of_thought { made } else { made.without_chain_of_thought() };
            How::Classifier {
                classifier: made,
                needs_expected: false,
                variables: Arc::new(asks.variables.clone()),
            }
        }
        Kind::Pairwise { prompt, asks } => {
            let judge = judges.get(scorer, asks)?;
            let made = match prompt {
                Some(prompt) => PairwiseJudge::with_template(&judge, prompt)
                    .map_err(|error| fault(error.to_string()))?,
                None => PairwiseJudge::new(&judge),
            };
            let judge = if asks.chain_of_thought { made } else { made.without_chain_of_thought() };
            How::Pairwise { judge, variables: Arc::new(asks.variables.clone()) }
        }
        Kind::Program(program) => How::Program(Caller::new(
            program,
            &file.source,
            &file.directory,
            &evaluation.parameters,
            environment,
        )?),
    })
}

/// One judge per model, so that scorers share its connections, its bound and its cache.
struct Judges<'a> {
    file: &'a EvalFile,
    environment: &'a Environment,
    known: BTreeMap<String, Judge>,
}

impl Judges<'_> {
    fn get(&mut self, scorer: &Scorer, asks: &super::file::Asks) -> Result<Judge, Fault> {
        let EvalFile { source, judge, prices, .. } = self.file;
        let fault = |message: String, hint: &str| source.fault(scorer.place, message, hint);
        let model = asks.model.clone().or_else(|| judge.model.clone());
        let model =
            model.or_else(|| self.environment.get("TIDEGATE_JUDGE_MODEL")).ok_or_else(|| {
                let message = format!("nothing says which model {:?} asks", scorer.name);
                fault(message, "set judge.model in the file, or TIDEGATE_JUDGE_MODEL")
            })?;
        if let Some(known) = self.known.get(&model) {
            return Ok(known.clone());
        }
        let key = judge.api_key_env.as_ref();
        let (base, key) = endpoint(source, judge.base_url.as_ref(), key, self.environment)?;
        let mut config = Config::new(base, &model).prices(prices.clone());
        if let Some(temperature) = judge.temperature {
            config = config.temperature(temperature);
        }
        if let Some(most) = judge.max_concurrency {
            config = config.max_concurrency(most);
        }
        if let Some(timeout) = judge.timeout {
            config = config.timeout(timeout);
        }
        if let Some(key) = key {
            config = config.api_key(key);
        }
        let made = Judge::new(config);
        let made = made.map_err(|error| fault(error.to_string(), "correct [judge]"))?;
        self.known.insert(model, made.clone());
        Ok(made)
    }
}

impl Ready {
    async fn score(&self, args: Args) -> Result<Score, String> {
        let part = |value: &Value, pointer: &Option<String>| match pointer {
            // What is not there is a wrong answer, not a fault of the scorer.
            Some(pointer) => value.pointer(pointer).cloned().unwrap_or(Value::Null),
            None => value.clone(),
        };
        let output = part(&args.output, &self.output);
        let expected = args.expected.as_deref().map(|expected| part(expected, &self.expected));
        // Without an expected value there is nothing to compare with.
        let compared = |score: fn(&Value, &Value) -> f64| match &expected {
            Some(expected) => Score::new(score(&output, expected)),
            None => Score::skipped(),
        };
        match &self.how {
            How::Exact => Ok(compared(|output, expected| exact_match(output, expected))),
            How::Levenshtein => {
                Ok(compared(|output, expected| levenshtein(text(output), text(expected))))
            }
            How::Numeric => match &expected {
                None => Ok(Score::skipped()),
                Some(expected) => {
                    let wanted = number(expected)
                        .ok_or_else(|| format!("the expected value is no number: {expected}"))?;
                    Ok(Score::new(
                        number(&output).map_or(0.0, |output| numeric_diff(output, wanted)),
                    ))
                }
            },
            How::JsonDiff { preserve_strings } => Ok(match &expected {
                None => Score::skipped(),
                Some(expected) => {
                    let diff = JsonDiff::new();
                    let diff = if *preserve_strings { diff.preserve_strings() } else { diff };
                    Score::new(diff.score(&output, expected))
                }
            }),
            How::ValidJson => Ok(Score::new(valid_json(&output))),
            How::Schema(schema) => Ok(Score::new(schema.score(&output))),
            How::List(list) => match &expected {
                None => Ok(Score::skipped()),
                Some(expected) => {
                    let wanted = texts(expected)
                        .ok_or_else(|| format!("the expected value is no array: {expected}"))?;
                    Ok(Score::new(
                        texts(&output).map_or(0.0, |output| list.score(&output, &wanted)),
                    ))
                }
            },
            How::Embedding(similarity) => match &expected {
                None => Ok(Score::skipped()),
                Some(expected) => asking::embedding(similarity, &output, expected).await,
            },
            How::Classifier { needs_expected: true, .. } | How::Pairwise { .. }
                if expected.is_none() =>
            {
                Ok(Score::skipped())
            }
            How::Classifier { classifier, variables, .. } => {
                let all = variables_of(&args, &output, expected.as_ref());
                asking::classifier(classifier, all, variables).await
            }
            How::Pairwise { judge, variables } => {
                let all = variables_of(&args, &output, expected.as_ref());
                let expected = expected.unwrap_or_default();
                asking::pairwise(judge, &output, &expected, all, variables).await
            }
            How::Program(program) => {
                let request = variables_of(&args, &output, expected.as_ref());
                let reply = program.call(&request).await;
                let reply = reply.map_err(|error| error.message().to_owned())?;
                asking::record(&reply.metrics).await;
                let score = answer::score(&self.name, reply.output)?;
                let with = |score: Score, (name, value)| score.metadata(name, &value);
                Ok(reply.metadata.into_iter().fold(score, with))
            }
        }
    }
}

/// What scorers see of a trial, as JSON.
fn variables_of(args: &Args, output: &Value, expected: Option<&Value>) -> Value {
    let mut all = json!({"input": *args.input, "output": output});
    if let Some(expected) = expected {
        all["expected"] = expected.clone();
    }
    if !args.metadata.is_empty() {
        all["metadata"] = Value::Object((*args.metadata).clone());
    }
    if !args.tags.is_empty() {
        all["tags"] = json!(*args.tags);
    }
    all
}

/// A text as it is, anything else as JSON.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A number, or the text of one.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    }
}

/// The elements of an array, or of the JSON text of one.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(values) => Some(values.iter().map(text).collect()),
        Value::String(json) => {
            let values: Vec<Value> = serde_json::from_str(json).ok()?;
            Some(values.iter().map(text).collect())
        }
        _ => None,
    }
}
