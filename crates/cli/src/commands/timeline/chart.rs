//! The lines of the picture in a terminal: an axis, bars of requests, and small curves below.

use tidegate_model::profile::Request;

use super::axis;
use super::cells::{Cell, Fill, Part, cells};
use super::paint::{Ink, Painter};
use super::track::{Measure, Track};
use super::view::{Ending, Lane, View};
use crate::units;

/// So many requests get a line each; more are drawn a lane per line.
const MOST_LINES: usize = 16;
/// So many lanes get a line each; what further ones do is counted in one line.
const MOST_LANES: usize = 24;
/// Columns between two marks of the axis, at least.
const MARK_COLUMNS: usize = 11;
/// Width of the drawing, however much the figures beside it need.
const LEAST_PLOT: usize = 16;

/// A line with bars and figures.
struct Line<'a> {
    label: String,
    requests: Vec<&'a Request>,
    figures: Vec<String>,
}

/// Draws axis, bars and curves.
pub(super) fn draw(view: &View, painter: &mut Painter) {
    let all = view.requests();
    let is_each = all.len() <= MOST_LINES;
    let shown = &view.lanes[..view.lanes.len().min(MOST_LANES)];
    let rest = &view.lanes[shown.len()..];
    let (heads, lines) = if is_each { each(&all) } else { by_lane(shown) };
    let rest = (!is_each && !rest.is_empty()).then(|| sum(rest));

    let labels = lines.iter().chain(rest.as_ref()).map(|line| line.label.chars().count());
    let names = view.tracks.iter().map(|track| track.name.len());
    let left = labels.chain(names).max().unwrap_or(0) + 1;
    let widths = widths(&heads, lines.iter().chain(rest.as_ref()));
    let right: usize = widths.iter().map(|width| width + 2).sum();
    let plot = painter.style().width.saturating_sub(left + right).max(LEAST_PLOT);
    let frame = Frame { left, plot, widths };

    frame.axis(view.wall_us, &heads, painter);
    let mut used = Used::default();
    for line in &lines {
        painter.put(Ink::Faint, &line.label);
        painter.tab(left);
        let cells = cells(line.requests.iter().copied(), view.wall_us, plot, is_each);
        used.note(&cells);
        painter.cells(&cells, &if is_each { Vec::new() } else { inside(&line.requests) });
        frame.figures(&line.figures, painter);
    }
    if let Some(rest) = &rest {
        let intervals = rest.requests.iter().map(|request| (request.start_us, request.end_us));
        let track = Track::of_intervals("", Measure::Running, intervals);
        painter.put(Ink::Faint, &rest.label);
        painter.tab(left);
        let columns = track.columns(view.wall_us, plot);
        painter.sparkline(Ink::Bar(Ending::Accepted), &columns, track.most());
        frame.figures(&rest.figures, painter);
    }
    if lines.is_empty() {
        painter.put(Ink::Faint, "no request");
        painter.end_line();
    }
    for track in &view.tracks {
        frame.track(track, view.wall_us, painter);
    }
    used.legend(painter);
}

fn each<'a>(requests: &[&'a Request]) -> (Vec<&'static str>, Vec<Line<'a>>) {
    let is_usual = |request: &&&Request| Ending::of(request) == Ending::Accepted;
    let is_usual = requests.iter().all(|request| is_usual(&request));
    let mut heads = vec!["took", "rows", "bytes"];
    if !is_usual {
        heads.push("status");
    }
    let line = |request: &&'a Request| {
        let mut figures = figures(request.end_us - request.start_us, [*request]);
        if !is_usual {
            figures.push(status(request));
        }
        Line { label: format!("lane {}", request.lane), requests: vec![*request], figures }
    };
    (heads, requests.iter().map(line).collect())
}

fn by_lane(lanes: &[Lane]) -> (Vec<&'static str>, Vec<Line<'_>>) {
    let line = |lane| Line { label: name(lane), ..sum(std::slice::from_ref(lane)) };
    let lines = lanes.iter().map(line);
    (vec!["sent", "mean", "rows", "bytes"], lines.collect())
}

fn name(lane: &Lane) -> String {
    format!("lane {}", lane.number)
}

/// All requests of some lanes as one line.
fn sum(lanes: &[Lane]) -> Line<'_> {
    let requests: Vec<&Request> = lanes.iter().flat_map(|lane| &lane.requests).collect();
    let took = requests.iter().map(|request| u128::from(request.end_us - request.start_us));
    let mean = took.sum::<u128>() / requests.len().max(1) as u128;
    let mut figures = figures(u64::try_from(mean).unwrap_or(u64::MAX), requests.iter().copied());
    figures.insert(0, requests.len().to_string());
    Line { label: format!("+{} lanes", lanes.len()), requests, figures }
}

fn figures<'a>(took_us: u64, requests: impl IntoIterator<Item = &'a Request>) -> Vec<String> {
    let (mut rows, mut bytes) = (0_u64, 0_u64);
    for request in requests {
        rows += u64::from(request.rows);
        bytes = bytes.saturating_add(request.bytes);
    }
    vec![units::duration(took_us), rows.to_string(), units::bytes(bytes)]
}

fn status(request: &Request) -> String {
    let status = request.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    match request.attempt {
        0 => status,
        attempt => format!("{status}, try {}", u64::from(attempt) + 1),
    }
}

/// What stands in a bar: as much as there is room for.
fn inside(requests: &[&Request]) -> Vec<[String; 2]> {
    let labels = requests.iter().map(|request| {
        let took = units::duration(request.end_us - request.start_us);
        let took = match Ending::of(request) {
            Ending::Failed => format!("{took} {}", status(request)),
            _ => took,
        };
        [format!("{took} {}", units::counted(request.rows.into(), "row")), took]
    });
    labels.collect()
}

fn widths<'a, 'b: 'a>(heads: &[&str], lines: impl Iterator<Item = &'a Line<'b>>) -> Vec<usize> {
    let mut widths: Vec<usize> = heads.iter().map(|head| head.len()).collect();
    for line in lines {
        for (width, figure) in widths.iter_mut().zip(&line.figures) {
            *width = (*width).max(figure.chars().count());
        }
    }
    widths
}

/// Where on a line what is.
struct Frame {
    left: usize,
    plot: usize,
    widths: Vec<usize>,
}

impl Frame {
    fn axis(&self, wall_us: u64, heads: &[&str], painter: &mut Painter) {
        let marks = axis::marks(wall_us, self.plot / MARK_COLUMNS);
        let column = |at_us: u64| {
            let exact = at_us as f64 / wall_us.max(1) as f64 * self.plot as f64;
            (exact.round() as usize).min(self.plot - 1)
        };
        let end = self.left + self.plot;
        for mark in &marks {
            let at = self.left + column(mark.at_us);
            if at + mark.label.chars().count() <= end {
                painter.tab(at);
                painter.put(Ink::Faint, &mark.label);
            }
        }
        painter.tab(end);
        for (head, width) in heads.iter().zip(&self.widths) {
            painter.put(Ink::Faint, &format!("  {head:>width$}"));
        }
        painter.end_line();
        let (line, mark) = if painter.style().unicode { ('─', '┬') } else { ('-', '+') };
        let mut ruler = vec![line; self.plot];
        for at in &marks {
            ruler[column(at.at_us)] = mark;
        }
        painter.tab(self.left);
        painter.put(Ink::Faint, &ruler.into_iter().collect::<String>());
        painter.end_line();
    }

    fn figures(&self, figures: &[String], painter: &mut Painter) {
        painter.tab(self.left + self.plot);
        for (figure, width) in figures.iter().zip(&self.widths) {
            painter.put(Ink::Plain, &format!("  {figure:>width$}"));
        }
        painter.end_line();
    }

    fn track(&self, track: &Track, wall_us: u64, painter: &mut Painter) {
        painter.put(Ink::Faint, track.name);
        painter.tab(self.left);
        let most = track.most();
        let ink = match track.measure {
            Measure::Bytes => Ink::Queue,
            Measure::Waiting => Ink::Waiting,
            Measure::Running => Ink::Faint,
        };
        painter.sparkline(ink, &track.columns(wall_us, self.plot), most);
        painter.tab(self.left + self.plot + 2);
        let said = match (track.measure, most) {
            (Measure::Bytes, _) => format!("at most {}", units::bytes(most)),
            (Measure::Waiting, 0) => "nobody waited".to_owned(),
            (Measure::Waiting, most) => format!("at most {most} waited"),
            (Measure::Running, most) => format!("at most {most}"),
        };
        painter.put(Ink::Plain, &said);
        painter.end_line();
    }
}

/// Which signs need an explanation.
#[derive(Debug, Default)]
struct Used {
    queued: bool,
    sparse: bool,
    dense: bool,
    failed: bool,
}

impl Used {
    fn note(&mut self, cells: &[Cell]) {
        for cell in cells {
            match cell {
                Cell::Queued => self.queued = true,
                Cell::Many { ending, fill } => {
                    self.sparse |= *fill == Fill::Low;
                    self.dense |= *fill == Fill::High;
                    self.failed |= *ending == Ending::Failed;
                }
                Cell::Bar { ending: Ending::Failed, .. } => self.failed = true,
                Cell::Empty | Cell::Bar { .. } => {}
            }
        }
    }

    fn legend(&self, painter: &mut Painter) {
        let bar = |part| Cell::Bar { request: 0, part, ending: Ending::Failed };
        let many = |fill| vec![Cell::Many { ending: Ending::Accepted, fill }];
        let entries = [
            (self.queued, vec![Cell::Queued; 2], "waits to be sent"),
            (self.sparse, many(Fill::Low), "several, far apart"),
            (self.dense, many(Fill::High), "several, close together"),
            (self.failed, vec![bar(Part::Middle), bar(Part::Last)], "failed"),
        ];
        let mut is_first = true;
        for (_, sign, meaning) in entries.into_iter().filter(|(is_used, ..)| *is_used) {
            painter.put(Ink::Faint, if is_first { "" } else { "   " });
            painter.cells(&sign, &[]);
            painter.put(Ink::Faint, &format!(" {meaning}"));
            is_first = false;
        }
        if !is_first {
            painter.end_line();
        }
    }
}
