//! The summary as a table: a view of it first, then text.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use console::Style as Color;
use tidegate_client::Receipt;

use crate::outcome::Summary;

/// How text may look.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Style {
    pub(crate) colors: bool,
    /// Columns of the terminal, if there is one.
    pub(crate) width: Option<u16>,
}

/// Lines above, below and under the header only: most tables have a handful of rows.
const LINES: TableStyle = {
    let line = LineStyle::none().fill('─').junction('─');
    TableStyle::new().top_border(line).header_separator(line).bottom_border(line)
};

/// One line of the table, as text.
#[derive(Debug, PartialEq)]
struct Line {
    name: String,
    value: String,
    difference: Option<(String, Verdict)>,
    counts: Option<(u64, u64)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Verdict {
    Better,
    Worse,
    Same,
}

pub(crate) fn render(summary: &Summary, receipt: &Receipt, style: Style) -> String {
    let mut text = String::new();
    let name = summary.experiment.as_ref().map_or("not recorded", |experiment| &experiment.name);
    push(&mut text, &format!("{} / {name}", summary.project));
    push(&mut text, &trials(summary));
    let lines = view(summary);
    if !lines.is_empty() {
        push(&mut text, &table(&lines, summary, style));
    }
    if let Some(experiment) = &summary.experiment {
        if let Some(url) = &experiment.url {
            push(&mut text, url);
        }
        push(&mut text, &record(receipt));
    }
    text
}

fn push(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("writing to memory cannot fail");
}

fn trials(summary: &Summary) -> String {
    let mut text =
        format!("{} trials in {}", summary.trials, seconds(summary.duration.as_secs_f64()));
    if summary.task_errors > 0 {
        write!(text, ", {} failed", summary.task_errors).expect("memory");
    }
    if summary.scorer_errors > 0 {
        write!(text, ", {} scorer calls failed", summary.scorer_errors).expect("memory");
    }
    if summary.timed_out {
        text.push_str(", ended by the time-out");
    }
    text
}

fn record(receipt: &Receipt) -> String {
    match (receipt.lost(), receipt.pending) {
        (0, 0) => format!("{} rows recorded, nothing lost", receipt.rows),
        (lost, pending) => format!(
            "{} rows recorded; of {} records {lost} were LOST and {pending} are still pending",
            receipt.rows, receipt.accepted
        ),
    }
}

fn view(summary: &Summary) -> Vec<Line> {
    let compared = summary.base.is_some();
    let scores = summary.comparison.scores.values().map(|score| Line {
        name: score.name.clone(),
        value: format!("{:.2} %", 100.0 * score.score),
        difference: score.diff.map(|diff| (percent(diff, 2), verdict(diff))),
        counts: compared.then_some((score.improvements, score.regressions)),
    });
    let metrics = summary.comparison.metrics.values().map(|metric| Line {
        name: metric.name.clone(),
        value: match metric.unit.as_str() {
            "s" => seconds(metric.metric),
            unit => format!("{:.2} {unit}", metric.metric),
        },
        // Less time and fewer tokens are better.
        difference: metric.diff.map(|diff| (percent(diff, 1), verdict(-diff))),
        counts: compared.then_some((metric.improvements, metric.regressions)),
    });
    scores.chain(metrics).collect()
}

/// A signed percentage; what rounds to zero has no sign.
fn percent(fraction: f64, decimals: usize) -> String {
    let plain = format!("{:.decimals$}", 100.0 * fraction.abs());
    let is_zero = plain.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let sign = match fraction {
        _ if is_zero => "",
        fraction if fraction < 0.0 => "-",
        _ => "+",
    };
    format!("{sign}{plain} %")
}

fn verdict(diff: f64) -> Verdict {
    if diff > 0.0 {
        Verdict::Better
    } else if diff < 0.0 {
        Verdict::Worse
    } else {
        Verdict::Same
    }
}

fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 0.001 => format!("{:.0} µs", s * 1e6),
        s if s < 1.0 => format!("{:.1} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

fn table(lines: &[Line], summary: &Summary, style: Style) -> String {
    let mut table = Table::new();
    table.load_style(LINES);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    // Without a terminal nothing is cut or wrapped: a program may read it.
    table.set_width(style.width.unwrap_or(u16::MAX));
    let mut header = vec!["".to_owned(), "value".to_owned()];
    if let Some(base) = &summary.base {
        header.extend([format!("vs {}", base.name), "improved".into(), "regressed".into()]);
    }
    table.set_header(header);
    for line in lines {
        let mut row = vec![line.name.clone(), line.value.clone()];
        if let Some((improved, regressed)) = line.counts {
            row.push(
                line.difference.as_ref().map_or_else(|| "new".to_owned(), |(text, _)| text.clone()),
            );
            row.extend([improved.to_string(), regressed.to_string()]);
        }
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let text = table.trim_fmt();
    if style.colors { colored(&text, lines) } else { text }
}

/// Colours the differences in the finished text: inside of cells, the escape codes would count
/// as characters and shift the columns.
fn colored(text: &str, lines: &[Line]) -> String {
    let color_line = |text: &str| {
        let line = lines.iter().find(|line| text.split_whitespace().next() == Some(&line.name));
        match line.and_then(|line| line.difference.as_ref()) {
            Some((difference, verdict)) => {
                text.replacen(difference, &color(difference, *verdict), 1)
            }
            None => text.to_owned(),
        }
    };
    text.lines().map(color_line).collect::<Vec<_>>().join("\n")
}

fn color(text: &str, verdict: Verdict) -> String {
    let color = match verdict {
        Verdict::Better => Color::new().green(),
        Verdict::Worse => Color::new().red(),
        Verdict::Same => return text.to_owned(),
    };
    color.force_styling(true).apply_to(text).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tidegate_client::Experiment;
    use tidegate_model::wire::objects::Named;
    use tidegate_model::wire::summary::{ExperimentComparison, MetricSummary, ScoreSummary};

    use super::*;

    fn summary() -> Summary {
        let score = |name: &str, score, diff| ScoreSummary {
            name: name.into(),
            score,
            improvements: 3,
            regressions: 1,
            diff,
        };
        let metric = MetricSummary {
            name: "duration".into(),
            metric: 0.0123,
            unit: "s".into(),
            improvements: 2,
            regressions: 4,
            diff: Some(0.5),
        };
        let named = |name: &str| Named { id: "i".into(), name: name.into() };
        Summary {
            project: "p".into(),
            experiment: Some(Experiment {
                id: "e".into(),
                name: "now".into(),
                project: named("p"),
                url: Some("http://h/app".into()),
            }),
            base: Some(named("before")),
            comparison: ExperimentComparison {
                scores: [
                    ("exact".into(), score("exact", 0.98765, Some(0.0125))),
                    ("fresh".into(), score("fresh", 0.5, None)),
                ]
                .into(),
                metrics: [("duration".into(), metric)].into(),
            },
            trials: 10,
            task_errors: 1,
            scorer_errors: 0,
            timed_out: false,
            duration: Duration::from_millis(1500),
        }
    }

    #[test]
    fn scores_metrics_link_and_receipt_are_shown() {
        let receipt = Receipt { accepted: 90, acknowledged: 90, rows: 30, ..Receipt::default() };
        let text = render(&summary(), &receipt, Style::default());
        let words: Vec<Vec<&str>> =
            text.lines().map(|line| line.split_whitespace().collect()).collect();
        for expected in [
            "p / now",
            "10 trials in 1.50 s, 1 failed",
            "value vs before improved regressed",
            "exact 98.77 % +1.25 % 3 1",
            "fresh 50.00 % new 3 1",
            "duration 12.3 ms +50.0 % 2 4",
            "http://h/app",
            "30 rows recorded, nothing lost",
        ] {
            let expected: Vec<&str> = expected.split_whitespace().collect();
            assert!(words.contains(&expected), "{expected:?} is missing in\n{text}");
        }
    }

    #[test]
    fn losses_are_shouted() {
        let dropped = [(tidegate_client::DropReason::Unreachable, 7)].into();
        let receipt = Receipt { accepted: 10, pending: 2, dropped, ..Receipt::default() };
        assert!(record(&receipt).contains("7 were LOST and 2 are still pending"));
    }

    #[test]
    fn colours_only_when_asked_and_narrow_terminals_fit() {
        let receipt = Receipt::default();
        let plain = render(&summary(), &receipt, Style { colors: false, width: Some(40) });
        assert!(!plain.contains('\u{1b}'));
        let longest = plain.lines().map(|line| line.chars().count()).max();
        assert!(longest.is_some_and(|longest| longest <= 40), "{plain}");
        let colored = render(&summary(), &receipt, Style { colors: true, width: None });
        assert!(colored.contains("\u{1b}[32m+1.25 %"), "{colored:?}");
        assert!(colored.contains("\u{1b}[31m+50.0 %"), "slower is worse");
    }
}
