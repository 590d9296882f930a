//! The one place where a finished evaluation is reported.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write as _};

use serde_json::{Value, json};
use tidegate_eval::report::{Question, plan};
use tidegate_eval::statistics::Target;
use tidegate_eval::{CaseResult, Outcome};

use super::outputs::Outputs;
use super::plan::Evaluation;
use super::run::Done;
use crate::args::eval::Show;
use crate::exit::Failure;
use crate::printer::Printer;

type Finished = Outcome<Value, Value, Value>;

/// How many different errors are shown on stderr.
const MOST_ERRORS: usize = 3;

/// What is shown of each evaluation, and of all in the end.
pub(crate) struct Reporter<'a> {
    show: &'a Show,
    printer: &'a Printer,
    outputs: Outputs,
    /// For `--json`.
    evaluations: Vec<Value>,
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(show: &'a Show, printer: &'a Printer, outputs: Outputs) -> Self {
        Self { show, printer, outputs, evaluations: Vec::new() }
    }

    /// Reports one evaluation; its table is printed by the library already.
    ///
    /// # Errors
    /// Nobody reads stdout.
    pub(crate) fn finished(&mut self, evaluation: &Evaluation, done: &Done) -> Result<(), Failure> {
        if let Some(outcome) = &done.outcome {
            self.errors(evaluation, outcome);
        }
        if let Some(failure) = &done.error {
            self.printer.say(format_args!("error: {}: {failure}", evaluation.label()));
            self.printer.say(format_args!("hint: {}", failure.hint));
        }
        self.outputs.add(evaluation, done);
        if self.show.json {
            self.evaluations.push(summary(evaluation, done, self.show.plan));
        }
        if let Some((question, outcome)) = self.show.plan.zip(done.outcome.as_ref()) {
            self.plan(question, outcome)?;
        }
        match &done.outcome {
            Some(outcome) if self.show.jsonl => lines(evaluation, outcome),
            _ => Ok(()),
        }
    }

    /// Prints what belongs to all evaluations together.
    ///
    /// # Errors
    /// Nobody reads stdout.
    pub(crate) fn end(&mut self) -> Result<(), Failure> {
        if !self.show.json {
            return Ok(());
        }
        let evaluations = std::mem::take(&mut self.evaluations);
        self.printer.data(format_args!("{:#}", json!({"evaluations": evaluations})))
    }

    /// Writes the reports that go into files.
    ///
    /// # Errors
    /// One of them cannot be written.
    pub(crate) fn write_files(&mut self) -> Result<(), Failure> {
        self.outputs.write(self.printer)
    }

    /// What so many cases show. In JSON it is a member; beside JSON lines, stdout is not for it.
    fn plan(&self, effect: Option<f64>, outcome: &Finished) -> Result<(), Failure> {
        let (target, question) = (Target::default(), Question { effect, cases: None });
        let table = crate::commands::plan::text(&outcome.summary, question, target);
        match (self.show.json, self.show.jsonl) {
            (true, _) => Ok(()),
            (false, true) => {
                self.printer.say(table.trim_end());
                Ok(())
            }
            (false, false) => self.printer.data(table.trim_end()),
        }
    }

    /// The most frequent errors, each once, with the number of trials it came from.
    fn errors(&self, evaluation: &Evaluation, outcome: &Finished) {
        let mut counts: BTreeMap<String, (u64, String)> = BTreeMap::new();
        let mut count = |text: String, case: &CaseResult<Value, Value, Value>| {
            let shown =
                case.case_id.clone().map_or_else(String::new, |id| format!(" (first: {id})"));
            counts.entry(text).or_insert((0, shown)).0 += 1;
        };
        for result in &outcome.results {
            if let Some(error) = &result.error {
                count(error.clone(), result);
            }
            for (scorer, error) in &result.scorer_errors {
                count(format!("scorer {scorer}: {error}"), result);
            }
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
        let label = evaluation.label();
        for (error, (count, first)) in counts.iter().take(MOST_ERRORS) {
            self.printer.say(format_args!("{label}: {count} × {error}{first}"));
        }
        let more = counts.len().saturating_sub(MOST_ERRORS);
        if more > 0 {
            self.printer.say(format_args!("{label}: {more} other errors; --jsonl shows all"));
        }
    }
}

/// What to do about a run that failed as a whole.
pub(crate) fn hint(outcome: &Finished) -> &'static str {
    match outcome.summary.timed_out {
        true => "raise run.timeout, or run fewer cases (--first, --sample)",
        false => "see the errors above; --first 1 runs a single case",
    }
}

/// What identifies an evaluation among others.
pub(crate) fn heading(evaluation: &Evaluation) -> Value {
    json!({
        "file": evaluation.file.source.shown,
        "name": evaluation.label(),
        "parameters": evaluation.parameters,
    })
}

fn summary(evaluation: &Evaluation, done: &Done, planned: Option<Option<f64>>) -> Value {
    let mut value = heading(evaluation);
    value["exit_code"] = done.code.into();
    value["error"] = done.error.as_ref().map(|failure| failure.to_string()).into();
    if let Some(Value::Object(members)) = done.outcome.as_ref().map(Outcome::to_json) {
        for (name, member) in members {
            value[name] = member;
        }
    } else {
        value["project"] = evaluation.file.project.clone().into();
    }
    if let Some((effect, outcome)) = planned.zip(done.outcome.as_ref()) {
        let (target, question) = (Target::default(), Question { effect, cases: None });
        let lines = plan(&outcome.summary, target, question);
        value["plan"] = json!({"target": target, "plan": lines});
    }
    value
}

/// One line per trial: which evaluation it belongs to, and the members of a result.
fn lines(evaluation: &Evaluation, outcome: &Finished) -> Result<(), Failure> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let written = outcome.results.iter().try_for_each(|result| {
        let mut line = heading(evaluation);
        let experiment = outcome.summary.experiment.as_ref();
        line["experiment"] = experiment.map(|experiment| experiment.name.clone()).into();
        if let Value::Object(members) = result.to_json() {
            for (name, member) in members {
                line[name] = member;
            }
        }
        writeln!(out, "{line}")
    });
    written.and_then(|()| out.flush()).map_err(|error| {
        Failure::failed(error.into(), "whatever reads the output must read it to its end")
    })
}
