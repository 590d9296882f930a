//! `[gate]`: what a run must keep.

use tidegate_eval::Condition;
use tidegate_eval::statistics::Margin;

use super::reader::{Fault, Item, Table, did_you_mean};
use super::scorers::{Kind, Scorer};

const HINT: &str = "write a condition such as \">= 0.9\", \"<= 2s\" or \"mean >= 0.9\"";
/// Metrics that a run may have without any scorer.
const METRICS: [&str; 7] = [
    "duration",
    "tokens",
    "prompt_tokens",
    "prompt_cached_tokens",
    "completion_tokens",
    "completion_reasoning_tokens",
    "estimated_cost",
];

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gate {
    pub(crate) name: String,
    pub(crate) condition: Condition,
}

pub(super) fn read(root: &Table<'_>, scorers: &[Scorer]) -> Result<Vec<Gate>, Fault> {
    let Some(item) = root.get("gate") else { return Ok(Vec::new()) };
    let mut gates = Vec::new();
    for item in item.table()?.items() {
        if item.key == "no_regression" {
            no_regression(&item, scorers, &mut gates)?;
        } else {
            check_name(&item, scorers)?;
            let condition = item.text()?.parse();
            let condition = condition.map_err(|error| item.fault(error, HINT))?;
            gates.push(Gate { name: item.key.to_owned(), condition });
        }
    }
    Ok(gates)
}

/// `true`, a margin for all scores, or a table of margins.
fn no_regression(item: &Item<'_>, scorers: &[Scorer], gates: &mut Vec<Gate>) -> Result<(), Fault> {
    let margin = |item: &Item<'_>| {
        let margin = item.number_in(0.0.., "a margin of at least 0")?;
        Margin::new(margin).map_err(|error| item.fault(error, "write a number such as 0.02"))
    };
    if item.is_table() {
        for item in item.table()?.items() {
            check_name(&item, scorers)?;
            let condition = Condition::NoRegression(margin(&item)?);
            gates.push(Gate { name: item.key.to_owned(), condition });
        }
        return Ok(());
    }
    let margin = match item.json()? {
        serde_json::Value::Bool(false) => return Ok(()),
        serde_json::Value::Bool(true) => Margin::ZERO,
        _ => margin(item)?,
    };
    if scorers.is_empty() {
        return Err(item.fault("there is no score to compare", "add [[scorers]]"));
    }
    let names = scorers.iter().flat_map(|scorer| &scorer.scores);
    let condition = Condition::NoRegression(margin);
    gates.extend(names.map(|name| Gate { name: name.clone(), condition }));
    Ok(())
}

/// Programs may give scores of any name, and tasks metrics; but what is nearly the name of a score
/// is meant to be it.
fn check_name(item: &Item<'_>, scorers: &[Scorer]) -> Result<(), Fault> {
    let names = || scorers.iter().flat_map(|scorer| &scorer.scores).map(String::as_str);
    if names().chain(METRICS).any(|name| name == item.key) {
        return Ok(());
    }
    let any_program = scorers.iter().any(|scorer| matches!(scorer.kind, Kind::Program(_)));
    match did_you_mean(item.key, names().chain(METRICS)) {
        Some(hint) if !any_program => {
            let message = format!("no scorer gives a score named {:?}", item.key);
            Err(item.source.fault(item.key_place, message, hint))
        }
        _ => Ok(()),
    }
}
