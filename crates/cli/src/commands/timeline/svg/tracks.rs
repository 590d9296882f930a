//! Quantities over time, as areas below the lanes.

use std::fmt::Write as _;

use super::xml::{Px, Xml};
use super::{LEFT, RIGHT, Scale, label};
use crate::commands::timeline::track::{Measure, Track};
use crate::commands::timeline::view::View;
use crate::units;

/// Between a track and what is above it.
const SPACE: f64 = 18.0;
const HEIGHT: f64 = 44.0;
/// Of a track on which nothing happened.
const FLAT_HEIGHT: f64 = 14.0;
/// Pixels of one step.
const STEP: f64 = 1.5;

fn height(track: &Track) -> f64 {
    if track.most() == 0 { FLAT_HEIGHT } else { HEIGHT }
}

/// Where the last track ends.
pub(super) fn end(view: &View, top: f64) -> f64 {
    view.tracks.iter().fold(top, |y, track| y + SPACE + height(track))
}

pub(super) fn draw(view: &View, scale: Scale, top: f64, xml: &mut Xml) {
    let mut y = top;
    for track in &view.tracks {
        y += SPACE;
        let height = height(track);
        let class = match track.measure {
            Measure::Bytes => "pending",
            Measure::Waiting => "waiting",
            Measure::Running => "running",
        };
        let base = (y + height).round() + 0.5;
        xml.raw(format_args!(
            "<line class=\"base\" x1=\"{LEFT}\" y1=\"{base}\" x2=\"{RIGHT}\" y2=\"{base}\"/>\n"
        ));
        let most = most(track);
        match track.most() {
            0 => {
                label(track.name, None, y + height / 2.0, xml);
                let at = format_args!(
                    "class=\"small\" x=\"{}\" y=\"{}\"",
                    Px(LEFT + 8.0),
                    Px(y + height - 5.0)
                );
                xml.element("text", at, &most);
            }
            _ => {
                label(track.name, Some(&most), y + height / 2.0, xml);
                area(track, scale, y, height, class, xml);
            }
        }
        y += height;
    }
}

fn most(track: &Track) -> String {
    let most = track.most();
    match (track.measure, most) {
        (Measure::Bytes, 0) => "nothing".to_owned(),
        (Measure::Bytes, most) => format!("≤ {}", units::bytes(most)),
        (Measure::Waiting, 0) => "nobody waited".to_owned(),
        (Measure::Waiting, most) => format!("≤ {most} waiting"),
        (Measure::Running, most) => format!("≤ {most} at once"),
    }
}

/// Draws a quantity as steps, with its limit if it comes near that.
pub(super) fn area(track: &Track, scale: Scale, y: f64, height: f64, class: &str, xml: &mut Xml) {
    let columns = ((RIGHT - LEFT) / STEP) as usize;
    let most = track.most().max(1);
    // A limit far above would make the curve flat.
    let limit = track.limit.filter(|limit| *limit < most.saturating_mul(2));
    let top = limit.map_or(most, |limit| limit.max(most)) as f64;
    let level = |value: u64| y + height * (1.0 - value as f64 / top);
    let base = Px(y + height);
    let mut path = format!("M{} {base}", Px(LEFT));
    // Its upper edge alone: a line along the ground would look like a value.
    let mut edge = String::new();
    let mut last = 0;
    for (column, value) in track.columns(scale.wall_us, columns).into_iter().enumerate() {
        if value != last {
            let (x, level) = (Px(LEFT + column as f64 * STEP), Px(level(value)));
            // Writing to a string cannot fail.
            write!(path, "H{x}V{level}").ok();
            match last {
                0 => write!(edge, "M{x} {base}V{level}").ok(),
                _ => write!(edge, "H{x}V{level}").ok(),
            };
            last = value;
        }
    }
    write!(path, "H{}V{base}Z", Px(RIGHT)).ok();
    if last > 0 {
        write!(edge, "H{}", Px(RIGHT)).ok();
    }
    xml.raw(format_args!("<path class=\"{class} area\" d=\"{path}\"/>\n"));
    xml.raw(format_args!("<path class=\"{class} edge\" d=\"{edge}\"/>\n"));
    if let Some(limit) = limit {
        let y = level(limit).round() + 0.5;
        xml.raw(format_args!(
            "<line class=\"limit\" x1=\"{LEFT}\" y1=\"{y}\" x2=\"{RIGHT}\" y2=\"{y}\"/>\n"
        ));
    }
}
