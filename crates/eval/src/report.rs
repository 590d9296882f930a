//! Reports: what a person sees while a run goes and in the end, and what other programs read.
//!
//! Progress goes to stderr, the table to stdout. The others are pure functions of a finished run:
//! [`jsonl`], [`junit`], [`github_summary`], [`summary_table`].

mod changes;
mod diff;
mod github;
mod junit;
mod plan;
mod progress;
mod result;
mod table;
mod text;
mod view;
mod xml;

use std::io::Write as _;

use tidegate_client::Receipt;

pub use changes::{Change, ChangedCase, Which, largest_changes};
pub use github::{github_error, github_summary};
pub use junit::{TestSuite, Undecided, junit};
pub use plan::{PlanLine, Question, plan, plan_table, unplanned};
pub(crate) use progress::Progress;
pub use result::jsonl;
pub use table::{TableStyle, changed_cases, score_table, summary_table};
pub(crate) use text::counted;

use crate::gate::GateResult;
use crate::outcome::Summary;

/// What a run shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Report {
    /// Progress on stderr, the summary table on stdout.
    #[default]
    Terminal,
    /// Progress on stderr and no table, for programs whose stdout is data.
    Progress,
    /// Nothing; the caller prints [`Outcome::to_json`](crate::Outcome::to_json) or its own.
    Silent,
}

/// The terminal, or the lack of one.
#[derive(Debug)]
pub(crate) struct Terminal {
    report: Report,
}

impl Terminal {
    pub(crate) fn new(report: Report) -> Self {
        Self { report }
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.report == Report::Silent
    }

    fn has_table(&self) -> bool {
        self.report == Report::Terminal
    }

    /// Prints the summary, with what became of its rows if any were sent. A closed stdout has no
    /// reader to miss it.
    pub(crate) fn summary(
        &self,
        summary: &Summary,
        gates: &[GateResult],
        receipt: Option<&Receipt>,
    ) {
        if !self.has_table() {
            return;
        }
        let mut out = std::io::stdout().lock();
        let text = table::render(summary, gates, receipt, TableStyle::of_stdout());
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
    }
}
