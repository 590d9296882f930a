//! What a person sees: progress on stderr while the run goes, a table on stdout in the end.

mod progress;
mod table;
mod view;

use std::io::{IsTerminal as _, Write as _};

use tidegate_client::Receipt;

pub(crate) use progress::Progress;

use crate::gate::GateResult;
use crate::outcome::Summary;

/// What a run shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Report {
    /// Progress on stderr, the summary table on stdout.
    #[default]
    Terminal,
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

    /// Prints the summary. A closed stdout has no reader to miss it.
    pub(crate) fn summary(&self, summary: &Summary, gates: &[GateResult], receipt: &Receipt) {
        if self.is_silent() {
            return;
        }
        let mut out = std::io::stdout().lock();
        // `console` honours NO_COLOR and CLICOLOR.
        let colors = out.is_terminal() && console::colors_enabled();
        let width = console::Term::stdout().size_checked().map(|(_, columns)| columns);
        let text = table::render(summary, gates, receipt, table::Style { colors, width });
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
    }
}
