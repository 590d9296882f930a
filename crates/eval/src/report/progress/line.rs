//! The text of a progress line, for any width.

use std::collections::BTreeMap;
use std::time::Duration;
use tidegate_analysis::NameMap;

/// Cells of the bar, on terminals that have room for it.
const BAR: usize = 20;
/// Below this width the bar costs more than it tells.
const BAR_FROM: usize = 80;
/// Longer names are cut, so that there is room for the rest.
const NAME_CHARS: usize = 24;

/// What has happened so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Trials in all, if that is known.
    count: Option<u64>,
    finished: u64,
    failed: u64,
    scores: BTreeMap<String, (f64, u64)>,
    cost: f64,
    tokens: f64,
}

impl Counts {
    pub(super) fn of(count: Option<u64>) -> Self {
        Self { count, ..Self::default() }
    }

    pub(super) fn add(
        &mut self,
        scores: &NameMap<Option<f64>>,
        metrics: &BTreeMap<String, f64>,
        failed: bool,
    ) {
        self.finished += 1;
        self.failed += u64::from(failed);
        for (name, score) in scores {
            let Some(score) = score else { continue };
            // Looked up first: an entry would copy the name of every score of every trial.
            match self.scores.get_mut(name) {
                Some((sum, count)) => (*sum, *count) = (*sum + score, *count + 1),
                None => {
                    self.scores.insert(name.to_owned(), (*score, 1));
                }
            }
        }
        self.cost += metrics.get("estimated_cost").copied().unwrap_or_default();
        self.tokens += metrics.get("tokens").copied().unwrap_or_default();
    }

    /// As a fraction, if the number of trials is known. Cases with trials of their own may make
    /// more than was expected.
    fn done(&self) -> Option<f64> {
        let count = self.count.filter(|count| *count > 0)?;
        Some((self.finished as f64 / count as f64).min(1.0))
    }

    fn position(&self) -> String {
        match (self.count, self.done()) {
            (Some(count), Some(done)) => {
                // Rounded down: 100 % only when all are.
                format!("{}/{count} {:.0} %", self.finished, (100.0 * done).floor())
            }
            _ => format!("{} done", self.finished),
        }
    }

    /// By the pace so far.
    fn eta(&self, elapsed: Duration) -> Option<String> {
        let done = self.done().filter(|done| *done > 0.0 && *done < 1.0)?;
        let left = elapsed.as_secs_f64() * (1.0 - done) / done;
        Some(format!("{} left", short(left)))
    }

    /// The rest, the most important first.
    fn details(&self, elapsed: Duration) -> Vec<String> {
        let mut details: Vec<String> = self.eta(elapsed).into_iter().collect();
        if self.failed > 0 {
            details.push(format!("{} failed", self.failed));
        }
        if self.cost > 0.0 {
            details.push(format!("${:.4}", self.cost));
        } else if self.tokens > 0.0 {
            details.push(format!("{:.0} tok", self.tokens));
        }
        // Means so far, over trials: the summary averages per case, which may differ a little.
        let mean = |(name, (sum, count)): (&String, &(f64, u64))| {
            format!("{name} {:.1} %", 100.0 * sum / *count as f64)
        };
        details.extend(self.scores.iter().map(mean));
        details
    }
}

/// For logs: everything, of any width.
pub(super) fn plain(name: &str, counts: &Counts, elapsed: Duration) -> String {
    let mut parts = vec![counts.position()];
    parts.extend(counts.details(elapsed));
    format!("{name}: {}", parts.join(", "))
}

/// For a terminal: what fits on one line, since a line that wraps would scroll the screen.
pub(super) fn fitted(name: &str, counts: &Counts, elapsed: Duration, width: usize) -> String {
    // The last column stays free: some terminals wrap as soon as it is written.
    let width = width.saturating_sub(1);
    let position = counts.position();
    let room = width.saturating_sub(position.chars().count() + 1).min(NAME_CHARS);
    let mut line = match name.chars().filter(|c| !c.is_control()).count() {
        0 => String::new(),
        _ if room < 4 => String::new(),
        length if length <= room => {
            name.chars().filter(|c| !c.is_control()).collect::<String>() + " "
        }
        _ => name.chars().filter(|c| !c.is_control()).take(room - 1).collect::<String>() + "… ",
    };
    if let Some(done) = counts.done().filter(|_| width + 1 >= BAR_FROM) {
        // In range: a fraction of 1 times a small number.
        let full = (done * BAR as f64).floor() as usize;
        line.push_str(&format!("[{}{}] ", "=".repeat(full), " ".repeat(BAR - full)));
    }
    line.push_str(&position);
    let mut used = line.chars().count();
    for detail in counts.details(elapsed) {
        let needed = detail.chars().count() + 2;
        if used + needed > width {
            break;
        }
        line.push_str("  ");
        line.push_str(&detail);
        used += needed;
    }
    line.chars().take(width).collect()
}

/// A duration in at most two units.
fn short(seconds: f64) -> String {
    let seconds = if seconds.is_finite() { seconds.round().max(1.0) as u64 } else { u64::MAX };
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m{:02}s", seconds % 60),
        3600..360_000 => format!("{hours}h{:02}m", minutes % 60),
        _ => "days".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(count: Option<u64>, finished: u32) -> Counts {
        let mut counts = Counts::of(count);
        for trial in 0..finished {
            let right = f64::from(u8::from(trial % 4 != 0));
            let scores = [("exact".to_owned(), Some(right)), ("skipped".to_owned(), None)].into();
            let metrics =
                [("estimated_cost".to_owned(), 0.001), ("tokens".to_owned(), 100.0)].into();
            counts.add(&scores, &metrics, trial % 10 == 9);
        }
        counts
    }

    #[test]
    fn a_line_has_position_time_left_failures_cost_and_means() {
        let counts = counts(Some(1_000), 120);
        let elapsed = Duration::from_secs(12);
        let wide = fitted("languages", &counts, elapsed, 120);
        assert_eq!(
            wide,
            "languages [==                  ] 120/1000 12 %  1m28s left  12 failed  $0.1200  exact 75.0 %"
        );
        let narrow = fitted("languages", &counts, elapsed, 40);
        assert_eq!(narrow, "languages 120/1000 12 %  1m28s left");
        let log = plain("languages", &counts, elapsed);
        assert_eq!(log, "languages: 120/1000 12 %, 1m28s left, 12 failed, $0.1200, exact 75.0 %");
    }

    #[test]
    fn no_width_is_ever_exceeded() {
        for width in 0..130 {
            for counts in [counts(Some(1_000), 999), counts(None, 7), counts(Some(0), 0)] {
                let line = fitted("a rather long name of a run", &counts, Duration::MAX, width);
                assert!(line.chars().count() < width.max(1), "{width}: {line:?}");
                assert!(!line.contains('\n'));
            }
        }
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let elapsed = Duration::from_secs(3);
        assert_eq!(plain("n", &counts(Some(10), 0), elapsed), "n: 0/10 0 %");
        assert_eq!(plain("n", &counts(None, 0), elapsed), "n: 0 done");
        let all = plain("n", &counts(Some(4), 4), elapsed);
        assert_eq!(all, "n: 4/4 100 %, $0.0040, exact 75.0 %");
        assert_eq!(short(0.2), "1s");
        assert_eq!((short(3_661.0), short(1e300)), ("1h01m".into(), "days".into()));
    }
}
