//! Requests as bars, a lane per line.

use std::collections::BTreeSet;

use tidegate_model::profile::Request;

use super::xml::{Px, Xml};
use super::{LANE_HEIGHT, LANES_HEIGHT, LETTER, MOST_LANES, RIGHT, Scale, label, stretch, tracks};
use crate::commands::timeline::track::{Measure, Track};
use crate::commands::timeline::view::{Ending, Lane, View};
use crate::units;

/// Between two bars that follow at once.
const GAP: f64 = 1.0;
/// Narrower bars become wider, or one bar with their neighbours.
const LEAST_WIDTH: f64 = 1.5;
/// Between the names of two lanes.
const NAME_HEIGHT: f64 = 14.0;
/// Height of the curve that stands for lanes without a line of their own.
const REST_HEIGHT: f64 = 48.0;

/// One request, or several that are too narrow to be told apart.
struct Bar<'a> {
    first: &'a Request,
    count: usize,
    end_us: u64,
    rows: u64,
    ending: Ending,
    from: f64,
    to: f64,
}

/// Height of all lanes.
pub(super) fn height(view: &View) -> f64 {
    let shown = view.lanes.len().clamp(1, MOST_LANES);
    let rest = if view.lanes.len() > MOST_LANES { REST_HEIGHT } else { 0.0 };
    lane_height(view) * shown as f64 + rest
}

fn lane_height(view: &View) -> f64 {
    let shown = view.lanes.len().clamp(1, MOST_LANES);
    (LANES_HEIGHT / shown as f64).min(LANE_HEIGHT)
}

pub(super) fn draw(view: &View, scale: Scale, top: f64, xml: &mut Xml) {
    let height = lane_height(view);
    let shown = &view.lanes[..view.lanes.len().min(MOST_LANES)];
    let mut named_until = f64::NEG_INFINITY;
    for (position, lane) in shown.iter().enumerate() {
        let y = top + position as f64 * height;
        if y >= named_until {
            label(&format!("lane {}", lane.number), None, y + height / 2.0, xml);
            named_until = y + NAME_HEIGHT;
        }
        for bar in bars(lane, scale) {
            one(&bar, y, height, xml);
        }
    }
    if shown.is_empty() {
        label("no request", None, top + height / 2.0, xml);
    }
    let rest = &view.lanes[shown.len()..];
    if !rest.is_empty() {
        let requests = rest.iter().flat_map(|lane| &lane.requests);
        let intervals = requests.map(|request| (request.start_us, request.end_us));
        let track = Track::of_intervals("rest", Measure::Running, intervals);
        let y = top + height * shown.len() as f64 + 8.0;
        tracks::area(&track, scale, y, REST_HEIGHT - 8.0, "accepted", xml);
        let most = format!("{} at once", track.most());
        let name = format!("+{} lanes", rest.len());
        label(&name, Some(&most), y + (REST_HEIGHT - 8.0) / 2.0, xml);
    }
}

/// Classes of all bars, for the legend: empty if all are what everybody expects.
pub(super) fn used(view: &View) -> BTreeSet<&'static str> {
    let scale = Scale { wall_us: view.wall_us };
    let mut used = BTreeSet::new();
    for lane in view.lanes.iter().take(MOST_LANES) {
        for bar in bars(lane, scale) {
            used.insert(class(&bar));
            if bar.count > 1 {
                used.insert("accepted many");
            }
        }
    }
    if used.iter().all(|class| *class == "accepted") { BTreeSet::new() } else { used }
}

fn class(bar: &Bar<'_>) -> &'static str {
    match bar.ending {
        Ending::Accepted => "accepted",
        Ending::Retried => "retried",
        Ending::Failed => "failed",
    }
}

fn bars(lane: &Lane, scale: Scale) -> Vec<Bar<'_>> {
    let mut bars: Vec<Bar<'_>> = Vec::new();
    for request in &lane.requests {
        let (start, end) = (scale.x(request.start_us), scale.x(request.end_us));
        let from = start.min(RIGHT - LEAST_WIDTH);
        let to = (end - GAP).max(from + LEAST_WIDTH);
        let ending = Ending::of(request);
        if let Some(last) = bars.last_mut()
            && from < last.to
        {
            // The earlier one gives way if it can.
            let is_wide = last.count == 1 && from - GAP - last.from >= LEAST_WIDTH;
            if is_wide {
                last.to = from - GAP;
            } else {
                last.count += 1;
                last.end_us = last.end_us.max(request.end_us);
                last.rows += u64::from(request.rows);
                last.to = last.to.max(to);
                if ending == Ending::Failed || last.ending == Ending::Accepted {
                    last.ending = ending;
                }
                continue;
            }
        }
        let rows = request.rows.into();
        bars.push(Bar { first: request, count: 1, end_us: request.end_us, rows, ending, from, to });
    }
    bars
}

fn one(bar: &Bar<'_>, y: f64, height: f64, xml: &mut Xml) {
    let inset = (height * 0.12).min(3.0);
    let (thick, radius) =
        (height - 2.0 * inset, (height / 8.0).min(3.0).min((bar.to - bar.from) / 2.0));
    let many = if bar.count > 1 { " many" } else { "" };
    xml.raw(format_args!("<g class=\"bar\"><title>"));
    xml.text(&note(bar));
    xml.raw(format_args!(
        "</title><rect class=\"{}{many}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\"/>",
        class(bar),
        Px(bar.from),
        Px(y + inset),
        Px(bar.to - bar.from),
        Px(thick),
        Px(radius)
    ));
    if let Some(text) = inside(bar).filter(|_| thick >= 13.0) {
        let (x, y) = (Px(bar.from + 7.0), Px(y + height / 2.0 + 4.0));
        let ground = if bar.ending == Ending::Retried { " class=\"on-light\"" } else { "" };
        xml.raw(format_args!("<text{ground} x=\"{x}\" y=\"{y}\">"));
        xml.text(&text);
        xml.raw(format_args!("</text>"));
    }
    xml.raw(format_args!("</g>\n"));
}

/// What stands in a bar: as much as there is room for.
fn inside(bar: &Bar<'_>) -> Option<String> {
    let took = units::duration(bar.end_us - bar.first.start_us);
    let status =
        bar.first.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let rows = units::counted(bar.rows, "row");
    let texts = match (bar.count, bar.ending) {
        (1, Ending::Failed) => {
            [format!("{status} · {took} · {rows}"), format!("{status} · {took}"), status]
        }
        (1, _) => [
            format!("{took} · {rows} · {}", units::bytes(bar.first.bytes)),
            format!("{took} · {rows}"),
            took,
        ],
        (count, _) => {
            [format!("{count} requests · {rows}"), format!("{count} requests"), String::new()]
        }
    };
    let room = bar.to - bar.from - 14.0;
    let fits = |text: &String| text.chars().count() as f64 * 11.0 * LETTER <= room;
    texts.into_iter().filter(|text| !text.is_empty()).find(fits)
}

/// Shown where the pointer is.
fn note(bar: &Bar<'_>) -> String {
    let first = bar.first;
    let when = stretch(first.start_us, bar.end_us);
    if bar.count > 1 {
        return format!("{} requests, {when}: {}", bar.count, units::counted(bar.rows, "row"));
    }
    let status =
        first.status.map_or_else(|| "no answer".to_owned(), |status| format!("status {status}"));
    let attempt = match first.attempt {
        0 => String::new(),
        attempt => format!(", try {}", u64::from(attempt) + 1),
    };
    format!(
        "request {}, {when} ({}): {}, {}, {status}{attempt}; its oldest row waited {}",
        first.number,
        units::duration(first.end_us - first.start_us),
        units::counted(first.rows.into(), "row"),
        units::bytes(first.bytes),
        units::duration(first.start_us - first.queued_us),
    )
}
