//! Counts of cases by time, score or metric.

use rusqlite::{Connection, OptionalExtension, params};

use super::apply::MINUTE_US;
use super::cases::{Condition, each_that};
use super::figures;
use crate::store::{Bucket, Figure, Histogram, HistogramBy, HistogramQuery, Kind, StoreError};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = MINUTE_US;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Widths of ranges of time that people read easily, in microseconds.
const WIDTHS: [i64; 24] = [
    SECOND / 10,
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    91 * DAY,
    364 * DAY,
    3_640 * DAY,
];

/// Counts the cases of an object.
pub(super) fn histogram(
    connection: &Connection,
    object: i64,
    query: &HistogramQuery,
) -> Result<Histogram, StoreError> {
    let condition = match query.filter.is_empty() {
        true => None,
        false => match Condition::of(connection, object, &query.filter)? {
            None => return Ok(Histogram::default()),
            some => some,
        },
    };
    match &query.by {
        HistogramBy::Created { from_us, to_us } => {
            let bounds = (*from_us, *to_us);
            by_time(connection, object, condition.as_ref(), bounds, query.buckets)
        }
        HistogramBy::Figure(figure) => {
            by_figure(connection, object, condition.as_ref(), figure, query.buckets)
        }
    }
}

/// The narrowest width of which so many ranges, at most, hold all from `first` to `last`; they
/// begin at multiples of it.
fn width(first: i64, last: i64, buckets: usize) -> i64 {
    let most = i64::try_from(buckets).unwrap_or(i64::MAX).max(1);
    let fits = |width: &i64| last.div_euclid(*width) - first.div_euclid(*width) < most;
    // The last resort is for years that nobody lives in.
    WIDTHS.into_iter().find(fits).unwrap_or_else(|| (last.abs().max(first.abs()) + 1) * 2)
}

fn by_time(
    connection: &Connection,
    object: i64,
    condition: Option<&Condition>,
    (from, to): (Option<i64>, Option<i64>),
    buckets: usize,
) -> Result<Histogram, StoreError> {
    let end = |order: &str| -> Result<Option<i64>, StoreError> {
        let sql = format!(
            "SELECT created_us FROM traces
             WHERE object = ?1 AND root IS NOT NULL AND created_us BETWEEN ?2 AND ?3
             ORDER BY created_us {order} LIMIT 1"
        );
        let bounds = params![object, from.unwrap_or(i64::MIN), to.unwrap_or(i64::MAX)];
        Ok(connection.prepare_cached(&sql)?.query_row(bounds, |row| row.get(0)).optional()?)
    };
    let (Some(first), Some(last)) = (end("ASC")?, end("DESC")?) else {
        return Ok(Histogram::default());
    };
    // What was asked for is shown as a whole, also where nothing happened.
    let (shown_first, shown_last) = (from.unwrap_or(first), to.unwrap_or(last));
    let width = width(shown_first, shown_last, buckets);
    let start = shown_first.div_euclid(width);
    let count = usize::try_from(shown_last.div_euclid(width) - start + 1).unwrap_or(1);
    let mut found = Histogram::default();
    // Widths are whole tenths of a second, so these are exact.
    let edge = |at: usize| ((start + at as i64) as f64 * width as f64) / 1e3;
    found.buckets = (0..count).map(|at| Bucket::of(edge(at), edge(at + 1))).collect();
    let mut add = |created_us: i64, cases: u64, errors: u64| {
        let at = usize::try_from(created_us.div_euclid(width) - start).unwrap_or(0);
        found.add(at, cases, errors);
    };
    if let Some(condition) = condition {
        each_that(connection, object, Some(condition), |record, _| {
            if (first..=last).contains(&record.created_us) {
                add(record.created_us, 1, record.failed.into());
            }
            Ok(())
        })?;
        return Ok(found);
    }
    // Whole minutes are counted already; what sticks out of them is read trace by trace.
    let minutes = match width % MINUTE {
        0 => (first + MINUTE - 1).div_euclid(MINUTE)..(last + 1).div_euclid(MINUTE),
        _ => 0..0,
    };
    let apart = match minutes.is_empty() {
        true => [first..last + 1, 0..0],
        false => [first..minutes.start * MINUTE, minutes.end * MINUTE..last + 1],
    };
    let mut statement = connection.prepare_cached(
        "SELECT created_us, failed FROM traces
         WHERE object = ?1 AND root IS NOT NULL AND created_us >= ?2 AND created_us < ?3",
    )?;
    for part in apart.into_iter().filter(|part| !part.is_empty()) {
        let mut rows = statement.query([object, part.start, part.end])?;
        while let Some(row) = rows.next()? {
            add(row.get(0)?, 1, row.get::<_, bool>(1)?.into());
        }
    }
    let mut statement = connection.prepare_cached(
        "SELECT minute, cases, errors FROM minutes
         WHERE object = ?1 AND minute >= ?2 AND minute < ?3",
    )?;
    let mut rows = statement.query([object, minutes.start, minutes.end])?;
    while let Some(row) = rows.next()? {
        let (minute, cases, errors): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        add(minute * MINUTE, cases.cast_unsigned(), errors.cast_unsigned());
    }
    Ok(found)
}

fn by_figure(
    connection: &Connection,
    object: i64,
    condition: Option<&Condition>,
    figure: &Figure,
    buckets: usize,
) -> Result<Histogram, StoreError> {
    let wanted = figures::find(connection, figure.kind, &figure.name)?;
    let (mut found, mut values) = (Histogram::default(), Vec::new());
    each_that(connection, object, condition, |record, _| {
        match figures::unpack(&record.figures).find(|(name, _)| Some(*name) == wanted) {
            Some((_, value)) => values.push((value, record.failed)),
            None => found.missing += 1,
        }
        Ok(())
    })?;
    let first = values.iter().map(|(value, _)| *value).fold(f64::INFINITY, f64::min);
    let last = values.iter().map(|(value, _)| *value).fold(f64::NEG_INFINITY, f64::max);
    if values.is_empty() {
        return Ok(found);
    }
    let usual = figure.kind == Kind::Score && first >= 0.0 && last <= 1.0;
    let (first, last) = if usual { (0.0, 1.0) } else { (first, last) };
    let buckets = if first < last { buckets.max(1) } else { 1 };
    // Halves first: the whole may be more than a number holds.
    let edge = |at: usize| {
        let share = at as f64 / buckets as f64;
        if at == buckets { last } else { first + (last * share - first * share) }
    };
    found.buckets = (0..buckets).map(|at| Bucket::of(edge(at), edge(at + 1))).collect();
    for (value, failed) in values {
        // By the edges as they are told, which rounding may have moved.
        let above = found.buckets.partition_point(|bucket| bucket.lower <= value);
        found.add(above.saturating_sub(1), 1, failed.into());
    }
    Ok(found)
}

impl Bucket {
    fn of(lower: f64, upper: f64) -> Self {
        Self { lower, upper, cases: 0, errors: 0 }
    }
}

impl Histogram {
    fn add(&mut self, at: usize, cases: u64, errors: u64) {
        self.cases += cases;
        self.errors += errors;
        if let Some(bucket) = self.buckets.get_mut(at) {
            bucket.cases += cases;
            bucket.errors += errors;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_time_are_as_narrow_as_their_number_allows() {
        assert_eq!(width(0, 0, 1), SECOND / 10);
        assert_eq!(width(0, 59 * SECOND, 60), SECOND);
        assert_eq!(width(0, 60 * SECOND, 60), 2 * SECOND);
        assert_eq!(width(59 * SECOND, 61 * SECOND, 1), HOUR / 30);
        assert_eq!(width(0, 30 * DAY, 31), DAY);
        assert_eq!(width(-5 * DAY, -DAY, 5), DAY);
        for (first, last) in [(i64::MIN / 8, i64::MAX / 8), (-1, 1), (0, i64::MAX / 8)] {
            for buckets in [1, 2, 60] {
                let width = width(first, last, buckets);
                let count = last.div_euclid(width) - first.div_euclid(width) + 1;
                assert!(count <= buckets.max(2) as i64, "{first} {last} {buckets}: {count}");
            }
        }
    }
}
