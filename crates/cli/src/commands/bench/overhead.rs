//! What recording adds to an evaluation: the same cases with and without it, level by level.

use comfy_table::{ContentArrangement, Table, presets};

use super::figures::Figures;
use super::table::children;
use crate::args::bench::Upload;
use crate::exit::Failure;
use crate::printer::Printer;

/// Cases at once, each level with enough cases to last: see [`CASES_EACH`].
const LEVELS: [usize; 4] = [1, 4, 16, 64];
/// Cases per concurrent slot: 10 s of tasks of 50 ms.
const CASES_EACH: usize = 200;

pub(super) async fn run(upload: &Upload, printer: &Printer) -> Result<(), Failure> {
    super::upload::check(upload)?;
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header([
        "at once",
        "cases",
        "without s",
        "with s",
        "added",
        "lowest–highest",
        "flush s",
        "requests",
    ]);
    for level in LEVELS {
        let mut upload = upload.clone();
        upload.workload.max_concurrency = level;
        upload.workload.cases = CASES_EACH * level;
        let runs = upload.runs;
        upload.runs = 1;
        let mut pairs = Vec::new();
        for run in 1..=runs {
            printer.say(format_args!("{level} at once, run {run} of {runs}"));
            // Side by side, so that both meet the same state of the machine.
            let without = children(&upload, &["--strategy=none"]).await?;
            let with = children(&upload, &["--strategy=adaptive"]).await?;
            pairs.extend(without.into_iter().zip(with));
        }
        pairs.sort_by(|a, b| added(a).total_cmp(&added(b)));
        let (Some(low), Some(high)) = (pairs.first(), pairs.last()) else { continue };
        let (without, with) = &pairs[pairs.len() / 2];
        table.add_row([
            level.to_string(),
            upload.workload.cases.to_string(),
            format!("{:.3}", without.produce_s),
            format!("{:.3}", with.produce_s),
            percent(added(&pairs[pairs.len() / 2])),
            format!("{}–{}", percent(added(low)), percent(added(high))),
            format!("{:.3}", with.wall_s - with.produce_s),
            with.requests.to_string(),
        ]);
    }
    printer.data(table)?;
    printer.data(NOTES)
}

const NOTES: &str = "\
From the start of the first case to the end of the last; the flush at the end is given apart. Each
pair ran side by side; \"added\" is the pair in the middle.";

/// What recording added to the time of the cases, as a fraction.
fn added((without, with): &(Figures, Figures)) -> f64 {
    with.produce_s / without.produce_s.max(1e-9) - 1.0
}

fn percent(fraction: f64) -> String {
    format!("{:+.1} %", fraction * 100.0)
}
