//! Figures and diagnosis in words, below the picture.

use tidegate_analysis::explain::{Category, Explanation, Figure, Finding, Unit};

use super::paint::{Ink, Painter};
use super::title::Mood;
use super::view::Ending;
use crate::units;

/// Where the text of a summary line begins.
const INDENT: usize = 10;

/// Adds a line for each kind of figures, and a paragraph for each cause.
pub(super) fn write(explanation: &Explanation, painter: &mut Painter) {
    for (name, text) in figures(explanation) {
        painter.put(Ink::Faint, name);
        wrapped(&text, INDENT, Ink::Plain, painter);
    }
    for found in &explanation.diagnosis {
        painter.end_line();
        finding(found, painter);
    }
}

fn figures(explanation: &Explanation) -> Vec<(&'static str, String)> {
    let shape = &explanation.shape;
    let uploads = &shape.uploads;
    let mut figures = Vec::new();
    if uploads.requests > 0 {
        let gaps = match uploads.idle_gaps {
            0 => "never idle".to_owned(),
            gaps => format!(
                "{} of {} on average ({} of {})",
                units::counted(gaps as u64, "idle gap"),
                units::duration(uploads.idle_gap_us_mean.round() as u64),
                units::share(uploads.idle_ratio),
                units::duration(uploads.phase_us),
            ),
        };
        let uploaded = format!(
            "{}, at most {} in flight, {:.1} on average; {gaps}",
            units::counted(uploads.overlapping_pairs as u64, "overlapping pair"),
            uploads.peak_in_flight,
            uploads.mean_in_flight,
        );
        figures.push(("uploads", uploaded));
        let mut requests = format!(
            "{} in {}: {:.1} rows and {} each on average, median duration {}",
            units::counted(shape.rows, "row"),
            units::counted(uploads.requests as u64, "request"),
            shape.rows_per_request.mean,
            units::bytes(shape.bytes_per_request.mean.round() as u64),
            units::duration(shape.request_us.median.round() as u64),
        );
        if shape.retries + shape.failed() > 0 {
            let retries = shape.retries as u64;
            let retries =
                if retries == 1 { "1 retry".to_owned() } else { format!("{retries} retries") };
            requests.push_str(&format!("; {} failed, {retries}", shape.failed()));
        }
        figures.push(("requests", requests));
    }
    if let Some(path) = &explanation.critical_path {
        let parts = Category::ALL.map(|category| (category.name(), path.ratio(category)));
        let seen = parts.into_iter().filter(|(_, ratio)| *ratio >= 0.000_5);
        let parts: Vec<String> =
            seen.map(|(name, ratio)| format!("{name} {}", units::share(ratio))).collect();
        let waited = format!(
            "somebody waited at the gate in {} of it, for a flush in {}",
            units::share(shape.gate_wait_ratio),
            units::share(shape.flush_wait_ratio)
        );
        let wall = units::duration(explanation.wall_us);
        figures.push(("wall", format!("{wall}: {}; {waited}", parts.join(", "))));
    }
    if let Some(cpu) = &explanation.cpu {
        let used = units::duration(cpu.user_us.saturating_add(cpu.system_us));
        let over = units::duration(cpu.measured_us);
        figures.push((
            "CPU",
            format!("{} idle: {used} used over {over}", units::share(cpu.idle_ratio)),
        ));
    }
    let mut missing = Vec::new();
    if !explanation.is_complete {
        missing.push("the profile was not closed: its run goes on, or was killed".to_owned());
    }
    if explanation.left_out > 0 {
        let lines = units::counted(explanation.left_out, "line");
        missing.push(format!("{lines} had no room in the profile"));
    }
    if explanation.lost_records > 0 {
        let records = units::counted(explanation.lost_records, "record");
        missing.push(format!("{records} of the run were lost"));
    }
    if !missing.is_empty() {
        figures.push(("missing", missing.join("; ")));
    }
    figures
}

fn finding(found: &Finding, painter: &mut Painter) {
    let ink = match Mood::of(found.cause) {
        Mood::Good => Ink::Bar(Ending::Accepted),
        Mood::Bad => Ink::Bar(Ending::Failed),
        Mood::Plain => Ink::Strong,
    };
    painter.put(ink, found.cause.id());
    if found.wall_ratio > 0.0 {
        painter.put(Ink::Faint, &format!("  {} of the wall", units::share(found.wall_ratio)));
    }
    painter.end_line();
    wrapped(&found.advice, 2, Ink::Plain, painter);
    let evidence: Vec<String> = found.evidence.iter().map(figure).collect();
    if !evidence.is_empty() {
        wrapped(&format!("Evidence: {}.", evidence.join("; ")), 2, Ink::Faint, painter);
    }
}

fn figure(figure: &Figure) -> String {
    let value = figure.value;
    let value = match figure.unit {
        Unit::Us => units::duration(value.max(0.0).round() as u64),
        Unit::Ratio => units::share(value),
        Unit::Bytes => units::bytes(value.max(0.0).round() as u64),
        _ if value.fract() == 0.0 => format!("{value:.0}"),
        _ => format!("{value:.1}"),
    };
    format!("{} {value}", figure.label)
}

/// Units that stay on the line of their number.
const UNITS: [&str; 12] = ["%", "µs", "ms", "s", "min", "h", "d", "B", "KiB", "MiB", "GiB", "Hz"];

/// Fills lines with words between an indent and the width.
pub(super) fn wrapped(text: &str, indent: usize, ink: Ink, painter: &mut Painter) {
    let room = painter.style().width.saturating_sub(indent).max(1);
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let is_unit = UNITS.contains(&word.trim_end_matches([',', ';', ':', '.', ')']));
        match words
            .last_mut()
            .filter(|last| is_unit && last.ends_with(|c: char| c.is_ascii_digit()))
        {
            Some(number) => *number = format!("{number} {word}"),
            None => words.push(word.to_owned()),
        }
    }
    let end = |line: &mut String, painter: &mut Painter| {
        painter.tab(indent);
        painter.put(ink, line);
        painter.end_line();
        line.clear();
    };
    let mut line = String::new();
    for word in words {
        let used = line.chars().count();
        if used > 0 && used + 1 + word.chars().count() > room {
            end(&mut line, painter);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if !line.is_empty() {
        end(&mut line, painter);
    }
}
