//! `--list` and `--dry-run`: what would run.

use serde_json::{Value, json};

use super::cases::{self, Case, Filter, Stop};
use super::file::{Mode, Task};
use super::plan::Evaluation;
use super::report::heading;
use super::run::Ready;
use crate::args::eval::Eval as Arguments;
use crate::exit::Failure;
use crate::printer::Printer;

/// How much of an input a line shows.
const INPUT_CHARS: usize = 100;

/// Prints the chosen cases of each evaluation.
pub(crate) fn list(
    evaluations: &[Evaluation],
    arguments: &Arguments,
    filters: &[Filter],
    stop: &Stop,
    printer: &Printer,
) -> Result<(), Failure> {
    let mut all = Vec::new();
    for evaluation in evaluations {
        let cases = cases::until_stopped(&evaluation.file.data, &arguments.choice, filters, stop)?;
        let mut listed = heading(evaluation);
        let mut values = Vec::new();
        if !arguments.show.json && !arguments.show.jsonl && evaluations.len() > 1 {
            printer.data(format_args!("# {}", evaluation.label()))?;
        }
        for (index, case) in (1_u64..).zip(cases) {
            let case = case.map_err(cases::unreadable)?;
            match (arguments.show.json, arguments.show.jsonl) {
                (true, _) => values.push(value(&case)),
                (false, true) => {
                    let mut line = heading(evaluation);
                    line["case"] = value(&case);
                    printer.data(line)?;
                }
                (false, false) => printer.data(line(index, &case))?,
            }
        }
        listed["cases"] = values.into();
        all.push(listed);
    }
    match arguments.show.json {
        true => printer.data(format_args!("{:#}", json!({"evaluations": all}))),
        false => Ok(()),
    }
}

fn value(case: &Case) -> Value {
    json!({
        "id": case.case_id(),
        "input": case.input(),
        "expected": case.expected_output(),
        "tags": case.case_tags(),
        "metadata": case.case_metadata(),
    })
}

fn line(index: u64, case: &Case) -> String {
    let input = match case.input() {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let line = input.split_whitespace().collect::<Vec<_>>().join(" ");
    let short = match line.char_indices().nth(INPUT_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    };
    let name = case.case_id().map_or_else(|| format!("#{index}"), str::to_owned);
    format!("{name}\t{short}")
}

/// Reads all data and says what would run. Programs and keys are found already.
pub(crate) fn dry_run(
    ready: &[Ready],
    arguments: &Arguments,
    filters: &[Filter],
    stop: &Stop,
    printer: &Printer,
) -> Result<(), Failure> {
    let mut all = Vec::new();
    for ready in ready {
        let file = &ready.evaluation.file;
        let mut count = 0_u64;
        for case in cases::until_stopped(&file.data, &arguments.choice, filters, stop)? {
            case.map_err(cases::unreadable)?;
            count += 1;
        }
        let mut plan = heading(&ready.evaluation);
        plan["cases"] = count.into();
        plan["trials"] = ready.trials.into();
        plan["max_concurrency"] = ready.max_concurrency.into();
        plan["min_concurrency"] = ready.min_concurrency.into();
        plan["task"] = task(&ready.evaluation.task).into();
        let scorers = file.scorers.iter().map(|scorer| scorer.name.as_str());
        plan["scorers"] = scorers.collect::<Vec<_>>().into();
        let gates = file.gates.iter().map(|gate| format!("{} {}", gate.name, gate.condition));
        plan["gates"] = gates.collect::<Vec<_>>().into();
        if !arguments.show.json {
            say(printer, &plan)?;
        }
        all.push(plan);
    }
    match arguments.show.json {
        true => printer.data(format_args!("{:#}", json!({"evaluations": all}))),
        false => Ok(()),
    }
}

fn task(task: &Task) -> String {
    match task {
        Task::Program(program, _) => {
            let how = match program.mode {
                Mode::Process => "a process per case",
                Mode::Worker => "workers",
            };
            format!("{} ({how})", program.command.join(" "))
        }
        Task::Http(http, _) => {
            let origin =
                reqwest::Url::parse(&http.url).map(|url| url.origin().ascii_serialization());
            format!("{} {}", http.method, origin.unwrap_or_default())
        }
        Task::Chat(chat) => format!("chat with {}", chat.model.as_deref().unwrap_or_default()),
    }
}

fn say(printer: &Printer, plan: &Value) -> Result<(), Failure> {
    let names = |value: &Value| match value.as_array() {
        Some(values) if values.is_empty() => "none".to_owned(),
        Some(values) => values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        None => String::new(),
    };
    let text = |name: &str| plan[name].as_str().unwrap_or_default();
    printer.data(format_args!("{} ({})", text("name"), text("file")))?;
    let each = match plan["trials"].as_u64() {
        Some(1) => "1 trial".to_owned(),
        _ => format!("{} trials", plan["trials"]),
    };
    printer.data(format_args!("  cases    {}, {each} each", plan["cases"]))?;
    let most = &plan["max_concurrency"];
    let at_once = match plan["min_concurrency"].as_u64() {
        Some(least) => format!("{least} to {most} at once"),
        None => format!("{most} at once"),
    };
    printer.data(format_args!("  task     {}, {at_once}", text("task")))?;
    printer.data(format_args!("  scorers  {}", names(&plan["scorers"])))?;
    printer.data(format_args!("  gates    {}", names(&plan["gates"])))
}
