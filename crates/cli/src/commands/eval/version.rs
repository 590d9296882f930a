//! Versions of tasks and scorers: hashes of what the file says of them, and of the files that it
//! names there.
//!
//! A text of the section counts as the name of a file if there is one of that name, relative to the
//! directory of the evaluation file: a script, a prompt, a schema, `--config=settings.json`. What
//! programs load by themselves, such as modules, is not known here, and neither are variables of
//! the environment; for those there is the key `version`.

use std::fs::File;
use std::io::Read as _;

use anyhow::Context as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tidegate_analysis::comparison::case_key;

use super::file::{Asks, EvalFile, Kind, Scorer, Task, filled};
use super::plan::Evaluation;
use super::task::endpoint;
use crate::env::Environment;
use crate::exit::Failure;

/// How long something may take decides no result, so raising it makes nothing run again.
const NO_PART: [&str; 2] = ["timeout", "retries"];
/// The implementation of scorers changes with it.
const PROGRAM: &str = concat!("tidegate ", env!("CARGO_PKG_VERSION"));

/// The version of a task. The parameters of the matrix are added by the library.
pub(crate) fn task(evaluation: &Evaluation, environment: &Environment) -> Result<String, Failure> {
    let file = &evaluation.file;
    let mut version = Version::new("task");
    version.section(&file.task_written, evaluation)?;
    for value in evaluation.parameters.values() {
        version.files(value, evaluation)?;
    }
    if let Task::Chat(chat) = &evaluation.task {
        let (base, _) =
            endpoint(&file.source, chat.base_url.as_ref(), chat.api_key_env.as_ref(), environment)
                .map_err(super::file::Fault::failure)?;
        version.text(&base);
    }
    Ok(version.end())
}

/// The version of a scorer.
pub(crate) fn scorer(
    scorer: &Scorer,
    evaluation: &Evaluation,
    environment: &Environment,
) -> Result<String, Failure> {
    let file = &evaluation.file;
    let mut version = Version::new("scorer");
    version.section(&scorer.written, evaluation)?;
    if let Some(asks) = asks(&scorer.kind) {
        version.judge(file, asks, environment)?;
    }
    if !matches!(scorer.kind, Kind::Program(_)) {
        version.text(PROGRAM);
    }
    Ok(version.end())
}

fn asks(kind: &Kind) -> Option<&Asks> {
    match kind {
        Kind::Embedding { asks, .. }
        | Kind::Ready { asks, .. }
        | Kind::Custom { asks, .. }
        | Kind::Pairwise { asks, .. } => Some(asks),
        Kind::ExactMatch
        | Kind::Levenshtein
        | Kind::NumericDiff
        | Kind::JsonDiff { .. }
        | Kind::ValidJson
        | Kind::JsonSchema(_)
        | Kind::ListContains { .. }
        | Kind::Program(_) => None,
    }
}

struct Version(Sha256);

impl Version {
    fn new(kind: &str) -> Self {
        let mut version = Self(Sha256::new());
        version.text("1");
        version.text(kind);
        version
    }

    /// With its length, so that no two lists of texts run together to one.
    fn text(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_be_bytes());
        self.0.update(text.as_bytes());
    }

    fn section(&mut self, written: &Value, evaluation: &Evaluation) -> Result<(), Failure> {
        let mut section = written.clone();
        if let Value::Object(members) = &mut section {
            members.retain(|name, _| !NO_PART.contains(&name.as_str()));
        }
        self.text(&case_key(&section));
        self.files(&section, evaluation)
    }

    /// The files that texts in a value name, in their order.
    fn files(&mut self, value: &Value, evaluation: &Evaluation) -> Result<(), Failure> {
        match value {
            Value::String(text) => {
                // The other ones stand for a case, which has its own place in the hash.
                let variables = json!({"parameters": evaluation.parameters});
                let text = match text.contains("{{parameters.") {
                    true => match filled(value, &variables) {
                        Ok(Value::String(text)) => text,
                        Ok(_) | Err(_) => text.clone(),
                    },
                    false => text.clone(),
                };
                self.file(&text, evaluation)?;
                match text.split_once('=') {
                    Some((_, path)) => self.file(path, evaluation),
                    None => Ok(()),
                }
            }
            Value::Array(values) => values.iter().try_for_each(|one| self.files(one, evaluation)),
            Value::Object(members) => {
                members.values().try_for_each(|one| self.files(one, evaluation))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }

    fn file(&mut self, name: &str, evaluation: &Evaluation) -> Result<(), Failure> {
        let path = evaluation.file.directory.join(name);
        if name.is_empty() || !path.is_file() {
            return Ok(());
        }
        let hashed = || -> std::io::Result<Sha256> {
            let (mut file, mut hash) = (File::open(&path)?, Sha256::new());
            let mut buffer = vec![0; 1 << 16];
            loop {
                match file.read(&mut buffer)? {
                    0 => return Ok(hash),
                    count => hash.update(&buffer[..count]),
                }
            }
        };
        let hash = hashed()
            .with_context(|| format!("cannot read {}, which decides results", path.display()))
            .map_err(|error| {
                Failure::usage(error, "make it readable, or keep nothing with --no-cells")
            })?;
        self.text(name);
        self.0.update(hash.finalize());
        Ok(())
    }

    /// What a scorer asks, as far as its own table does not say it.
    fn judge(
        &mut self,
        file: &EvalFile,
        asks: &Asks,
        environment: &Environment,
    ) -> Result<(), Failure> {
        let judge = &file.judge;
        let model = asks.model.clone().or_else(|| judge.model.clone());
        let model = model.or_else(|| environment.get("TIDEGATE_JUDGE_MODEL"));
        let key = judge.api_key_env.as_ref();
        let (base, _) = endpoint(&file.source, judge.base_url.as_ref(), key, environment)
            .map_err(super::file::Fault::failure)?;
        self.text(&model.unwrap_or_default());
        self.text(&base);
        self.text(&json!(judge.temperature).to_string());
        Ok(())
    }

    /// 128 bits are enough to tell versions apart.
    fn end(self) -> String {
        let hash = self.0.finalize();
        hash[..16].iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }
}
