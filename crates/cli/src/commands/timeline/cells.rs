//! Bars of one line, in the cells of a terminal.

use tidegate_model::profile::Request;

use super::view::Ending;

/// What a cell of a line shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    Empty,
    /// A request waits for its connection.
    Queued,
    /// A part of a bar; `request` is its position in the line.
    Bar {
        request: usize,
        part: Part,
        ending: Ending,
    },
    /// Several requests; the worst ending of them.
    Many {
        ending: Ending,
        fill: Fill,
    },
}

/// How much of its time the requests of a cell take together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    /// Less than half.
    Low,
    High,
}

/// Which part of a bar a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    First,
    Middle,
    Last,
    Only,
}

/// Places requests, ordered by their start, in `columns` cells. Each keeps an end of its own, so
/// that bars with nothing between them remain two; requests that are narrower than a cell share it.
pub(super) fn cells<'a>(
    requests: impl IntoIterator<Item = &'a Request>,
    wall_us: u64,
    columns: usize,
    shows_queue: bool,
) -> Vec<Cell> {
    let mut cells = vec![Cell::Empty; columns];
    // Share of each cell that is taken.
    let mut taken = vec![0.0; columns];
    let scale = columns as f64 / wall_us.max(1) as f64;
    let cell = |us: u64| (us as f64 * scale).round() as usize;
    for (position, request) in requests.into_iter().enumerate() {
        take(&mut taken, request.start_us as f64 * scale, request.end_us as f64 * scale);
        let from = cell(request.start_us).min(columns.saturating_sub(1));
        let to = cell(request.end_us).clamp(from + 1, columns.max(from + 1));
        let ending = Ending::of(request);
        if shows_queue {
            let queued = cell(request.queued_us).min(from);
            let free = cells[queued..from].iter_mut().filter(|cell| **cell == Cell::Empty);
            free.for_each(|cell| *cell = Cell::Queued);
        }
        // What the first cell has of an earlier request is not painted over.
        let shared = match cells.get(from) {
            Some(Cell::Bar { ending: other, .. } | Cell::Many { ending: other, .. }) => {
                cells[from] = Cell::Many { ending: worse(ending, *other), fill: Fill::Low };
                1
            }
            _ => 0,
        };
        let own = from + shared..to.min(columns);
        let last = own.end.saturating_sub(1);
        for at in own.clone() {
            let part = match (at == own.start, at == last) {
                (true, true) => Part::Only,
                (true, false) => Part::First,
                (false, false) => Part::Middle,
                (false, true) => Part::Last,
            };
            cells[at] = Cell::Bar { request: position, part, ending };
        }
    }
    for (cell, taken) in cells.iter_mut().zip(taken) {
        if let Cell::Many { fill, .. } = cell
            && taken >= 0.5
        {
            *fill = Fill::High;
        }
    }
    cells
}

/// Notes a stretch of cells as taken.
fn take(taken: &mut [f64], from: f64, to: f64) {
    let last = (to as usize).min(taken.len().saturating_sub(1));
    for (at, taken) in taken.iter_mut().enumerate().take(last + 1).skip(from as usize) {
        let at = at as f64;
        *taken += (to.min(at + 1.0) - from.max(at)).max(0.0);
    }
}

fn worse(one: Ending, other: Ending) -> Ending {
    match (one, other) {
        (Ending::Failed, _) | (_, Ending::Failed) => Ending::Failed,
        (Ending::Retried, _) | (_, Ending::Retried) => Ending::Retried,
        _ => Ending::Accepted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(start_us: u64, end_us: u64, status: u16) -> Request {
        Request {
            number: 1,
            lane: 0,
            attempt: 0,
            rows: 1,
            bytes: 1,
            sent_bytes: 1,
            queued_us: start_us.saturating_sub(20),
            start_us,
            first_byte_us: None,
            end_us,
            status: Some(status),
        }
    }

    /// One character a cell.
    fn drawn(requests: &[Request], wall_us: u64, columns: usize) -> String {
        let cells = cells(requests, wall_us, columns, false);
        let drawn = cells.iter().map(|cell| match cell {
            Cell::Empty => '.',
            Cell::Queued => '-',
            Cell::Bar { part: Part::First, .. } => '[',
            Cell::Bar { part: Part::Middle, .. } => '=',
            Cell::Bar { part: Part::Last, .. } => ']',
            Cell::Bar { part: Part::Only, .. } => '|',
            Cell::Many { ending: Ending::Failed, .. } => 'x',
            Cell::Many { fill: Fill::Low, .. } => ':',
            Cell::Many { fill: Fill::High, .. } => '#',
        });
        drawn.collect()
    }

    #[test]
    fn bars_without_a_gap_stay_apart_and_narrow_ones_stay_visible() {
        let serial = [request(0, 30, 200), request(30, 60, 200), request(61, 100, 200)];
        assert_eq!(drawn(&serial, 100, 10), "[=][=][==]");
        assert_eq!(drawn(&[request(0, 1, 200), request(99, 100, 200)], 100, 10), "|........|");
        assert_eq!(drawn(&[request(100, 100, 200)], 100, 10), ".........|");
        assert_eq!(drawn(&[request(10, 12, 200), request(13, 14, 503)], 100, 10), ".x........");
        let many: Vec<Request> = (0..50).map(|n| request(2 * n, 2 * n + 2, 200)).collect();
        assert_eq!(drawn(&many, 100, 10), "##########");
        // Each takes a quarter of the time until the next one.
        let sparse: Vec<Request> = (0..25).map(|n| request(4 * n, 4 * n + 1, 200)).collect();
        assert_eq!(drawn(&sparse, 100, 10), "::::::::::");
        assert_eq!(drawn(&many, 100, 0), "");
    }

    #[test]
    fn waiting_for_a_connection_never_covers_a_bar() {
        let requests = [request(0, 30, 200), request(45, 60, 200)];
        let cells = cells(&requests, 100, 20, true);
        let queued = cells.iter().filter(|cell| **cell == Cell::Queued).count();
        assert_eq!(queued, 3, "{cells:?}");
    }
}
