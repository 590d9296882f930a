//! `--what-if`: what the run was beside what it would have been.

use tidegate_analysis::explain::Explanation;
use tidegate_analysis::profile::Profile;
use tidegate_client::what_if::{Change, Prediction, SYNTAX, WhatIf, WhatIfError};

use super::paint::{Ink, Painter, Style};
use super::title;
use super::words::wrapped;
use crate::exit::Failure;
use crate::units;

/// Where the first column of figures ends.
const MEASURED: usize = 34;
/// Where the second one ends.
const PREDICTED: usize = 48;

/// Replays a run under changed settings.
///
/// # Errors
/// The profile has nothing to replay, or a setting means nothing.
pub(super) fn predict(profile: &Profile, change: &Change) -> Result<Prediction, Failure> {
    let predicted =
        WhatIf::new(&profile.header, profile.lines()).and_then(|recorded| recorded.predict(change));
    predicted.map_err(|error| match error {
        WhatIfError::Change(_) => {
            Failure::usage(error.into(), format!("write it like --what-if {SYNTAX}"))
        }
        WhatIfError::OfServer | WhatIfError::NoSpans | WhatIfError::NoRequests(_) => {
            Failure::failed(error.into(), "record the run itself, with --profile")
        }
        _ => Failure::failed(error.into(), "record a shorter run"),
    })
}

/// Both in a table, and what the prediction rests on.
pub(super) fn draw(explanation: &Explanation, prediction: &Prediction, style: Style) -> String {
    let mut painter = Painter::new(style);
    let shape = &explanation.shape;
    painter.put(Ink::Strong, &title::name(explanation));
    painter.end_line();
    // With spaces, so that it fits on lines.
    let settings = prediction.settings.to_string().replace(',', ", ");
    wrapped(&format!("what if {settings}"), 0, Ink::Plain, &mut painter);
    painter.end_line();
    let times = |before, after| [before, after].map(units::duration);
    row("", &["measured", "predicted"].map(str::to_owned), Ink::Faint, &mut painter);
    let (before, after) = (explanation.wall_us, prediction.wall_us);
    row("wall", &times(before, after), Ink::Strong, &mut painter);
    let counts = |before: u64, after: u64| [before, after].map(|count| count.to_string());
    for (name, values) in [
        ("requests", counts(shape.uploads.requests as u64, prediction.requests as u64)),
        ("rows sent", counts(shape.rows, prediction.rows_sent)),
        (
            "overlapping pairs",
            counts(shape.uploads.overlapping_pairs as u64, prediction.overlapping_pairs),
        ),
        (
            "in flight at most",
            counts(shape.uploads.peak_in_flight as u64, prediction.peak_in_flight as u64),
        ),
        ("waited at the gate, summed", times(shape.gate_wait_us, prediction.gate_wait_us)),
        ("waited for flushes, summed", times(shape.flush_wait_us, prediction.flush_wait_us)),
    ] {
        row(name, &values, Ink::Plain, &mut painter);
    }
    painter.end_line();
    let change = after as f64 / before.max(1) as f64 - 1.0;
    let verdict = match change {
        change if change.abs() < 0.005 => "as long as measured".to_owned(),
        change if change < 0.0 => format!("{:.0} % less time", -change * 100.0),
        change => format!("{:.0} % more time", change * 100.0),
    };
    let check = prediction.check_us.map_or_else(String::new, |check| {
        format!("; the recorded settings, replayed, take {}", units::duration(check))
    });
    wrapped(&format!("Predicted: {verdict}{check}. Assuming that"), 0, Ink::Plain, &mut painter);
    for assumption in &prediction.assumptions {
        painter.put(Ink::Plain, "-");
        wrapped(assumption, 2, Ink::Plain, &mut painter);
    }
    painter.finish()
}

fn row(name: &str, values: &[String; 2], ink: Ink, painter: &mut Painter) {
    painter.put(ink, name);
    for (value, end) in values.iter().zip([MEASURED, PREDICTED]) {
        painter.tab(end.saturating_sub(value.chars().count()));
        painter.put(ink, value);
    }
    painter.end_line();
}
