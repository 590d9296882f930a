//! Characters and colours of a terminal.

use super::cells::{Cell, Fill, Part};
use super::view::Ending;

/// How text may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    /// Columns of a line.
    pub(super) width: usize,
    /// Whether there are more characters than those of ASCII.
    pub(super) unicode: bool,
    pub(super) colors: bool,
}

/// Meaning of a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Strong,
    Faint,
    Bar(Ending),
    Label(Ending),
    Queue,
    Waiting,
}

impl Ink {
    /// Parameters of the escape sequence; empty for none.
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Bar(Ending::Accepted) => "36",
            Self::Bar(Ending::Retried) => "33",
            Self::Bar(Ending::Failed) => "31",
            // Letters in the colour of the ground, so that the bar goes on behind them.
            Self::Label(Ending::Accepted) => "36;7",
            Self::Label(Ending::Retried) => "33;7",
            Self::Label(Ending::Failed) => "31;7",
            Self::Queue => "34",
            Self::Waiting => "33",
        }
    }
}

/// Text with colours.
#[derive(Debug)]
pub(super) struct Painter {
    text: String,
    style: Style,
    /// Columns of the current line that are used.
    column: usize,
}

impl Painter {
    pub(super) fn new(style: Style) -> Self {
        Self { text: String::new(), style, column: 0 }
    }

    pub(super) fn style(&self) -> Style {
        self.style
    }

    /// Adds text on the current line, where each character takes one column. It may hold anything:
    /// what would move the cursor, or is not in the character set, becomes a question mark.
    pub(super) fn put(&mut self, ink: Ink, text: &str) {
        let text: String = text.chars().map(|c| self.shown(c)).collect();
        let text = text.as_str();
        self.column += text.chars().count();
        match ink.code() {
            _ if text.is_empty() => {}
            "" => self.text.push_str(text),
            _ if !self.style.colors => self.text.push_str(text),
            code => {
                self.text.push_str("\u{1b}[");
                self.text.push_str(code);
                self.text.push('m');
                self.text.push_str(text);
                self.text.push_str("\u{1b}[0m");
            }
        }
    }

    fn shown(&self, c: char) -> char {
        match c {
            c if c.is_control() => '?',
            c if c.is_ascii() || self.style.unicode => c,
            'µ' => 'u',
            '·' => '-',
            _ => '?',
        }
    }

    /// Fills up to a column.
    pub(super) fn tab(&mut self, column: usize) {
        while self.column < column {
            self.text.push(' ');
            self.column += 1;
        }
    }

    /// Ends the line, without spaces before its end.
    pub(super) fn end_line(&mut self) {
        let used = self.text.trim_end_matches(' ').len();
        self.text.truncate(used);
        self.text.push('\n');
        self.column = 0;
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    /// Adds cells; a bar that is wide enough carries its label.
    pub(super) fn cells(&mut self, cells: &[Cell], labels: &[[String; 2]]) {
        let mut at = 0;
        while at < cells.len() {
            let cell = cells[at];
            let same = |other: &Cell| match (cell, other) {
                (Cell::Bar { request, .. }, Cell::Bar { request: other, .. }) => request == *other,
                _ => cell == *other,
            };
            let length = cells[at..].iter().take_while(|other| same(other)).count();
            let run = &cells[at..at + length];
            match cell {
                Cell::Bar { request, ending, .. } => {
                    let label = labels.get(request).map_or(&[][..], |labels| labels);
                    let fits = |label: &&String| label.chars().count() + 6 <= length;
                    self.bar(run, ending, label.iter().find(fits).map(String::as_str));
                }
                _ => {
                    let (ink, glyph) = self.glyph(cell);
                    self.put(ink, &String::from(glyph).repeat(length));
                }
            }
            at += length;
        }
    }

    fn bar(&mut self, run: &[Cell], ending: Ending, label: Option<&str>) {
        let glyphs: Vec<char> = run.iter().map(|cell| self.glyph(*cell).1).collect();
        let text = |part: &[char]| part.iter().collect::<String>();
        let Some(label) = label else { return self.put(Ink::Bar(ending), &text(&glyphs)) };
        // Near its beginning, where the eye looks for it.
        let (before, after) = (2, 2 + label.chars().count() + 2);
        self.put(Ink::Bar(ending), &text(&glyphs[..before]));
        self.put(Ink::Label(ending), &format!(" {label} "));
        self.put(Ink::Bar(ending), &text(&glyphs[after..]));
    }

    fn glyph(&self, cell: Cell) -> (Ink, char) {
        let unicode = self.style.unicode;
        let (ink, fancy, plain) = match cell {
            Cell::Empty => (Ink::Plain, ' ', ' '),
            Cell::Queued => (Ink::Faint, '┄', '.'),
            Cell::Many { ending, fill: Fill::Low } => (Ink::Bar(ending), '▒', ':'),
            Cell::Many { ending, fill: Fill::High } => (Ink::Bar(ending), '▓', '#'),
            Cell::Bar { ending: ending @ Ending::Failed, part, .. } => {
                let (fancy, plain) = match part {
                    Part::First => ('░', '['),
                    Part::Middle => ('░', 'x'),
                    Part::Last => ('╳', ']'),
                    Part::Only => ('╳', 'x'),
                };
                (Ink::Bar(ending), fancy, plain)
            }
            // The last cell is not full, which leaves a gap before a bar that follows at once.
            Cell::Bar { ending, part, .. } => {
                let (fancy, plain) = match part {
                    Part::First => ('█', '['),
                    Part::Middle => ('█', '='),
                    Part::Last => ('▊', ']'),
                    Part::Only => ('▊', '|'),
                };
                (Ink::Bar(ending), fancy, plain)
            }
        };
        (ink, if unicode { fancy } else { plain })
    }

    /// Adds a line of small columns, the highest of which stands for `most`. Anything but 0 is seen.
    pub(super) fn sparkline(&mut self, ink: Ink, values: &[u64], most: u64) {
        const FANCY: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        const PLAIN: [char; 9] = [' ', '.', ':', '-', '=', '+', '*', '%', '@'];
        let glyphs = if self.style.unicode { FANCY } else { PLAIN };
        let level = |value: &u64| (*value as f64 * 8.0 / most.max(1) as f64).ceil() as usize;
        let line: String = values.iter().map(|value| glyphs[level(value).min(8)]).collect();
        self.put(ink, &line);
    }
}
