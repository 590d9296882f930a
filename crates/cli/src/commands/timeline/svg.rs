//! The picture for documents: one file without scripts, in light and dark, with a note on each bar.
//!
//! Its size is bounded: lanes beyond [`MOST_LANES`] are drawn as one curve, and requests that are
//! narrower than a pixel as one bar.

mod bars;
mod tracks;
mod xml;

use super::axis;
use super::title::{Mood, Title};
use super::view::View;
use crate::units;
use xml::{Px, Xml};

const STYLE: &str = include_str!("svg/style.css");
const WIDTH: f64 = 960.0;
/// Between the border and everything else.
const MARGIN: f64 = 24.0;
/// Where the axis begins and ends.
const LEFT: f64 = 104.0;
const RIGHT: f64 = WIDTH - MARGIN;
/// Lanes with a line of their own.
const MOST_LANES: usize = 64;
/// Height of all lanes together, unless they are few.
const LANES_HEIGHT: f64 = 384.0;
const LANE_HEIGHT: f64 = 24.0;
/// Marks of the axis.
const MARKS: usize = 10;
/// Mean width of a letter over the size of its font, of fonts that are wide.
const LETTER: f64 = 0.56;
/// The same of fonts with letters of one width.
const MONOSPACE: f64 = 0.6;

/// Where on the axis a moment is.
#[derive(Debug, Clone, Copy)]
struct Scale {
    wall_us: u64,
}

impl Scale {
    fn x(self, us: u64) -> f64 {
        LEFT + (us as f64 / self.wall_us.max(1) as f64).min(1.0) * (RIGHT - LEFT)
    }
}

/// Draws a whole document.
pub(super) fn draw(view: &View, title: &Title) -> String {
    let scale = Scale { wall_us: view.wall_us };
    let mut body = Xml::default();
    head(title, &mut body);
    let top = 92.0;
    let lanes_end = top + bars::height(view);
    let end = tracks::end(view, lanes_end);
    marks(scale, top, end, &mut body);
    bars::draw(view, scale, top, &mut body);
    tracks::draw(view, scale, lanes_end, &mut body);
    let legend_end = legend(view, end + 40.0, &mut body);

    let height = legend_end + MARGIN - 8.0;
    let mut xml = Xml::default();
    xml.raw(format_args!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {}\" width=\"{WIDTH}\" height=\"{}\" role=\"img\" aria-labelledby=\"title description\">\n",
        Px(height.ceil()),
        Px(height.ceil()),
    ));
    xml.element("title", format_args!("id=\"title\""), &title.name);
    xml.element("desc", format_args!("id=\"description\""), &title.description);
    xml.raw(format_args!("<style>\n{STYLE}</style>\n"));
    xml.raw(format_args!(
        "<rect class=\"card\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n",
        Px(WIDTH - 1.0),
        height.ceil() - 1.0
    ));
    xml.raw(format_args!("{}</svg>\n", body.finish()));
    xml.finish()
}

/// Name and verdict, and the figures below.
fn head(title: &Title, xml: &mut Xml) {
    let mut right = RIGHT;
    for (text, mood) in title.pills.iter().rev() {
        let (mood, ground) = match mood {
            Mood::Good => ("good", "good-ground"),
            Mood::Bad => ("bad", "bad-ground"),
            Mood::Plain => ("plain", "plain-ground"),
        };
        let width = text.chars().count() as f64 * 11.0 * MONOSPACE + 20.0;
        let x = right - width;
        // No more pills than leave room for a name.
        if x < WIDTH / 2.0 {
            break;
        }
        xml.raw(format_args!(
            "<rect class=\"{ground}\" x=\"{}\" y=\"20\" width=\"{}\" height=\"22\" rx=\"11\"/>\n",
            Px(x),
            Px(width)
        ));
        let middle = Px(x + width / 2.0);
        let attributes =
            format_args!("class=\"pill {mood}\" x=\"{middle}\" y=\"35\" text-anchor=\"middle\"");
        xml.element("text", attributes, text);
        right = x - 8.0;
    }
    let room = ((right - MARGIN - 8.0) / (16.0 * LETTER)) as usize;
    let attributes = format_args!("class=\"name\" x=\"{MARGIN}\" y=\"37\"");
    xml.element("text", attributes, &cut(&title.name, room));
    xml.raw(format_args!("<text class=\"facts\" x=\"{MARGIN}\" y=\"62\">"));
    for (position, (figure, what)) in title.facts.iter().enumerate() {
        let space = if position == 0 { "" } else { "   ·   " };
        // Spaces between elements are kept as they are.
        xml.raw(format_args!(
            "<tspan xml:space=\"preserve\">{space}</tspan><tspan class=\"figure\">"
        ));
        xml.text(figure);
        xml.raw(format_args!("</tspan><tspan xml:space=\"preserve\"> </tspan><tspan>"));
        xml.text(what);
        xml.raw(format_args!("</tspan>"));
    }
    xml.raw(format_args!("</text>\n"));
}

fn cut(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

/// Lines of the axis from the first lane to its labels.
fn marks(scale: Scale, top: f64, end: f64, xml: &mut Xml) {
    for mark in axis::marks(scale.wall_us, MARKS) {
        let x = scale.x(mark.at_us);
        // On whole pixels a line of one pixel is sharp.
        let line = x.round() + 0.5;
        xml.raw(format_args!(
            "<line class=\"grid\" x1=\"{line}\" y1=\"{}\" x2=\"{line}\" y2=\"{}\"/>\n",
            Px(top - 4.0),
            Px(end + 4.0)
        ));
        let is_last = x > RIGHT - 24.0;
        let (x, anchor) = if is_last { (RIGHT, "end") } else { (x, "middle") };
        let y = Px(end + 20.0);
        let attributes =
            format_args!("class=\"small\" x=\"{}\" y=\"{y}\" text-anchor=\"{anchor}\"", Px(x));
        xml.element("text", attributes, &mark.label);
    }
}

/// Signs that need an explanation; returns where it ends.
fn legend(view: &View, y: f64, xml: &mut Xml) -> f64 {
    let used = bars::used(view);
    let mut x = LEFT;
    for (class, meaning) in [
        ("accepted", "accepted"),
        ("retried", "accepted after a retry"),
        ("failed", "failed"),
        ("accepted many", "several requests"),
    ] {
        if !used.contains(&class) {
            continue;
        }
        xml.raw(format_args!(
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"12\" height=\"10\" rx=\"2\"/>\n",
            Px(x),
            Px(y - 9.0)
        ));
        let attributes = format_args!("class=\"small\" x=\"{}\" y=\"{}\"", Px(x + 18.0), Px(y));
        xml.element("text", attributes, meaning);
        x += 18.0 + meaning.chars().count() as f64 * 11.0 * LETTER + 20.0;
    }
    if x > LEFT { y } else { y - 20.0 }
}

/// Two short lines beside the axis: what a line shows, and its largest value.
fn label(name: &str, most: Option<&str>, middle: f64, xml: &mut Xml) {
    let x = Px(LEFT - 12.0);
    let y = if most.is_some() { middle - 3.0 } else { middle + 4.0 };
    let attributes = format_args!("x=\"{x}\" y=\"{}\" text-anchor=\"end\"", Px(y));
    xml.element("text", attributes, name);
    if let Some(most) = most {
        let y = Px(middle + 11.0);
        let attributes = format_args!("class=\"small\" x=\"{x}\" y=\"{y}\" text-anchor=\"end\"");
        xml.element("text", attributes, most);
    }
}

/// A span of time in words, for notes.
fn stretch(from_us: u64, to_us: u64) -> String {
    format!("from {} to {}", units::duration(from_us), units::duration(to_us))
}
