//! The whole answer as text.

use tidegate_analysis::explain::Explanation;

use super::chart;
use super::paint::{Ink, Painter, Style};
use super::title::{Mood, Title};
use super::view::{Ending, View};
use super::words;

/// Draws a profile and says what it means.
pub(super) fn draw(view: &View, explanation: &Explanation, style: Style) -> String {
    let title = Title::of(explanation);
    let mut painter = Painter::new(style);
    painter.put(Ink::Strong, &fitted(&title.name, style));
    painter.end_line();
    let facts: Vec<String> =
        title.facts.iter().map(|(figure, what)| format!("{figure} {what}")).collect();
    words::wrapped(&facts.join(", "), 0, Ink::Plain, &mut painter);
    for (position, (cause, mood)) in title.pills.iter().enumerate() {
        painter.put(Ink::Plain, if position == 0 { "" } else { ", " });
        let ink = match mood {
            Mood::Good => Ink::Bar(Ending::Accepted),
            Mood::Bad => Ink::Bar(Ending::Failed),
            Mood::Plain => Ink::Strong,
        };
        painter.put(ink, cause);
    }
    painter.end_line();
    painter.end_line();
    chart::draw(view, &mut painter);
    painter.end_line();
    words::write(explanation, &mut painter);
    painter.finish()
}

/// A name on one line.
fn fitted(name: &str, style: Style) -> String {
    let short = if style.unicode { "…" } else { "..." };
    match name.chars().count() > style.width {
        true => {
            let kept = style.width.saturating_sub(short.chars().count());
            name.chars().take(kept).collect::<String>() + short
        }
        false => name.to_owned(),
    }
}
