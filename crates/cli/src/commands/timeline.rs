//! `tidegate timeline`: the requests of a run as a picture, and what it was waiting for.
//!
//! A file or a run ([`source`]) becomes a profile, its explanation and a picture without form
//! ([`view`], [`track`]); these become text ([`text`]: [`chart`] of [`cells`], then [`words`]),
//! [`svg`], JSON, or what other programs read.

mod axis;
mod cells;
mod chart;
mod follow;
pub(crate) mod output;
mod paint;
pub(crate) mod source;
mod svg;
mod text;
mod title;
mod track;
mod view;
mod what_if;
mod words;

use std::io::{self, Write};
use std::path::Path;

use anyhow::anyhow;
use serde::Serialize;
use tidegate_analysis::explain::{Explanation, explain};
use tidegate_analysis::export::{perfetto, speedscope};
use tidegate_analysis::profile::Profile;
use tidegate_client::what_if::Prediction;
use tidegate_model::profile::Request;

use crate::args::timeline::{Format, Timeline};
use crate::env::Environment;
use crate::exit::Failure;
use crate::terminal::Terminal;
use follow::{Follow, Outcome};
use paint::Style;
use source::Found;
use title::Title;
use view::View;

/// Returns the exit code.
pub(crate) async fn run(timeline: &Timeline) -> Result<u8, Failure> {
    let found = source::find(timeline)?;
    let terminal = Terminal::of_stdout(&Environment::default());
    if timeline.follow {
        let Found::File(path) = found else {
            let error = anyhow!("--follow reads a file, which {} is not", timeline.run);
            return Err(Failure::usage(
                error,
                "name the FILE of its --profile, with a / or .jsonl",
            ));
        };
        return followed(timeline, &path, terminal).await;
    }
    let profile = source::load(found, &timeline.place).await?;
    let prediction = predicted(timeline, &profile)?;
    let prediction = prediction.as_ref();
    output::write(&timeline.output, |out| write(timeline, &profile, prediction, terminal, out))?;
    Ok(0)
}

fn predicted(timeline: &Timeline, profile: &Profile) -> Result<Option<Prediction>, Failure> {
    let Some(change) = &timeline.what_if else { return Ok(None) };
    if !matches!(timeline.format, Format::Text | Format::Json) {
        let error = anyhow!("--what-if has figures, which are no picture");
        return Err(Failure::usage(error, "leave out --format, or write --format json"));
    }
    what_if::predict(profile, change).map(Some)
}

async fn followed(timeline: &Timeline, path: &Path, terminal: Terminal) -> Result<u8, Failure> {
    if timeline.format != Format::Text || timeline.output != Path::new("-") {
        let error = anyhow!("--follow draws on stdout, and nothing else");
        return Err(Failure::usage(error, "leave out --format and --output, or --follow"));
    }
    let style = style(timeline, terminal);
    let draw = |profile: &Profile| drawn(profile, style);
    let asked = Follow { path, wait: timeline.wait, terminal, draw: &draw };
    let (profile, outcome) = follow::follow(&asked).await?;
    if let Some(profile) = profile {
        follow::clear(terminal)?;
        output::write(&timeline.output, |out| write(timeline, &profile, None, terminal, out))?;
    }
    if outcome == Outcome::Abandoned {
        let error = anyhow!("{} ends here: nobody writes it any more", path.display());
        return Err(Failure::failed(
            error,
            "its run was killed; what is above is all that it recorded",
        ));
    }
    Ok(outcome.code())
}

fn style(timeline: &Timeline, terminal: Terminal) -> Style {
    let is_stdout = timeline.output == Path::new("-");
    Style {
        width: terminal.width,
        unicode: terminal.unicode && !timeline.ascii,
        colors: terminal.colors && is_stdout,
    }
}

fn drawn(profile: &Profile, style: Style) -> String {
    let explanation = explain(profile);
    text::draw(&View::of(profile, &explanation), &explanation, style)
}

/// All that JSON has: the explanation, and the requests that it is about.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    explanation: &'a Explanation,
    requests: &'a [Request],
    /// With `--what-if`.
    #[serde(skip_serializing_if = "Option::is_none")]
    what_if: Option<&'a Prediction>,
}

fn write(
    timeline: &Timeline,
    profile: &Profile,
    what_if: Option<&Prediction>,
    terminal: Terminal,
    out: &mut dyn Write,
) -> io::Result<()> {
    match timeline.format {
        Format::Text => {
            let style = style(timeline, terminal);
            let text = match what_if {
                Some(prediction) => what_if::draw(&explain(profile), prediction, style),
                None => drawn(profile, style),
            };
            out.write_all(text.as_bytes())
        }
        Format::Json => {
            let explanation = explain(profile);
            let answer = Answer { explanation: &explanation, requests: &profile.requests, what_if };
            serde_json::to_writer(&mut *out, &answer)?;
            out.write_all(b"\n")
        }
        Format::Svg => {
            let explanation = explain(profile);
            let view = View::of(profile, &explanation);
            out.write_all(svg::draw(&view, &Title::of(&explanation)).as_bytes())
        }
        Format::Speedscope => speedscope::write(profile, out),
        Format::Perfetto => perfetto::write(profile, out),
    }
}
