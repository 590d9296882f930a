//! The summary laid out for a terminal or a log.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::IsTerminal as _;

use comfy_table::{self as comfy, CellAlignment, ContentArrangement, LineStyle, Table};
use console::Style as Color;
use tidegate_analysis::statistics::{GateOutcome, Verdict};
use tidegate_client::Receipt;

use super::changes::ChangedCase;
use super::text::{counted, one_line};
use super::view::{self, Change, Line};
use crate::cells::CellsSummary;
use crate::gate::GateResult;
use crate::outcome::Summary;

/// Characters of an input in a line of its own.
const NAME_CHARS: usize = 200;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) use tests::summary as test_summary;

/// How text may look.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct TableStyle {
    /// Whether verdicts and gates are coloured.
    pub colors: bool,
    /// Columns of the terminal, if there is one.
    pub width: Option<u16>,
}

impl TableStyle {
    /// What stdout is: its width if it is a terminal, colours unless `NO_COLOR` or `CLICOLOR` says
    /// otherwise.
    #[must_use]
    pub fn of_stdout() -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let width = console::Term::stdout().size_checked().map(|(_, columns)| columns);
        Self {
            // `console` honours NO_COLOR and CLICOLOR.
            colors: is_terminal && console::colors_enabled(),
            width: width.filter(|_| is_terminal),
        }
    }

    /// Sets the width.
    #[must_use]
    pub fn width(mut self, columns: u16) -> Self {
        self.width = Some(columns);
        self
    }
}

/// Lays out scores, metrics, gates and warnings of a run, as a run prints them itself.
#[must_use]
pub fn summary_table(summary: &Summary, gates: &[GateResult], style: TableStyle) -> String {
    render(summary, gates, None, style)
}

/// Lays out scores and metrics alone, and says which cases were left out of the comparison; empty
/// without any.
#[must_use]
pub fn score_table(summary: &Summary, style: TableStyle) -> String {
    let mut text = String::new();
    let lines = view::lines(summary);
    if !lines.is_empty() {
        push(&mut text, &fitted(&lines, summary, style));
    }
    if let Some(unmatched) = unmatched(summary) {
        push(&mut text, &unmatched);
    }
    text
}

/// Lays out changed cases under a title, each with its diff; empty without any.
#[must_use]
pub fn changed_cases(title: &str, cases: &[ChangedCase], style: TableStyle) -> String {
    let mut text = String::new();
    if cases.is_empty() {
        return text;
    }
    let width = style.width.map_or(usize::MAX, usize::from);
    let mut line = |indent: usize, line: &str, color: Option<Color>| {
        // One line each: what a terminal wraps looks like another line of the diff.
        let line: String = line.chars().flat_map(visible).collect();
        let room = width.saturating_sub(indent).max(8);
        let line = match line.char_indices().nth(room) {
            None => line,
            Some(_) => line.chars().take(room - 1).chain(['…']).collect(),
        };
        let line = match color.filter(|_| style.colors) {
            Some(color) => color.force_styling(true).apply_to(line).to_string(),
            None => line,
        };
        push(&mut text, &format!("{:indent$}{line}", ""));
    };
    line(0, title, None);
    for case in cases {
        let (before, now) = (view::share(case.base_score), view::share(case.score));
        let name = one_line(case.case_id.as_deref().unwrap_or(&case.input), NAME_CHARS);
        line(2, &format!("{} {before} to {now}: {name}", case.name), None);
        if case.case_id.is_some() {
            line(4, &format!("input: {}", one_line(&case.input, NAME_CHARS)), None);
        }
        if let Some(expected) = &case.expected {
            line(4, &format!("expected: {}", one_line(expected, NAME_CHARS)), None);
        }
        for changed in &case.diff {
            let color = match changed.as_bytes().first() {
                Some(b'-') => Some(Color::new().red()),
                Some(b'+') => Some(Color::new().green()),
                _ => None,
            };
            line(4, changed, color);
        }
    }
    text
}

/// Escape codes of an output must not reach the terminal.
fn visible(c: char) -> Vec<char> {
    match c {
        '\t' => vec![' ', ' '],
        c if c.is_control() => c.escape_unicode().collect(),
        c => vec![c],
    }
}

/// Lines above, below and under the header only: most tables have a handful of rows.
pub(super) const LINES: comfy::TableStyle = {
    let line = LineStyle::none().fill('─').junction('─');
    comfy::TableStyle::new().top_border(line).header_separator(line).bottom_border(line)
};

/// What a narrow terminal does without, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Detail {
    /// Everything.
    Full,
    /// No intervals: the verdict says what they mean.
    NoIntervals,
    /// No counts of cases either.
    Least,
    /// Names cut, and a question mark for what is undecided.
    Terse,
}

/// A name cut shorter than this tells nothing.
const LEAST_NAME: usize = 6;

pub(crate) fn render(
    summary: &Summary,
    gates: &[GateResult],
    receipt: Option<&Receipt>,
    style: TableStyle,
) -> String {
    let mut text = String::new();
    push(&mut text, &summary.title());
    push(&mut text, &view::trials(summary));
    if let Some(cells) = &summary.cells {
        push(&mut text, &taken_over(cells));
    }
    text.push_str(&score_table(summary, style));
    for (name, classes) in &summary.classifications {
        push(&mut text, &classified(name, classes));
    }
    text.push_str(&changed_cases("worst regressions", &summary.worst_regressions, style));
    for gate in gates {
        push(&mut text, &gate_line(gate, style));
    }
    for warning in &summary.warnings {
        push(&mut text, &format!("warning: {warning}"));
    }
    if let Some(experiment) = &summary.experiment {
        if let Some(url) = &experiment.url {
            push(&mut text, url);
        }
        if let Some(receipt) = receipt {
            push(&mut text, &record(receipt));
        }
    }
    text
}

fn push(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("writing to memory cannot fail");
}

/// The most frequent classes of a classifier; there may be as many as trials.
fn classified(name: &str, classes: &BTreeMap<String, u64>) -> String {
    const SHOWN: usize = 8;
    let mut classes: Vec<_> = classes.iter().collect();
    // Stable: classes of the same count stay in alphabetical order.
    classes.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let shown = classes.iter().take(SHOWN).map(|(class, count)| format!("{class} {count}"));
    let mut text = format!("{name}: {}", shown.collect::<Vec<_>>().join(", "));
    if let Some(rest) = classes.get(SHOWN..).filter(|rest| !rest.is_empty()) {
        let trials: u64 = rest.iter().map(|(_, count)| **count).sum();
        write!(text, ", {} other classes {trials}", rest.len()).expect("memory");
    }
    text
}

/// Where the results come from, and how to go on if some are missing.
fn taken_over(cells: &CellsSummary) -> String {
    let CellsSummary { run, shard, ran, taken_over, rescored, complete, .. } = cells;
    let mut text = format!("run {run}");
    if shard.count > 1 {
        write!(text, ", shard {shard}").expect("memory");
    }
    write!(text, ": {ran} cells ran").expect("memory");
    if *taken_over > 0 {
        write!(text, ", {taken_over} taken over").expect("memory");
    }
    if *rescored > 0 {
        write!(text, ", {rescored} scored again").expect("memory");
    }
    if !complete {
        write!(text, "; not finished, resume {run} to run the rest").expect("memory");
    }
    text
}

/// Differences are those of cases that both runs have; others must not vanish without a word.
fn unmatched(summary: &Summary) -> Option<String> {
    let unmatched = |paired: &&tidegate_analysis::statistics::PairedComparison| {
        paired.matched_cases > 0 && paired.current_only_cases + paired.base_only_cases > 0
    };
    let most = summary.comparisons.values().filter(unmatched);
    let paired = most.max_by_key(|paired| paired.current_only_cases + paired.base_only_cases)?;
    Some(format!(
        "compared on {}; {} only in this run and {} only in the base are left out",
        counted(paired.matched_cases as u64, "case"),
        paired.current_only_cases,
        paired.base_only_cases
    ))
}

fn gate_line(gate: &GateResult, style: TableStyle) -> String {
    let (word, color) = match gate.outcome {
        GateOutcome::Pass => ("passed", Color::new().green()),
        GateOutcome::Fail => ("FAILED", Color::new().red()),
        GateOutcome::Undecided => ("undecided", Color::new().yellow()),
    };
    let word = match style.colors {
        true => color.force_styling(true).apply_to(word).to_string(),
        false => word.to_owned(),
    };
    let hint = gate.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("gate {word}: {} {}: {}{hint}", gate.name, gate.rule, gate.why)
}

fn record(receipt: &Receipt) -> String {
    let attachments = &receipt.attachments;
    let missing = attachments.accepted - attachments.uploaded;
    let rows = match (receipt.lost(), receipt.pending) {
        (0, 0) if missing > 0 => format!("{} recorded", counted(receipt.rows, "row")),
        (0, 0) => format!("{} recorded, nothing lost", counted(receipt.rows, "row")),
        (lost, pending) => format!(
            "{} recorded; of {} records {lost} were LOST and {pending} are still pending",
            counted(receipt.rows, "row"),
            receipt.accepted
        ),
    };
    match missing {
        0 => rows,
        _ => format!("{rows}; {missing} of {} attachments are NOT uploaded", attachments.accepted),
    }
}

/// The most detailed table that fits. If none does, the least is wrapped.
fn fitted(lines: &[Line], summary: &Summary, style: TableStyle) -> String {
    // Without a terminal nothing is left out or wrapped: a program may read it.
    let width = style.width.unwrap_or(u16::MAX);
    let details = [Detail::Full, Detail::NoIntervals, Detail::Least];
    let widest = |text: &str| text.lines().map(|line| line.chars().count()).max();
    let excess = |text: &str| widest(text).unwrap_or_default().saturating_sub(usize::from(width));
    let fitting = details.iter().find_map(|detail| {
        let text = table(lines, summary, *detail, u16::MAX);
        (excess(&text) == 0).then_some(text)
    });
    match fitting {
        Some(text) if style.colors => colored(&text, lines),
        Some(text) => text,
        None => {
            let terse = table(lines, summary, Detail::Terse, u16::MAX);
            let longest = lines.iter().map(|line| line.name.chars().count()).max();
            let room = longest.unwrap_or_default().saturating_sub(excess(&terse)).max(LEAST_NAME);
            let cut = |line: &Line| Line { name: one_line(&line.name, room - 1), ..line.clone() };
            let lines: Vec<_> = lines.iter().map(cut).collect();
            // Wrapped, if that is too much still. Its rows cannot be told apart by line then, so
            // it stays without colours.
            table(&lines, summary, Detail::Terse, width)
        }
    }
}

fn table(lines: &[Line], summary: &Summary, detail: Detail, width: u16) -> String {
    let with_intervals = detail == Detail::Full;
    let values = Pairs::of(
        lines.iter().map(|line| (line.value.as_str(), line.interval.as_str())),
        with_intervals,
    );
    let changes = lines.iter().filter_map(|line| line.change.as_ref());
    let changes = Pairs::of(
        changes.map(|change| (change.difference.as_str(), change.interval.as_str())),
        with_intervals,
    );
    let has_verdicts =
        lines.iter().any(|line| line.change.as_ref().is_some_and(|c| c.verdict.is_some()));
    let mut table = Table::new();
    table.load_style(LINES);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width);
    let mut header = vec![String::new(), "value".to_owned()];
    if let Some(base) = &summary.base {
        header.push(match detail {
            Detail::Terse => "vs base".to_owned(),
            _ => format!("vs {}", base.name),
        });
        if has_verdicts {
            header.push(String::new());
        }
        if detail < Detail::Least {
            header.push("improved/\nregressed".to_owned());
        }
    }
    table.set_header(header);
    for line in lines {
        let mut row = vec![line.name.clone(), values.cell(&line.value, &line.interval)];
        if let Some(change) = &line.change {
            row.push(changes.cell(&change.difference, &change.interval));
            if has_verdicts {
                row.push(match change.verdict {
                    Some(Verdict::Undecided) if detail == Detail::Terse => "?".to_owned(),
                    verdict => verdict.map(view::word).unwrap_or_default().to_owned(),
                });
            }
            if detail < Detail::Least {
                row.push(format!("{}/{}", change.improved, change.regressed));
            }
        }
        table.add_row(row);
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        let is_text = index == 0 || (has_verdicts && index == 3);
        let alignment = if is_text { CellAlignment::Left } else { CellAlignment::Right };
        column.set_cell_alignment(alignment);
        // The border characters are blanks of their own.
        column.set_padding((1, 0));
    }
    table.trim_fmt()
}

/// A column of figures, each with its interval: aligned among themselves within one cell, since
/// two columns would need a header of their own each and more room.
struct Pairs {
    figure: usize,
    interval: usize,
}

impl Pairs {
    fn of<'a>(cells: impl Iterator<Item = (&'a str, &'a str)>, with_intervals: bool) -> Self {
        let mut pairs = Self { figure: 0, interval: 0 };
        for (figure, interval) in cells {
            pairs.figure = pairs.figure.max(figure.chars().count());
            if with_intervals {
                pairs.interval = pairs.interval.max(interval.chars().count());
            }
        }
        pairs
    }

    fn cell(&self, figure: &str, interval: &str) -> String {
        match self.interval {
            0 => figure.to_owned(),
            width => format!("{figure:>0$} {interval:>width$}", self.figure),
        }
    }
}

/// Colours the differences in the finished text: inside of cells, the escape codes would count
/// as characters and shift the columns.
fn colored(text: &str, lines: &[Line]) -> String {
    // Nothing is wrapped, so the rows are the last lines but the border.
    let all: Vec<&str> = text.lines().collect();
    let first = all.len().saturating_sub(lines.len() + 1);
    let color_line = |(index, text): (usize, &&str)| {
        let line = index.checked_sub(first).and_then(|row| lines.get(row));
        match line.and_then(|line| line.change.as_ref()) {
            Some(change) => color(text, change),
            None => (*text).to_owned(),
        }
    };
    all.iter().enumerate().map(color_line).collect::<Vec<_>>().join("\n")
}

fn color(text: &str, change: &Change) -> String {
    let color = match change.verdict {
        Some(Verdict::Better) => Color::new().green(),
        Some(Verdict::Worse) => Color::new().red(),
        // What may be chance gets no colour.
        _ => return text.to_owned(),
    };
    let word = change.verdict.map(view::word).unwrap_or_default();
    // Names may contain either; the cells come after them.
    let Some((start, end)) =
        text.rfind(&change.difference).zip(text.rfind(word)).filter(|(start, end)| start < end)
    else {
        return text.to_owned();
    };
    let (before, rest) = text.split_at(start);
    let (marked, after) = rest.split_at(end - start + word.len());
    format!("{before}{}{after}", color.force_styling(true).apply_to(marked))
}
