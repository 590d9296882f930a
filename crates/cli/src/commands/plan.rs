//! `tidegate plan`: how many cases a difference needs.

use serde_json::json;
use tidegate_analysis::comparison::Trial;
use tidegate_analysis::statistics::{Options, Target};
use tidegate_eval::Summary;
use tidegate_eval::report::{Question, plan, plan_table, unplanned};
use tidegate_model::wire::objects::Named;

use crate::args::compare::Plan;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::runs::{Run, Runs, blocking, unreachable};

pub(crate) async fn run(arguments: &Plan, printer: &Printer) -> Result<(), Failure> {
    let mut runs = Runs::new(&arguments.place.data_dir, arguments.place.project.as_deref());
    let read = read(arguments, &mut runs).await;
    runs.close().await;
    let (run, base, summary) = read?;
    let (target, question) =
        (arguments.power, Question { effect: arguments.effect, cases: arguments.cases });
    let lines = plan(&summary, target, question);
    if arguments.json {
        let base = base.map(|base| json!({"name": base.name, "id": base.id}));
        return printer.data(json!({
            "run": {"name": run.name(), "id": run.id(), "trials": summary.trials},
            "base": base,
            "target": target,
            "plan": lines,
        }));
    }
    let against = base.map_or_else(String::new, |base| format!(" against {}", base.name));
    printer.data(format_args!("plan from {}{against}", run.name()))?;
    printer.data(text(&summary, question, target).trim_end())
}

/// The table, and why something is not in it.
pub(crate) fn text(summary: &Summary, question: Question, target: Target) -> String {
    let lines = plan(summary, target, question);
    let mut text = plan_table(&lines, target);
    let missing = unplanned(summary, &lines).join(", ");
    if !lines.is_empty() && !missing.is_empty() {
        let why = "nothing differs between cases, so there is no spread to plan from";
        text.push_str(&format!("not planned: {missing}: {why}\n"));
    }
    text
}

async fn read(
    arguments: &Plan,
    runs: &mut Runs<'_>,
) -> Result<(Run, Option<Named>, Summary), Failure> {
    let run = runs.find(&arguments.run).await?;
    let base = match (&arguments.base, &run, runs.client_of(&run)?) {
        (Some(base), ..) => Some(runs.find(base).await?),
        (None, Run::Recorded(experiment), Some(client)) => {
            match client.base_experiment(&experiment.id).await.map_err(unreachable)? {
                Some(base) => Some(runs.find(&base.id).await?),
                None => None,
            }
        }
        (None, ..) => None,
    };
    let now = runs.trials(&run).await?;
    if now.is_empty() {
        let error = anyhow::anyhow!("{} has no trials", run.name());
        return Err(Failure::failed(error, "wait until it has results, or name another run"));
    }
    let before = match &base {
        Some(base) => Some(runs.trials(base).await?),
        None => None,
    };
    let name = run.name();
    let base = base.map(|base| Named { id: base.id(), name: base.name() });
    let named = base.clone();
    let summary = blocking(move || {
        let plain = |trials: Vec<(String, Trial)>| -> Vec<Trial> {
            trials.into_iter().map(|(_, trial)| trial).collect()
        };
        let (now, before) = (plain(now), before.map(plain));
        let base = named.zip(before.as_deref());
        Ok(Summary::of_trials(name, &now, base, &Options::default()))
    });
    Ok((run, base, summary.await?))
}
