//! The summary of a step of GitHub Actions, in Markdown.

use std::fmt::Write as _;

use tidegate_analysis::statistics::GateOutcome;

use super::changes::ChangedCase;
use super::text::{counted, one_line};
use super::view::{self, percent, share};
use crate::gate::{self, GateResult};
use crate::outcome::Summary;

/// What GitHub takes of one step; it shows nothing at all of a larger file.
const LIMIT_BYTES: usize = 1 << 20;
/// Room for the sentence that says what was left out.
const RESERVED_BYTES: usize = 256;
/// Characters of a name or a reason in a cell.
const CELL_CHARS: usize = 300;

/// Writes a Markdown summary of evaluations, each with its gates: scores with intervals and
/// verdicts, gates with reasons, worst regressions with a diff.
///
/// At most `room` bytes, of which GitHub shows 1 MiB (1 048 576) per step: give it that less what
/// the file of `GITHUB_STEP_SUMMARY` holds already. What does not fit is left out, and the text says
/// so; tables come first.
#[must_use]
pub fn github_summary(evaluations: &[(&Summary, &[GateResult])], room: usize) -> String {
    let most = room.min(LIMIT_BYTES);
    let room = most.saturating_sub(RESERVED_BYTES);
    let mut text = String::new();
    let mut missing = 0;
    for (summary, gates) in evaluations {
        let (head, details) = (head(summary, gates), details(&summary.worst_regressions));
        if text.len() + head.len() > room {
            missing += 1;
            continue;
        }
        text.push_str(&head);
        if text.len() + details.len() <= room {
            text.push_str(&details);
        } else {
            missing += 1;
        }
    }
    if missing > 0 {
        let parts = counted(missing, "part");
        let note = format!("\n_{parts} left out: GitHub shows at most 1 MiB a step._\n");
        if text.len() + note.len() <= most {
            text.push_str(&note);
        }
    }
    text
}

/// Writes what kept an evaluation from being complete, such as lost rows or a file that cannot be
/// read, as Markdown: for below, or instead of, its part of [`github_summary`].
#[must_use]
pub fn github_error(name: &str, error: &str) -> String {
    format!("> **error** in {}: {}\n\n", cell(name), cell(error))
}

fn head(summary: &Summary, gates: &[GateResult]) -> String {
    let mut text = String::new();
    let experiment = summary.experiment.as_ref();
    let title = cell(&summary.title());
    let title = match experiment.and_then(|experiment| experiment.url.as_ref()) {
        Some(url) => format!("[{title}](<{}>)", url.replace(['<', '>', '\n'], "")),
        None => title,
    };
    let verdict = match gate::together(gates) {
        _ if gates.is_empty() => "",
        GateOutcome::Pass => ": gates passed",
        GateOutcome::Fail => ": gate FAILED",
        GateOutcome::Undecided => ": gate undecided",
    };
    push(&mut text, &format!("### {title}{verdict}\n"));
    push(&mut text, &format!("{}\n", view::trials(summary)));
    push(&mut text, &scores(summary));
    if !gates.is_empty() {
        push(&mut text, "| gate | | condition | why |\n|---|---|---|---|");
        for gate in gates {
            let outcome = match gate.outcome {
                GateOutcome::Pass => "passed",
                GateOutcome::Fail => "**FAILED**",
                GateOutcome::Undecided => "**undecided**",
            };
            let hint = gate.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
            let (name, rule) = (cell(&gate.name), cell(&gate.rule));
            let why = cell(&format!("{}{hint}", gate.why));
            push(&mut text, &format!("| {name} | {outcome} | {rule} | {why} |"));
        }
        push(&mut text, "");
    }
    for warning in &summary.warnings {
        push(&mut text, &format!("> warning: {}\n", cell(warning)));
    }
    text
}

fn scores(summary: &Summary) -> String {
    let lines = view::lines(summary);
    if lines.is_empty() {
        return String::new();
    }
    let mut text = match &summary.base {
        Some(base) => format!(
            "| | value | interval | vs {} | interval | | improved | regressed |\n\
             |---|--:|--:|--:|--:|---|--:|--:|\n",
            cell(&base.name)
        ),
        None => "| | value | interval |\n|---|--:|--:|\n".to_owned(),
    };
    for line in lines {
        let interval = line.interval.trim_matches(['(', ')']);
        write!(text, "| {} | {} | {interval} |", cell(&line.name), cell(&line.value))
            .expect("memory");
        if let Some(change) = &line.change {
            let verdict = change.verdict.map(view::word).unwrap_or_default();
            let interval = change.interval.trim_matches(['(', ')']);
            write!(
                text,
                " {} | {interval} | {verdict} | {} | {} |",
                change.difference, change.improved, change.regressed
            )
            .expect("memory");
        } else if summary.base.is_some() {
            text.push_str(" | | | | |");
        }
        text.push('\n');
    }
    text
}

fn details(regressions: &[ChangedCase]) -> String {
    if regressions.is_empty() {
        return String::new();
    }
    let mut text = "<details><summary>Worst regressions</summary>\n\n".to_owned();
    for case in regressions {
        let name = case.case_id.as_deref().unwrap_or(&case.input);
        let (before, now) = (share(case.base_score), share(case.score));
        let change = percent(case.score - case.base_score, 2);
        push(
            &mut text,
            &format!("**{}** {before} to {now} ({change}): {}\n", cell(&case.name), cell(name)),
        );
        let mut block = String::new();
        push(&mut block, &format!("input    {}", one_line(&case.input, CELL_CHARS)));
        if let Some(expected) = &case.expected {
            push(&mut block, &format!("expected {}", one_line(expected, CELL_CHARS)));
        }
        for line in &case.diff {
            push(&mut block, line);
        }
        let fence = fence(&block);
        push(&mut text, &format!("{fence}diff\n{block}{fence}\n"));
    }
    push(&mut text, "</details>\n");
    text
}

/// A fence longer than any that the block holds.
fn fence(block: &str) -> String {
    let longest = block.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(longest.max(2) + 1)
}

/// Text that stays one cell and shows as it is: no markup, no mention, no line end.
fn cell(text: &str) -> String {
    let mut cell = String::new();
    for c in one_line(text, CELL_CHARS).chars() {
        match c {
            '&' => cell.push_str("&amp;"),
            '<' => cell.push_str("&lt;"),
            '>' => cell.push_str("&gt;"),
            // A mention would write to people, a number would link to an issue.
            '@' => cell.push_str("&#64;"),
            '#' => cell.push_str("&#35;"),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '$' => {
                cell.push('\\');
                cell.push(c);
            }
            c if c.is_control() => cell.extend(c.escape_unicode()),
            c => cell.push(c),
        }
    }
    cell
}

fn push(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("writing to memory cannot fail");
}

#[cfg(test)]
mod tests;
