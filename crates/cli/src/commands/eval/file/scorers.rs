//! `[[scorers]]` and `[judge]`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tidegate_scorers::JsonSchema;
use tidegate_scorers::llm::{self, LlmClassifier};

use super::reader::{Fault, Place, Table, did_you_mean};
use super::task::{self, Program};

const MAX_SCHEMA_BYTES: u64 = 4 << 20;

#[derive(Debug, Clone)]
pub(crate) struct Scorer {
    pub(crate) name: String,
    pub(crate) place: Place,
    /// Names of the scores that it gives.
    pub(crate) scores: Vec<String>,
    /// Which parts of output and expected value it sees, as JSON pointers.
    pub(crate) output: Option<String>,
    pub(crate) expected: Option<String>,
    pub(crate) kind: Kind,
    /// Its table, for its version.
    pub(crate) written: Value,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    ExactMatch,
    Levenshtein,
    NumericDiff,
    JsonDiff { preserve_strings: bool },
    ValidJson,
    JsonSchema(Arc<JsonSchema>),
    ListContains { allow_extra_entities: bool },
    Embedding { asks: Asks, minimum: Option<f64>, prefix: Option<String> },
    Ready { classifier: Classifier, asks: Asks },
    Custom { prompt: String, choices: Vec<(String, f64)>, asks: Asks },
    Pairwise { prompt: Option<String>, asks: Asks },
    Program(Program),
}

/// What scorers that ask a model have in common.
#[derive(Debug, Clone)]
pub(crate) struct Asks {
    pub(crate) model: Option<String>,
    pub(crate) chain_of_thought: bool,
    /// Further variables of the prompt; their texts are templates.
    pub(crate) variables: Map<String, Value>,
}

/// One of the classifiers with a prompt of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Classifier {
    pub(crate) make: fn(&llm::Judge) -> LlmClassifier,
    pub(crate) needs_expected: bool,
    /// Variables that the prompt needs beside those of every case.
    needs: &'static [&'static str],
}

/// `[judge]`: the model that scorers ask.
#[derive(Debug, Clone, Default)]
pub(crate) struct Judge {
    pub(crate) model: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) api_key_env: Option<(String, Place)>,
    pub(crate) temperature: Option<f64>,
    pub(crate) max_concurrency: Option<usize>,
    pub(crate) timeout: Option<Duration>,
}

const READY: [(&str, Classifier); 9] = [
    ("battle", Classifier { make: llm::battle, needs_expected: true, needs: &[] }),
    ("closed_qa", Classifier { make: llm::closed_qa, needs_expected: false, needs: &["criteria"] }),
    ("factuality", Classifier { make: llm::factuality, needs_expected: true, needs: &[] }),
    ("humor", Classifier { make: llm::humor, needs_expected: false, needs: &[] }),
    ("possible", Classifier { make: llm::possible, needs_expected: false, needs: &[] }),
    ("security", Classifier { make: llm::security, needs_expected: false, needs: &[] }),
    ("sql", Classifier { make: llm::sql, needs_expected: true, needs: &[] }),
    ("summary", Classifier { make: llm::summary, needs_expected: true, needs: &[] }),
    (
        "translation",
        Classifier { make: llm::translation, needs_expected: true, needs: &["language"] },
    ),
];
const TYPES: [&str; 10] = [
    "exact_match",
    "levenshtein",
    "numeric_diff",
    "json_diff",
    "valid_json",
    "json_schema",
    "list_contains",
    "embedding_similarity",
    "llm_classifier",
    "pairwise",
];
const COMMON: [&str; 5] = ["type", "name", "output", "expected", "version"];
const ASKS: [&str; 3] = ["model", "chain_of_thought", "variables"];

/// Scorers of a file; none is allowed, for a run that only records outputs.
pub(super) fn read(root: &Table<'_>, directory: &Path) -> Result<Vec<Scorer>, Fault> {
    let Some(item) = root.get("scorers") else { return Ok(Vec::new()) };
    let mut scorers: Vec<Scorer> = Vec::new();
    for item in item.array()? {
        let mut scorer = scorer(&item.table()?, directory)?;
        scorer.written = item.json()?;
        let taken = |name: &String| scorers.iter().any(|other| other.scores.contains(name));
        if let Some(name) = scorer.scores.iter().find(|name| taken(name)) {
            let message = format!("two scorers give a score named {name:?}");
            return Err(item.fault(message, "give one of them another name"));
        }
        scorers.push(scorer);
    }
    Ok(scorers)
}

fn scorer(table: &Table<'_>, directory: &Path) -> Result<Scorer, Fault> {
    let is_program = table.get("command").is_some();
    let (kind, default_name) = if is_program {
        let own = ["command", "mode", "format", "env", "timeout", "scores"];
        table.only(&[&COMMON[1..], &own].concat())?;
        (Kind::Program(task::program(table)?), None)
    } else {
        let hint = "name a type, as in type = \"exact_match\", or a command";
        let item = table.need("type", hint)?;
        let name = item.text()?;
        (self::kind(table, name, directory)?, Some(name))
    };
    let text = |key: &str| table.get(key).map(|item| item.text().map(str::to_owned)).transpose();
    let pointer = |key: &str| table.get(key).map(|item| task::pointer(&item)).transpose();
    let name = match (text("name")?, default_name) {
        (Some(name), _) => name,
        (None, Some(name)) => name.to_owned(),
        (None, None) => {
            let item = table.need("name", "name the score that this program gives")?;
            item.text()?.to_owned()
        }
    };
    if ["no_regression", "duration"].contains(&name.as_str()) {
        let message = format!("a scorer cannot be named {name:?}");
        return Err(table.source.fault(table.place, message, "give it another name"));
    }
    text("version")?;
    let scores = table.get("scores").map(|item| item.texts()).transpose()?;
    Ok(Scorer {
        scores: scores.unwrap_or_else(|| vec![name.clone()]),
        name,
        place: table.place,
        output: pointer("output")?,
        expected: pointer("expected")?,
        kind,
        written: Value::Null,
    })
}

fn kind(table: &Table<'_>, name: &str, directory: &Path) -> Result<Kind, Fault> {
    let only = |keys: &[&str]| table.only(&[&COMMON[..], keys].concat());
    let flag = |key: &str| table.get(key).map(|item| item.boolean()).transpose();
    if let Some((_, classifier)) = READY.iter().find(|(known, _)| *known == name) {
        only(&ASKS)?;
        let asks = asks(table)?;
        if let Some(missing) =
            classifier.needs.iter().find(|need| !asks.variables.contains_key(**need))
        {
            let message = format!("{name} needs the variable {missing:?}");
            let hint = format!("add variables = {{ {missing} = \"…\" }}");
            return Err(table.source.fault(table.place, message, hint));
        }
        return Ok(Kind::Ready { classifier: *classifier, asks });
    }
    Ok(match name {
        "exact_match" | "levenshtein" | "numeric_diff" | "valid_json" => {
            only(&[])?;
            match name {
                "exact_match" => Kind::ExactMatch,
                "levenshtein" => Kind::Levenshtein,
                "numeric_diff" => Kind::NumericDiff,
                _ => Kind::ValidJson,
            }
        }
        "json_diff" => {
            only(&["preserve_strings"])?;
            Kind::JsonDiff { preserve_strings: flag("preserve_strings")?.unwrap_or(false) }
        }
        "json_schema" => {
            only(&["schema"])?;
            Kind::JsonSchema(Arc::new(schema(table, directory)?))
        }
        "list_contains" => {
            only(&["allow_extra_entities"])?;
            let allow_extra_entities = flag("allow_extra_entities")?.unwrap_or(false);
            Kind::ListContains { allow_extra_entities }
        }
        "embedding_similarity" => {
            only(&["model", "minimum", "prefix"])?;
            let minimum = table.get("minimum");
            let minimum = minimum.map(|item| item.number_in(-1.0..1.0, "below 1")).transpose()?;
            let prefix = table.get("prefix").map(|item| item.text().map(str::to_owned));
            Kind::Embedding { asks: asks(table)?, minimum, prefix: prefix.transpose()? }
        }
        "llm_classifier" => {
            only(&[&ASKS[..], &["prompt", "choices"]].concat())?;
            let prompt = table.need("prompt", "write the question, with places as {{output}}")?;
            let choices = table.need("choices", "write choices = { Yes = 1, No = 0 }")?;
            let choices = choices.table()?.items();
            let choices = choices.map(|item| {
                Ok((item.key.to_owned(), item.number_in(0.0..=1.0, "a number from 0 to 1")?))
            });
            Kind::Custom {
                prompt: prompt_text(&prompt, directory)?,
                choices: choices.collect::<Result<_, _>>()?,
                asks: asks(table)?,
            }
        }
        "pairwise" => {
            only(&[&ASKS[..], &["prompt"]].concat())?;
            let prompt = table.get("prompt").map(|item| prompt_text(&item, directory));
            Kind::Pairwise { prompt: prompt.transpose()?, asks: asks(table)? }
        }
        unknown => {
            let known = || READY.iter().map(|(name, _)| *name).chain(TYPES);
            let list = known().collect::<Vec<_>>().join(", ");
            let hint = did_you_mean(unknown, known()).unwrap_or(format!("known are {list}"));
            let place = table.get("type").map_or(table.place, |item| item.place);
            let message = format!("unknown type of scorer {unknown:?}");
            return Err(table.source.fault(place, message, hint));
        }
    })
}

fn prompt_text(item: &super::reader::Item<'_>, directory: &Path) -> Result<String, Fault> {
    let prompt = task::prompt(item, directory)?;
    match prompt.file {
        None => Ok(item.text()?.to_owned()),
        Some(path) => std::fs::read_to_string(&path)
            .map_err(|error| item.fault(format!("cannot read {}: {error}", path.display()), "")),
    }
}

fn asks(table: &Table<'_>) -> Result<Asks, Fault> {
    let flag = table.get("chain_of_thought").map(|item| item.boolean()).transpose()?;
    Ok(Asks {
        model: table.get("model").map(|item| item.text().map(str::to_owned)).transpose()?,
        chain_of_thought: flag.unwrap_or(true),
        variables: table
            .get("variables")
            .map(|item| item.object())
            .transpose()?
            .unwrap_or_default(),
    })
}

/// A schema in the file, or the name of a file with one.
fn schema(table: &Table<'_>, directory: &Path) -> Result<JsonSchema, Fault> {
    let item = table.need("schema", "write the schema, or the name of its file")?;
    let schema = if item.is_text() {
        let path = directory.join(item.text()?);
        let read = || -> Result<Value, String> {
            let found = std::fs::metadata(&path).map_err(|error| error.to_string())?;
            if found.len() > MAX_SCHEMA_BYTES {
                return Err("it is larger than 4 MiB".to_owned());
            }
            let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
            serde_json::from_str(&text).map_err(|error| format!("no JSON: {error}"))
        };
        read().map_err(|error| {
            let message = format!("cannot read the schema {}: {error}", path.display());
            item.fault(message, "paths are relative to the directory of this file")
        })?
    } else {
        item.json()?
    };
    JsonSchema::new(&schema).map_err(|error| item.fault(error, "see https://json-schema.org"))
}

pub(super) fn judge(root: &Table<'_>) -> Result<Judge, Fault> {
    let Some(item) = root.get("judge") else { return Ok(Judge::default()) };
    let table = item.table()?;
    table.only(&[
        "model",
        "base_url",
        "api_key_env",
        "temperature",
        "max_concurrency",
        "timeout",
    ])?;
    let text = |key: &str| table.get(key).map(|item| item.text().map(str::to_owned)).transpose();
    let key = table.get("api_key_env");
    let temperature = table.get("temperature");
    let most = table.get("max_concurrency").map(|item| item.whole(1..10_001)).transpose()?;
    Ok(Judge {
        model: text("model")?,
        base_url: text("base_url")?,
        api_key_env: key.map(|item| Ok((item.text()?.to_owned(), item.place))).transpose()?,
        temperature: temperature.map(|item| item.number_in(0.0.., "at least 0")).transpose()?,
        max_concurrency: most.and_then(|most| usize::try_from(most).ok()),
        timeout: table.get("timeout").map(|item| item.duration()).transpose()?,
    })
}
