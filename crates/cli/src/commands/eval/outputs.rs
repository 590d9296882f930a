//! Reports of all evaluations in files: JUnit XML, and the step summary of GitHub.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tidegate_eval::report::{self, TestSuite, github_error, github_summary, junit};
use tidegate_eval::{GateResult, Outcome, Summary};

use super::plan::Evaluation;
use super::run::Done;
use crate::args::eval::{Eval as Arguments, Undecided};
use crate::atomic::{AtomicFile, cannot_write};
use crate::env::Environment;
use crate::exit::Failure;
use crate::printer::Printer;

/// What GitHub shows of one step; of a larger file it shows nothing.
const GITHUB_BYTES: usize = 1 << 20;
/// The part of it that errors may take from the tables.
const GITHUB_ERROR_BYTES: usize = 64 << 10;

/// What has been asked for, and what is to be written in the end.
pub(crate) struct Outputs {
    undecided: report::Undecided,
    junit: Option<(PathBuf, Vec<TestSuite>)>,
    github: Option<(PathBuf, Page)>,
}

#[derive(Default)]
struct Page {
    finished: Vec<(Summary, Vec<GateResult>)>,
    errors: String,
}

impl Outputs {
    /// Checks that the files can be written, which are not there before the run has ended.
    ///
    /// # Errors
    /// One of them cannot, or GitHub is to get a summary and nothing says where.
    pub(crate) fn open(arguments: &Arguments, environment: &Environment) -> Result<Self, Failure> {
        let show = &arguments.show;
        if let Some(path) = &show.junit {
            AtomicFile::check(path)?;
        }
        let github = match &show.github_summary {
            None => None,
            Some(Some(path)) => Some(path.clone()),
            Some(None) => Some(environment.get(VARIABLE).map(PathBuf::from).ok_or_else(|| {
                let error = anyhow::anyhow!("nothing says where the summary for GitHub goes");
                let hint = format!(
                    "{VARIABLE} is set in steps of GitHub Actions; elsewhere write \
                     --github-summary=FILE"
                );
                Failure::usage(error, hint)
            })?),
        };
        if let Some(path) = &github {
            append_to(path)?;
        }
        Ok(Self {
            undecided: match arguments.run.undecided {
                Some(Undecided::Pass) => report::Undecided::Skipped,
                Some(Undecided::Fail) | None => report::Undecided::Failure,
            },
            junit: show.junit.clone().map(|path| (path, Vec::new())),
            github: github.map(|path| (path, Page::default())),
        })
    }

    /// Adds a finished evaluation, be it good or bad.
    pub(crate) fn add(&mut self, evaluation: &Evaluation, done: &Done) {
        let outcome = done.outcome.as_ref();
        let error = done.error.as_ref().map(ToString::to_string);
        if let Some((_, suites)) = &mut self.junit {
            suites.extend(suite(evaluation, outcome, error.as_deref(), self.undecided));
        }
        if let Some((_, page)) = &mut self.github {
            page.finished.extend(outcome.map(|o| (o.summary.clone(), o.gates.clone())));
            let text = error.map(|error| github_error(&evaluation.label(), &error));
            let text = text.filter(|text| page.errors.len() + text.len() <= GITHUB_ERROR_BYTES);
            page.errors.extend(text);
        }
    }

    /// # Errors
    /// A file cannot be written; the other one is written nevertheless.
    pub(crate) fn write(&mut self, printer: &Printer) -> Result<(), Failure> {
        let junit = self.junit.take().map_or(Ok(()), |(path, suites)| {
            let mut file = AtomicFile::create(&path)?;
            file.write(junit(&suites).as_bytes())?;
            file.finish()?;
            printer.say(format_args!("JUnit report written to {}", path.display()));
            Ok(())
        });
        let github = self.github.take().map_or(Ok(()), |(path, page)| page.append(&path));
        junit.and(github)
    }
}

const VARIABLE: &str = "GITHUB_STEP_SUMMARY";

fn suite(
    evaluation: &Evaluation,
    outcome: Option<&Outcome<Value, Value, Value>>,
    error: Option<&str>,
    undecided: report::Undecided,
) -> Option<TestSuite> {
    match (outcome, error) {
        (Some(outcome), Some(error)) => Some(TestSuite::of(outcome, undecided).error(error)),
        (Some(outcome), None) => Some(TestSuite::of(outcome, undecided)),
        (None, Some(error)) => Some(TestSuite::failed(evaluation.label(), error)),
        (None, None) => None,
    }
}

fn append_to(path: &Path) -> Result<File, Failure> {
    cannot_write(OpenOptions::new().append(true).create(true).open(path), path)
}

impl Page {
    /// Behind what earlier commands of the step have written.
    fn append(&self, path: &Path) -> Result<(), Failure> {
        let mut file = append_to(path)?;
        let used = cannot_write(file.metadata(), path)?.len();
        let room = GITHUB_BYTES.saturating_sub(usize::try_from(used).unwrap_or(usize::MAX));
        let parts: Vec<(&Summary, &[GateResult])> =
            self.finished.iter().map(|(summary, gates)| (summary, &gates[..])).collect();
        let mut text = github_summary(&parts, room.saturating_sub(self.errors.len()));
        if self.errors.len() <= room.saturating_sub(text.len()) {
            text.push_str(&self.errors);
        }
        cannot_write(file.write_all(text.as_bytes()), path)
    }
}
