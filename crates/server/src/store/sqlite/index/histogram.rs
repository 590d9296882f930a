//! Counts of cases by time, score or metric.

use rusqlite::{Connection, OptionalExtension, params};

use super::cases::{Condition, each_that};
use super::figures;
use crate::store::index::deltas::MINUTE_US;
use crate::store::index::histogram::{Times, by_values};
use crate::store::{Figure, Histogram, HistogramBy, HistogramQuery, StoreError};

/// Which cases are counted.
enum Counted {
    All,
    That(Condition),
    /// No case can meet the condition.
    Nobody,
}

/// Counts the cases of an object.
pub(super) fn histogram(
    connection: &Connection,
    object: i64,
    query: &HistogramQuery,
) -> Result<Histogram, StoreError> {
    let counted = match query.filter.is_empty() {
        true => Counted::All,
        false => {
            Condition::of(connection, object, &query.filter)?.map_or(Counted::Nobody, Counted::That)
        }
    };
    match &query.by {
        HistogramBy::Created { from_us, to_us } => {
            let bounds = (*from_us, *to_us);
            by_time(connection, object, &counted, bounds, query.buckets)
        }
        HistogramBy::Figure(figure) => {
            by_figure(connection, object, &counted, figure, query.buckets)
        }
    }
}

fn by_time(
    connection: &Connection,
    object: i64,
    counted: &Counted,
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
    let mut times = Times::new((first, last), (from, to), buckets);
    match counted {
        Counted::All => add_all(connection, object, &mut times)?,
        Counted::That(condition) => each_that(connection, object, Some(condition), |record, _| {
            if times.has(record.created_us) {
                times.add(record.created_us, 1, record.failed.into());
            }
            Ok(())
        })?,
        Counted::Nobody => {}
    }
    Ok(times.finish())
}

fn add_all(connection: &Connection, object: i64, times: &mut Times) -> Result<(), StoreError> {
    // Whole minutes are counted already; what sticks out of them is read trace by trace.
    let (minutes, apart) = times.parts();
    let mut statement = connection.prepare_cached(
        "SELECT created_us, failed FROM traces
         WHERE object = ?1 AND root IS NOT NULL AND created_us >= ?2 AND created_us < ?3",
    )?;
    for part in apart.into_iter().filter(|part| !part.is_empty()) {
        let mut rows = statement.query([object, part.start, part.end])?;
        while let Some(row) = rows.next()? {
            times.add(row.get(0)?, 1, row.get::<_, bool>(1)?.into());
        }
    }
    let mut statement = connection.prepare_cached(
        "SELECT minute, cases, errors FROM minutes
         WHERE object = ?1 AND minute >= ?2 AND minute < ?3",
    )?;
    let mut rows = statement.query([object, minutes.start, minutes.end])?;
    while let Some(row) = rows.next()? {
        let (minute, cases, errors): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        times.add(minute * MINUTE_US, cases.cast_unsigned(), errors.cast_unsigned());
    }
    Ok(())
}

fn by_figure(
    connection: &Connection,
    object: i64,
    counted: &Counted,
    figure: &Figure,
    buckets: usize,
) -> Result<Histogram, StoreError> {
    let wanted = figures::find(connection, figure.kind, &figure.name)?;
    let (mut missing, mut values) = (0, Vec::new());
    let condition = match counted {
        Counted::All => None,
        Counted::That(condition) => Some(condition),
        Counted::Nobody => return Ok(by_values(figure.kind, &values, missing, buckets)),
    };
    each_that(connection, object, condition, |record, _| {
        match figures::unpack(&record.figures).find(|(name, _)| Some(*name) == wanted) {
            Some((_, value)) => values.push((value, record.failed)),
            None => missing += 1,
        }
        Ok(())
    })?;
    Ok(by_values(figure.kind, &values, missing, buckets))
}
