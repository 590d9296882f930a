//! The TOML file: everything it says, checked, with paths already relative to its directory.

mod data;
mod gates;
pub(crate) mod reader;
mod scorers;
mod task;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Map, Value};
use tidegate_scorers::llm::Prices;

pub(crate) use data::{Columns, Data};
pub(crate) use gates::Gate;
pub(crate) use reader::{Fault, Place, Source};
pub(crate) use scorers::{Asks, Judge, Kind, Scorer};
pub(crate) use task::{Chat, Format, Http, Mode, Program, Prompt, Stdin, Task, filled};

use crate::exit::Failure;
use reader::Table;

/// A description of an evaluation is a page or two; anything larger belongs into the data file.
const MAX_FILE_BYTES: u64 = 16 << 20;
const MOST_COMBINATIONS: usize = 1_000;
const MOST_AT_ONCE: u64 = 100_000;
const KEYS: [&str; 13] = [
    "project",
    "experiment",
    "description",
    "tags",
    "metadata",
    "data",
    "cases",
    "task",
    "matrix",
    "scorers",
    "judge",
    "prices",
    "gate",
];

#[derive(Debug)]
pub(crate) struct EvalFile {
    pub(crate) source: Source,
    pub(crate) directory: PathBuf,
    pub(crate) project: String,
    pub(crate) experiment: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) data: Data,
    pub(crate) task: Task,
    /// The table `[task]`, for its version.
    pub(crate) task_written: Value,
    pub(crate) matrix: Vec<Axis>,
    pub(crate) scorers: Vec<Scorer>,
    pub(crate) judge: Judge,
    pub(crate) prices: Prices,
    pub(crate) gates: Vec<Gate>,
    pub(crate) run: RunOptions,
}

/// One parameter and the values it takes.
#[derive(Debug)]
pub(crate) struct Axis {
    pub(crate) name: String,
    pub(crate) values: Vec<AxisValue>,
}

#[derive(Debug, Clone)]
pub(crate) struct AxisValue {
    /// As it is written, which names the combination.
    pub(crate) written: Value,
    /// With the content of a file where it names a prompt.
    pub(crate) prompt: Option<Prompt>,
    pub(crate) place: Place,
}

/// The table `[run]`; `None` leaves it to the default of the library.
#[derive(Debug, Default)]
pub(crate) struct RunOptions {
    pub(crate) max_concurrency: Option<usize>,
    /// From as few tasks at once to as many.
    pub(crate) adaptive_concurrency: Option<(usize, usize)>,
    pub(crate) scorer_concurrency: Option<usize>,
    pub(crate) trials: Option<u32>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) case_timeout: Option<Duration>,
    pub(crate) max_errors: Option<u64>,
    pub(crate) error_score: Option<f64>,
}

/// Reads a file whose path is shown as the user wrote it.
pub(crate) fn read(shown: &str) -> Result<EvalFile, Failure> {
    let path = Path::new(shown);
    let text = || -> anyhow::Result<String> {
        let bytes = std::fs::metadata(path)?.len();
        anyhow::ensure!(bytes <= MAX_FILE_BYTES, "it is larger than 16 MiB");
        Ok(std::fs::read_to_string(path)?)
    };
    let text = text().with_context(|| format!("cannot read {shown}"));
    let text = text.map_err(|error| {
        Failure::usage(error, "name a TOML file that describes an evaluation: docs/eval-file.md")
    })?;
    let source = Source { shown: shown.to_owned(), text };
    // Empty for a file named without a directory, so that paths in messages stay short.
    let directory = path.parent().unwrap_or(Path::new("")).to_owned();
    let parts = parts(&source, &directory).map_err(Fault::failure)?;
    Ok(EvalFile { source, directory, ..parts })
}

/// All but source and directory, which are moved in afterwards.
fn parts(source: &Source, directory: &Path) -> Result<EvalFile, Fault> {
    let parsed = source.parse()?;
    let root = source.root(&parsed);
    root.only(&[&KEYS[..], &["run"]].concat())?;
    let text = |key: &str| root.get(key).map(|item| item.text().map(str::to_owned)).transpose();
    let project = root.need("project", "name the project, as in project = \"my-app\"")?;
    let item = root.need("task", "add a table [task] with a command, a url or a prompt")?;
    let task = task::read(&item.table()?, directory)?;
    let task_written = item.json()?;
    let matrix = matrix(&root, &task, directory)?;
    if let Task::Chat(chat) = &task {
        chat.check(source, &matrix)?;
    }
    let judge = scorers::judge(&root)?;
    let scorers = scorers::read(&root, directory)?;
    let gates = gates::read(&root, &scorers)?;
    Ok(EvalFile {
        project: project.text()?.to_owned(),
        experiment: text("experiment")?,
        description: text("description")?,
        tags: root.get("tags").map(|item| item.texts()).transpose()?.unwrap_or_default(),
        metadata: root.get("metadata").map(|item| item.object()).transpose()?.unwrap_or_default(),
        data: data::read(&root, directory)?,
        task,
        task_written,
        matrix,
        scorers,
        judge,
        prices: prices(&root)?,
        gates,
        run: run(&root)?,
        source: Source { shown: String::new(), text: String::new() },
        directory: PathBuf::new(),
    })
}

fn matrix(root: &Table<'_>, task: &Task, directory: &Path) -> Result<Vec<Axis>, Fault> {
    let Some(item) = root.get("matrix") else { return Ok(Vec::new()) };
    let mut axes = Vec::new();
    let mut combinations = 1_usize;
    for axis in item.table()?.items() {
        let values = axis.array()?;
        if values.is_empty() {
            return Err(axis.fault(format!("{} has no value", axis.name), "list at least one"));
        }
        combinations = combinations.saturating_mul(values.len());
        if combinations > MOST_COMBINATIONS {
            let message = format!("the matrix has more than {MOST_COMBINATIONS} combinations");
            return Err(axis.fault(message, "split the file"));
        }
        let is_prompt = matches!(task, Task::Chat(_)) && ["prompt", "system"].contains(&axis.key);
        let values = values.iter().map(|value| {
            let prompt = is_prompt.then(|| task::prompt(value, directory)).transpose()?;
            Ok(AxisValue { written: value.json()?, prompt, place: value.place })
        });
        axes.push(Axis { name: axis.key.to_owned(), values: values.collect::<Result<_, _>>()? });
    }
    Ok(axes)
}

fn prices(root: &Table<'_>) -> Result<Prices, Fault> {
    let Some(item) = root.get("prices") else { return Ok(Prices::bundled()) };
    for model in item.table()?.items() {
        let price = model.table()?;
        price.only(&["input_per_million", "cached_input_per_million", "output_per_million"])?;
        for key in ["input_per_million", "output_per_million"] {
            price.need(key, "give both prices, per million tokens")?;
        }
        for number in price.items() {
            number.number_in(0.0.., "a price of at least 0")?;
        }
    }
    let own: Prices = serde_json::from_value(item.json()?)
        .map_err(|error| item.fault(error, "see docs/eval-file.md"))?;
    Ok(own.or_bundled())
}

fn run(root: &Table<'_>) -> Result<RunOptions, Fault> {
    let Some(item) = root.get("run") else { return Ok(RunOptions::default()) };
    let table = item.table()?;
    table.only(&[
        "max_concurrency",
        "adaptive_concurrency",
        "scorer_concurrency",
        "trials",
        "timeout",
        "case_timeout",
        "max_errors",
        "error_score",
    ])?;
    let whole = |key: &str, most: u64| {
        table.get(key).map(|item| item.whole(1..most.saturating_add(1))).transpose()
    };
    let small = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let duration = |key: &str| table.get(key).map(|item| item.duration()).transpose();
    let error_score = table.get("error_score");
    let trials = whole("trials", u64::from(u32::MAX))?;
    Ok(RunOptions {
        max_concurrency: whole("max_concurrency", MOST_AT_ONCE)?.map(small),
        adaptive_concurrency: adaptive(&table)?,
        scorer_concurrency: whole("scorer_concurrency", MOST_AT_ONCE)?.map(small),
        trials: trials.and_then(|trials| u32::try_from(trials).ok()),
        timeout: duration("timeout")?,
        case_timeout: duration("case_timeout")?,
        max_errors: whole("max_errors", u64::MAX)?,
        error_score: error_score
            .map(|item| item.number_in(0.0..=1.0, "a number from 0 to 1"))
            .transpose()?,
    })
}

/// `[min, max]`.
fn adaptive(run: &Table<'_>) -> Result<Option<(usize, usize)>, Fault> {
    const HINT: &str = "write the least and the most, as in [4, 64]";
    let Some(item) = run.get("adaptive_concurrency") else { return Ok(None) };
    if run.get("max_concurrency").is_some() {
        let message = format!("{} and run.max_concurrency exclude each other", item.name);
        return Err(item.fault(message, "keep one of them: fixed, or adaptive"));
    }
    let [min, max] = &item.array()?[..] else {
        return Err(item.fault(format!("{} must be two whole numbers", item.name), HINT));
    };
    let (least, most) = (min.whole(1..MOST_AT_ONCE + 1)?, max.whole(1..MOST_AT_ONCE + 1)?);
    if least > most {
        return Err(min.fault(format!("{} is above {}", min.name, max.name), HINT));
    }
    let small = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Ok(Some((small(least), small(most))))
}
