//! JUnit XML, which every CI system shows.

use serde::Serialize;
use tidegate_analysis::statistics::GateOutcome;

use super::text::{bounded, one_line};
use super::xml::Xml;
use crate::gate::GateResult;
use crate::json;
use crate::outcome::{CaseResult, Outcome};

/// Names longer than this are cut, in characters.
const NAME_CHARS: usize = 120;
/// Errors likewise: a task may fail with pages of output.
const ERROR_CHARS: usize = 10_000;

/// How a gate that is undecided counts in JUnit, which knows no such thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Undecided {
    /// As a failure of the type `undecided`.
    #[default]
    Failure,
    /// As a skipped test.
    Skipped,
}

/// One evaluation as JUnit sees it; [`junit`] writes several.
#[derive(Debug, Clone)]
pub struct TestSuite {
    name: String,
    seconds: f64,
    tests: Vec<Test>,
    warnings: Vec<String>,
}

#[derive(Debug, Clone)]
struct Test {
    class: String,
    name: String,
    seconds: Option<f64>,
    problem: Option<Problem>,
}

#[derive(Debug, Clone)]
struct Problem {
    element: &'static str,
    kind: &'static str,
    text: String,
}

impl TestSuite {
    /// Makes the suite of an evaluation: a test per trial, which is an `error` if the task or a
    /// scorer failed, then a test per gate, which is a `failure` if the gate failed. Scores are no
    /// tests: a case that scores 0 has not failed, only a gate says what is too low.
    #[must_use]
    pub fn of<I: Serialize, O, E>(outcome: &Outcome<I, O, E>, undecided: Undecided) -> Self {
        let summary = &outcome.summary;
        let name = summary.title();
        let trials = outcome.results.iter().map(|result| trial(&summary.project, result));
        let gates = outcome.gates.iter().map(|result| gate(&summary.project, result, undecided));
        let mut warnings = summary.warnings.clone();
        if summary.timed_out {
            warnings.push("ended by the time-out".to_owned());
        }
        if summary.too_many_errors {
            warnings.push("ended by the limit of failures".to_owned());
        }
        if summary.stopped {
            warnings.push("stopped before its data ended".to_owned());
        }
        let seconds = summary.duration.as_secs_f64();
        Self { name, seconds, tests: trials.chain(gates).collect(), warnings }
    }

    /// Makes the suite of an evaluation that has no outcome at all: one test, an `error`.
    #[must_use]
    pub fn failed(project: impl Into<String>, error: impl Into<String>) -> Self {
        let suite =
            Self { name: project.into(), seconds: 0.0, tests: Vec::new(), warnings: Vec::new() };
        suite.error(error)
    }

    /// Adds what kept the run from being complete, such as lost rows, as a test that is an `error`.
    #[must_use]
    pub fn error(mut self, error: impl Into<String>) -> Self {
        let problem = Problem { element: "error", kind: "run", text: error.into() };
        let (class, name) = (self.name.clone(), "run".to_owned());
        self.tests.push(Test { class, name, seconds: None, problem: Some(problem) });
        self
    }

    fn count(&self, element: &str) -> usize {
        let problems = self.tests.iter().filter_map(|test| test.problem.as_ref());
        problems.filter(|problem| problem.element == element).count()
    }

    fn write(&self, xml: &mut Xml) {
        xml.start("testsuite")
            .attribute("name", &self.name)
            .attribute("tests", &self.tests.len().to_string())
            .attribute("failures", &self.count("failure").to_string())
            .attribute("errors", &self.count("error").to_string())
            .attribute("skipped", &self.count("skipped").to_string())
            .attribute("time", &seconds(self.seconds));
        for test in &self.tests {
            xml.start("testcase")
                .attribute("classname", &test.class)
                .attribute("name", &test.name)
                .attribute("time", &seconds(test.seconds.unwrap_or(0.0)));
            if let Some(Problem { element, kind, text }) = &test.problem {
                xml.start(element).attribute("message", &one_line(text, NAME_CHARS));
                // `skipped` has a message only.
                if *element != "skipped" {
                    xml.attribute("type", kind).text(&bounded(text, ERROR_CHARS));
                }
                xml.end();
            }
            xml.end();
        }
        if !self.warnings.is_empty() {
            xml.start("system-err").text(&self.warnings.join("\n")).end();
        }
        xml.end();
    }
}

/// Writes suites as one JUnit document, in the structure that Jenkins, GitLab and the actions for
/// GitHub read: `testsuites` > `testsuite` > `testcase` > `error`, `failure` or `skipped`.
///
/// ```
/// use tidegate_eval::report::{TestSuite, Undecided, junit};
/// use tidegate_eval::{Case, Eval, Report};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let outcome = Eval::new("greetings")
///     .data([Case::new("Ada").id("first")])
///     .try_task(async |_name, _cx| Err::<String, _>("no answer"))
///     .report(Report::Silent)
///     .run_without_sending()
///     .await?;
/// let xml = junit(&[TestSuite::of(&outcome, Undecided::Failure)]);
/// assert!(xml.contains(r#"<error message="no answer" type="task">no answer</error>"#));
/// # Ok::<(), tidegate_eval::EvalError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn junit(suites: &[TestSuite]) -> String {
    let count = |of: fn(&TestSuite) -> usize| suites.iter().map(of).sum::<usize>().to_string();
    let mut xml = Xml::new();
    xml.start("testsuites")
        .attribute("name", "tidegate")
        .attribute("tests", &count(|suite| suite.tests.len()))
        .attribute("failures", &count(|suite| suite.count("failure")))
        .attribute("errors", &count(|suite| suite.count("error")))
        .attribute("skipped", &count(|suite| suite.count("skipped")))
        .attribute("time", &seconds(suites.iter().map(|suite| suite.seconds).sum()));
    for suite in suites {
        suite.write(&mut xml);
    }
    xml.finish()
}

fn trial<I: Serialize, O, E>(project: &str, result: &CaseResult<I, O, E>) -> Test {
    let case = match &result.case_id {
        Some(id) => id.clone(),
        None => json::raw(&*result.input).get().to_owned(),
    };
    let trial = match result.trial {
        0 => String::new(),
        trial => format!(" (trial {trial})"),
    };
    let failed = || result.scorer_errors.iter().chain(&result.classifier_errors);
    let problem = match &result.error {
        Some(error) => Some(Problem { element: "error", kind: "task", text: error.clone() }),
        None if failed().next().is_none() => None,
        None => {
            let text = failed().map(|(name, error)| format!("{name}: {error}"));
            let text = text.collect::<Vec<_>>().join("\n");
            Some(Problem { element: "error", kind: "scorer", text })
        }
    };
    Test {
        class: format!("{project}.cases"),
        name: one_line(&case, NAME_CHARS) + &trial,
        seconds: Some(result.duration.as_secs_f64()),
        problem,
    }
}

fn gate(project: &str, gate: &GateResult, undecided: Undecided) -> Test {
    let hint = gate.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    let text = format!("{} {}: {}{hint}", gate.name, gate.rule, gate.why);
    let problem = match (gate.outcome, undecided) {
        (GateOutcome::Pass, _) => None,
        (GateOutcome::Fail, _) => Some(Problem { element: "failure", kind: "gate", text }),
        (GateOutcome::Undecided, Undecided::Failure) => {
            Some(Problem { element: "failure", kind: "undecided", text })
        }
        (GateOutcome::Undecided, Undecided::Skipped) => {
            let text = format!("undecided: {text}");
            Some(Problem { element: "skipped", kind: "undecided", text })
        }
    };
    let name = format!("{} {}", gate.name, gate.rule);
    Test { class: format!("{project}.gates"), name, seconds: None, problem }
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.6}")
}

#[cfg(test)]
mod tests;
