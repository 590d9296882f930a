//! Counts of cases by time, score or metric.

use deadpool_postgres::Transaction;

use super::cases::{each_that, push_condition, push_figure};
use super::figures;
use super::statement::Statement;
use crate::store::index::deltas::MINUTE_US;
use crate::store::index::histogram::{Times, by_values, value_ranges};
use crate::store::postgres::database;
use crate::store::{CaseFilter, Figure, Histogram, HistogramBy, HistogramQuery, Kind, StoreError};

/// Counts the cases of an object.
pub(super) async fn histogram(
    on: &Transaction<'_>,
    object: i64,
    query: &HistogramQuery,
) -> Result<Histogram, StoreError> {
    match &query.by {
        HistogramBy::Created { from_us, to_us } => {
            by_time(on, object, &query.filter, (*from_us, *to_us), query.buckets).await
        }
        HistogramBy::Figure(figure) => {
            by_figure(on, object, &query.filter, figure, query.buckets).await
        }
    }
}

async fn by_time(
    on: &Transaction<'_>,
    object: i64,
    filter: &CaseFilter,
    (from, to): (Option<i64>, Option<i64>),
    buckets: usize,
) -> Result<Histogram, StoreError> {
    let (least, most) = (from.unwrap_or(i64::MIN), to.unwrap_or(i64::MAX));
    let end = async |order: &str| -> Result<Option<i64>, StoreError> {
        let sql = format!(
            "SELECT created_us FROM traces
             WHERE object = $1 AND root IS NOT NULL AND created_us BETWEEN $2 AND $3
             ORDER BY created_us {order}, trace {order} LIMIT 1"
        );
        let found = database::row(on, &sql, &[&object, &least, &most]).await?;
        Ok(found.map(|row| row.get(0)))
    };
    let (Some(first), Some(last)) = (end("ASC").await?, end("DESC").await?) else {
        return Ok(Histogram::default());
    };
    let mut times = Times::new((first, last), (from, to), buckets);
    if !filter.metadata.is_empty() {
        each_that(on, object, filter, false, |record, _| {
            if times.has(record.created_us) {
                times.add(record.created_us, 1, record.failed.into());
            }
            Ok(())
        })
        .await?;
        return Ok(times.finish());
    }
    if !filter.is_empty() {
        count(on, object, filter, first..last + 1, &mut times).await?;
        return Ok(times.finish());
    }
    // Whole minutes are counted already; what sticks out of them is read trace by trace.
    let (minutes, apart) = times.parts();
    for part in apart.into_iter().filter(|part| !part.is_empty()) {
        count(on, object, filter, part, &mut times).await?;
    }
    let sql = "SELECT minute, cases, errors FROM minutes
        WHERE object = $1 AND minute >= $2 AND minute < $3";
    for row in database::rows(on, sql, &[&object, &minutes.start, &minutes.end]).await? {
        let (minute, cases, errors): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        times.add(minute * MINUTE_US, cases.cast_unsigned(), errors.cast_unsigned());
    }
    Ok(times.finish())
}

/// Counts the cases of a span of time that meet a filter.
async fn count(
    on: &Transaction<'_>,
    object: i64,
    filter: &CaseFilter,
    part: std::ops::Range<i64>,
    times: &mut Times,
) -> Result<(), StoreError> {
    let mut sql =
        Statement::new("SELECT min(created_us), count(*), count(*) FILTER (WHERE failed)");
    push_condition(on, &mut sql, object, filter).await?;
    sql.push(" AND created_us >= ").bind(part.start).push(" AND created_us < ").bind(part.end);
    // Division goes towards zero, ranges begin below.
    sql.push(" GROUP BY created_us / ").bind(times.width());
    sql.push(" - (created_us % ").bind(times.width()).push(" < 0)::integer");
    for row in sql.rows(on).await? {
        let (cases, errors): (i64, i64) = (row.get(1), row.get(2));
        times.add(row.get(0), cases.cast_unsigned(), errors.cast_unsigned());
    }
    Ok(())
}

async fn by_figure(
    on: &Transaction<'_>,
    object: i64,
    filter: &CaseFilter,
    figure: &Figure,
    buckets: usize,
) -> Result<Histogram, StoreError> {
    if !filter.metadata.is_empty() {
        let (mut missing, mut values) = (0, Vec::new());
        each_that(on, object, filter, false, |record, _| {
            let column = match figure.kind {
                Kind::Score => &record.scores,
                Kind::Metric => &record.metrics,
            };
            let found = figures::read(column.as_deref())?;
            match found.into_iter().find(|(name, _)| *name == figure.name) {
                Some((_, value)) => values.push((value, record.failed)),
                None => missing += 1,
            }
            Ok(())
        })
        .await?;
        return Ok(by_values(figure.kind, &values, missing, buckets));
    }
    // Each look at a value costs as much as reading its case: scores are hoped to be the usual ones,
    // and only of others the ends are looked for first.
    if figure.kind == Kind::Score
        && let Some(found) = in_ranges(on, object, filter, figure, (0.0, 1.0), buckets).await?
    {
        return Ok(found);
    }
    let mut sql = Statement::new("SELECT min(");
    push_figure(&mut sql, figure);
    sql.push("), max(");
    push_figure(&mut sql, figure);
    sql.push(")");
    push_condition(on, &mut sql, object, filter).await?;
    let row = sql.one(on).await?;
    let ends: (Option<f64>, Option<f64>) = (row.get(0), row.get(1));
    let ends = (ends.0.unwrap_or_default(), ends.1.unwrap_or_default());
    Ok(in_ranges(on, object, filter, figure, ends, buckets).await?.unwrap_or_default())
}

/// Counts values by ranges from the first to the last one; `None` if any is beyond.
async fn in_ranges(
    on: &Transaction<'_>,
    object: i64,
    filter: &CaseFilter,
    figure: &Figure,
    (first, last): (f64, f64),
    buckets: usize,
) -> Result<Option<Histogram>, StoreError> {
    let mut found = value_ranges(figure.kind, (first, last), buckets);
    let mut edges: Vec<f64> = found.buckets.iter().map(|bucket| bucket.lower).collect();
    // Whatever is above the last value.
    edges.extend(found.buckets.last().map(|bucket| bucket.upper.next_up()));
    let beyond = edges.len();
    // How many of the lower ends are not above the value.
    let mut sql = Statement::new("SELECT width_bucket(");
    push_figure(&mut sql, figure);
    sql.push(", ").bind(edges).push("::float8[]), count(*), count(*) FILTER (WHERE failed)");
    push_condition(on, &mut sql, object, filter).await?;
    sql.push(" GROUP BY 1");
    for row in sql.rows(on).await? {
        let (above, cases, errors): (Option<i32>, i64, i64) = (row.get(0), row.get(1), row.get(2));
        match above.map(|above| usize::try_from(above).unwrap_or_default()) {
            None => found.missing = cases.cast_unsigned(),
            Some(above) if above == 0 || above >= beyond => return Ok(None),
            Some(above) => found.add(above - 1, cases.cast_unsigned(), errors.cast_unsigned()),
        }
    }
    if found.cases == 0 {
        found.buckets.clear();
    }
    Ok(Some(found))
}
