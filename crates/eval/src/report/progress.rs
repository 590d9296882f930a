//! Progress while a run goes: a line that changes on a terminal, else a line now and then.

mod line;

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tidegate_analysis::NameMap;

use crate::clock;
use crate::report::Terminal;
use line::Counts;

/// Without a terminal (CI logs) a line at most this often.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// On a terminal. More often nobody could read, and laying it out would cost as much as a trial.
const DRAW_EVERY: Duration = Duration::from_millis(100);
/// Width of a terminal that does not tell.
const USUAL_WIDTH: u16 = 80;

#[derive(Debug)]
pub(crate) struct Progress {
    display: Display,
    name: String,
    started: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
enum Display {
    None,
    Bar(ProgressBar),
    Lines,
}

#[derive(Debug)]
struct State {
    counts: Counts,
    shown: Instant,
}

impl Progress {
    pub(crate) fn start(
        terminal: &Terminal,
        name: &str,
        count: Option<u64>,
        sending: bool,
    ) -> Self {
        let display = if terminal.is_silent() {
            Display::None
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            Display::Bar(
                bar.with_style(ProgressStyle::with_template("{msg}").expect("a constant template")),
            )
        } else {
            let what = if sending { "recording" } else { "not recording" };
            line(&format!("{name}: running ({what})"));
            Display::Lines
        };
        let counts = Counts::of(count);
        let now = clock::now();
        let state = Mutex::new(State { counts, shown: now });
        let progress = Self { display, name: name.to_owned(), started: now, state };
        // An empty line would look as if nothing happened until the first trial ends.
        if let Display::Bar(bar) = &progress.display {
            let state = progress.state.lock().unwrap_or_else(PoisonError::into_inner);
            bar.set_message(progress.on_terminal(&state.counts, Duration::ZERO));
            bar.tick();
        }
        progress
    }

    /// Counts a finished trial.
    pub(crate) fn finished(
        &self,
        scores: &NameMap<Option<f64>>,
        metrics: &BTreeMap<String, f64>,
        failed: bool,
    ) {
        if matches!(self.display, Display::None) {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.counts.add(scores, metrics, failed);
        let now = clock::now();
        let every = if matches!(self.display, Display::Lines) { LINE_EVERY } else { DRAW_EVERY };
        if now.saturating_duration_since(state.shown) < every {
            return;
        }
        state.shown = now;
        let elapsed = now.saturating_duration_since(self.started);
        match &self.display {
            Display::None => {}
            Display::Bar(bar) => {
                bar.set_message(self.on_terminal(&state.counts, elapsed));
                bar.tick();
            }
            Display::Lines => line(&line::plain(&self.name, &state.counts, elapsed)),
        }
    }

    fn on_terminal(&self, counts: &Counts, elapsed: Duration) -> String {
        let width = console::Term::stderr().size_checked().map_or(USUAL_WIDTH, |(_, width)| width);
        line::fitted(&self.name, counts, elapsed, usize::from(width))
    }

    pub(crate) fn end(&self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }
}

/// A closed stderr leaves nobody to tell.
fn line(text: &str) {
    writeln!(std::io::stderr().lock(), "{text}").ok();
}
