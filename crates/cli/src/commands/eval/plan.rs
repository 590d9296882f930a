//! From files to evaluations: one per file, or one per combination of its matrix.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::file::{Axis, AxisValue, Chat, EvalFile, Task};
use crate::args::eval::Eval as Arguments;
use crate::exit::Failure;

/// One run: a file with the parameters of one combination.
#[derive(Debug, Clone)]
pub(crate) struct Evaluation {
    pub(crate) file: Arc<EvalFile>,
    /// Values of the matrix, as written; empty without one.
    pub(crate) parameters: Map<String, Value>,
    pub(crate) task: Task,
    /// Name of the experiment, if the file, the command line or the matrix gives one.
    pub(crate) experiment: Option<String>,
}

impl Evaluation {
    /// What a person knows it by.
    pub(crate) fn label(&self) -> String {
        match &self.experiment {
            Some(experiment) => format!("{} / {experiment}", self.file.project),
            None => self.file.project.clone(),
        }
    }
}

/// Everything that will run, in order.
pub(crate) fn evaluations(
    files: Vec<EvalFile>,
    arguments: &Arguments,
) -> Result<Vec<Evaluation>, Failure> {
    let mut evaluations = Vec::new();
    for file in files {
        let file = Arc::new(file);
        let named = arguments.run.experiment.as_ref().or(file.experiment.as_ref());
        for combination in combinations(&file.matrix) {
            let mut task = file.task.clone();
            if let Task::Chat(chat) = &mut task {
                apply(chat, &combination, &file)?;
            }
            let label: Vec<String> =
                combination.iter().map(|(axis, value)| label(axis, value)).collect();
            let experiment = match (named, label.is_empty()) {
                (named, true) => named.cloned(),
                (Some(named), false) => Some(format!("{named} ({})", label.join(", "))),
                (None, false) => Some(label.join(", ")),
            };
            let parameters = combination.iter();
            let parameters = parameters
                .map(|(axis, value)| (axis.name.clone(), value.written.clone()))
                .collect();
            evaluations.push(Evaluation { file: Arc::clone(&file), parameters, task, experiment });
        }
    }
    if arguments.run.update && evaluations.iter().any(|evaluation| evaluation.experiment.is_none())
    {
        let error = anyhow::anyhow!("--update needs the name of an experiment");
        return Err(Failure::usage(error, "add --experiment NAME, or experiment to the file"));
    }
    Ok(evaluations)
}

fn label(axis: &Axis, value: &AxisValue) -> String {
    const MOST_CHARS: usize = 40;
    let text = match &value.written {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = line.chars().take(MOST_CHARS).collect();
    let cut = if short.len() < line.len() { "…" } else { "" };
    format!("{}={short}{cut}", axis.name)
}

/// The last parameter changes fastest; without any there is one empty combination.
fn combinations(matrix: &[Axis]) -> Vec<Vec<(&Axis, &AxisValue)>> {
    let mut combinations = vec![Vec::new()];
    for axis in matrix {
        let mut longer = Vec::new();
        for combination in &combinations {
            for value in &axis.values {
                longer.push(combination.iter().copied().chain([(axis, value)]).collect());
            }
        }
        combinations = longer;
    }
    combinations
}

/// Puts values where a chat has a setting of that name; others only fill places in its prompts.
fn apply(
    chat: &mut Chat,
    combination: &[(&Axis, &AxisValue)],
    file: &EvalFile,
) -> Result<(), Failure> {
    for (axis, value) in combination {
        let wrong = |wanted: &str| {
            let message = format!("matrix.{} must hold {wanted}", axis.name);
            file.source.fault(value.place, message, format!("write {wanted}")).failure()
        };
        match axis.name.as_str() {
            "prompt" => chat.prompt = value.prompt.clone(),
            "system" => chat.system = value.prompt.clone(),
            "model" => {
                let model = value.written.as_str().ok_or_else(|| wrong("names of models"))?;
                chat.model = Some(model.to_owned());
            }
            "temperature" => {
                let number = value.written.as_f64().filter(|number| *number >= 0.0);
                chat.temperature = Some(number.ok_or_else(|| wrong("numbers of at least 0"))?);
            }
            "max_tokens" => {
                let most = value.written.as_u64().and_then(|most| u32::try_from(most).ok());
                let most = most.filter(|most| *most > 0);
                chat.max_tokens = Some(most.ok_or_else(|| wrong("whole numbers above 0"))?);
            }
            _ => {}
        }
    }
    Ok(())
}
