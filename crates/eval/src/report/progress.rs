//! Progress while a run goes: a bar on a terminal, else a line now and then.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tidegate_analysis::NameMap;

use crate::clock;
use crate::report::Terminal;

/// Without a terminal (CI logs) a line at most this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Progress {
    display: Display,
    state: Mutex<State>,
}

#[derive(Debug)]
enum Display {
    None,
    Bar(ProgressBar),
    Lines { name: String, count: Option<u64> },
}

#[derive(Debug)]
struct State {
    finished: u64,
    errors: u64,
    sums: BTreeMap<String, (f64, u64)>,
    last_line: Instant,
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
            Display::Bar(bar(name, count))
        } else {
            let what = if sending { "recording" } else { "not recording" };
            line(&format!("{name}: running ({what})"));
            Display::Lines { name: name.to_owned(), count }
        };
        let state =
            State { finished: 0, errors: 0, sums: BTreeMap::new(), last_line: clock::now() };
        Self { display, state: Mutex::new(state) }
    }

    /// Counts a finished trial.
    pub(crate) fn finished(&self, scores: &NameMap<Option<f64>>, failed: bool) {
        if matches!(self.display, Display::None) {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.finished += 1;
        state.errors += u64::from(failed);
        for (name, score) in scores {
            if let Some(score) = score {
                let (sum, count) = state.sums.entry(name.to_owned()).or_default();
                *sum += score;
                *count += 1;
            }
        }
        match &self.display {
            Display::None => {}
            Display::Bar(bar) => {
                bar.inc(1);
                bar.set_message(state.running());
            }
            Display::Lines { name, count } => {
                let now = clock::now();
                if now.saturating_duration_since(state.last_line) >= LINE_EVERY {
                    state.last_line = now;
                    let of = count.map(|count| format!(" of {count}")).unwrap_or_default();
                    line(&format!("{name}: {}{of} {}", state.finished, state.running()));
                }
            }
        }
    }

    pub(crate) fn end(&self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }
}

impl State {
    /// Means so far, over trials: the summary averages per case, which may differ a little.
    fn running(&self) -> String {
        let mut parts: Vec<String> = self
            .sums
            .iter()
            .map(|(name, (sum, count))| format!("{name} {:.1} %", 100.0 * sum / *count as f64))
            .collect();
        if self.errors > 0 {
            parts.push(format!("{} failed", self.errors));
        }
        parts.join("  ")
    }
}

fn bar(name: &str, count: Option<u64>) -> ProgressBar {
    let target = ProgressDrawTarget::stderr();
    let (bar, template) = match count {
        Some(count) => (
            ProgressBar::with_draw_target(Some(count), target),
            "{prefix} [{bar:30}] {pos}/{len} {eta} {msg}",
        ),
        None => (ProgressBar::with_draw_target(None, target), "{prefix} {spinner} {pos} {msg}"),
    };
    let style = ProgressStyle::with_template(template).expect("a constant template");
    bar.with_style(style).with_prefix(name.to_owned())
}

/// A closed stderr leaves nobody to tell.
fn line(text: &str) {
    writeln!(std::io::stderr().lock(), "{text}").ok();
}
