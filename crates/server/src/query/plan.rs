//! From a query to what has to be done: special members resolved, aliases replaced, conditions
//! found that a store can look up.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::Value;
use tidegate_model::{Destination, XactId};

use super::ast::{
    Aggregate, Column, DEFAULT_LIMIT, Expr, MAX_LIMIT, Query, QueryError, Select, Sort, Step, Term,
};
use super::cursor::{After, fingerprint};
use super::narrow::narrow;
use crate::store::Narrow;

/// Rows that a sorted read may leave out: each page sorts them anew.
const MAX_SORTED_OFFSET: usize = 100_000;

/// A query ready to run.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(super) from: Destination,
    pub(super) as_of: Option<XactId>,
    pub(super) narrow: Narrow,
    pub(super) filter: Option<Expr>,
    /// Top-level members that the filter and the sort look at.
    pub(super) members: BTreeSet<String>,
    pub(super) shape: Shape,
    /// Rows of a page, above zero.
    pub(super) limit: usize,
    pub(super) after: After,
}

#[derive(Debug)]
pub(super) enum Shape {
    /// Rows in order of their ids.
    Rows(Output),
    Sorted {
        output: Output,
        keys: Vec<SortKey>,
        /// Of the keys, for cursors.
        fingerprint: u32,
    },
    Groups(Grouping),
}

/// What is made of a row.
#[derive(Debug)]
pub(super) enum Output {
    Star,
    Columns { columns: Vec<(String, Expr)>, members: BTreeSet<String> },
}

#[derive(Debug)]
pub(super) struct SortKey {
    pub(super) expr: Expr,
    pub(super) descending: bool,
}

#[derive(Debug, Default)]
pub(super) struct Grouping {
    pub(super) keys: Vec<Expr>,
    pub(super) aggregates: Vec<Aggregate>,
    pub(super) columns: Vec<(String, Part)>,
    /// With whether it is descending.
    pub(super) sort: Vec<(Part, bool)>,
    /// Whether the number of groups was limited by the query.
    pub(super) limited: bool,
}

/// A part of a group, by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Key(usize),
    Aggregate(usize),
}

impl Plan {
    /// Checks a query as a whole.
    pub(crate) fn of(query: Query) -> Result<Self, QueryError> {
        let filter = query.filter.map(prepare).transpose()?;
        let mut members = BTreeSet::new();
        let mut narrowed = Narrow::default();
        if let Some(filter) = &filter {
            collect(filter, &mut members);
            narrow(filter, &mut narrowed);
        }
        let as_of = match query.version.as_deref() {
            None => None,
            Some(text) => Some(text.parse::<XactId>().map_err(|_| {
                QueryError::new("version", "must be a transaction id of 19 digits, as a text")
            })?),
        };
        let aggregated = |term: &Term| matches!(term, Term::Aggregate(_));
        let grouped = !query.group.is_empty()
            || matches!(&query.select, Select::Columns(columns)
                if columns.iter().any(|column| aggregated(&column.term)))
            || query.sort.iter().any(|sort| aggregated(&sort.by));
        let shape = if grouped {
            let mut grouping = grouping(query.select, query.group, query.sort)?;
            grouping.limited = query.limit.is_some();
            let keys = grouping.keys.iter();
            let inputs = grouping.aggregates.iter().filter_map(|aggregate| match aggregate {
                Aggregate::Of(_, expr) => Some(expr),
                Aggregate::Rows => None,
            });
            keys.chain(inputs).for_each(|expr| collect(expr, &mut members));
            Shape::Groups(grouping)
        } else {
            rows(query.select, query.sort, &mut members)?
        };
        let fingerprint = match &shape {
            Shape::Sorted { fingerprint, .. } => Some(*fingerprint),
            Shape::Rows(_) | Shape::Groups(_) => None,
        };
        let cursor = query.cursor.filter(|cursor| !cursor.is_empty());
        let after = match (cursor, &shape) {
            (Some(_), Shape::Groups(_)) => {
                return Err(QueryError::new("cursor", "groups come in one page, without a cursor"));
            }
            (Some(text), _) => After::from_text(&text, fingerprint).ok_or_else(|| {
                QueryError::new("cursor", "is not one that this server returned for this query")
            })?,
            (None, _) => After::start(query.offset),
        };
        if after.skip() > MAX_SORTED_OFFSET && fingerprint.is_some() {
            let message = format!("more than {MAX_SORTED_OFFSET} of sorted rows; use the cursor");
            return Err(QueryError::new("offset", message));
        }
        let limit = query.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
        Ok(Self { from: query.from, as_of, narrow: narrowed, filter, members, shape, limit, after })
    }
}

/// Plans rows that are not grouped.
fn rows(
    select: Select,
    sort: Vec<Sort>,
    members: &mut BTreeSet<String>,
) -> Result<Shape, QueryError> {
    let mut keys = Vec::with_capacity(sort.len());
    for Sort { by, descending } in sort {
        let Term::Value(expr) = by else { continue };
        let expr = prepare_key(resolve(expr, &select))?;
        collect(&expr, members);
        keys.push(SortKey { expr, descending });
    }
    let output = match select {
        Select::Star => Output::Star,
        Select::Columns(columns) => {
            let mut members = BTreeSet::new();
            let mut prepared = Vec::with_capacity(columns.len());
            for Column { name, term } in columns {
                let Term::Value(expr) = term else { continue };
                let expr = prepare(expr)?;
                collect(&expr, &mut members);
                prepared.push((name, expr));
            }
            Output::Columns { columns: prepared, members }
        }
    };
    if keys.is_empty() {
        return Ok(Shape::Rows(output));
    }
    let fingerprint = fingerprint(&keys);
    Ok(Shape::Sorted { output, keys, fingerprint })
}

fn grouping(select: Select, group: Vec<Expr>, sort: Vec<Sort>) -> Result<Grouping, QueryError> {
    let mut grouping = Grouping::default();
    for expr in group {
        grouping.keys.push(prepare(resolve(expr, &select))?);
    }
    let sort: Vec<_> = sort
        .into_iter()
        .map(|Sort { by, descending }| (resolve_term(by, &select), descending))
        .collect();
    let Select::Columns(columns) = select else {
        return Err(QueryError::new("select", "groups need columns: select keys and aggregates"));
    };
    for Column { name, term } in columns {
        let part = part(&mut grouping, term, &name)?;
        grouping.columns.push((name, part));
    }
    for (term, descending) in sort {
        let part = part(&mut grouping, term, "an expression of the sort")?;
        grouping.sort.push((part, descending));
    }
    Ok(grouping)
}

fn part(grouping: &mut Grouping, term: Term, name: &str) -> Result<Part, QueryError> {
    match term {
        Term::Value(expr) => {
            let expr = prepare(expr)?;
            let key = grouping.keys.iter().position(|key| *key == expr).ok_or_else(|| {
                QueryError::new("group", format!("{name} is neither grouped by nor aggregated"))
            })?;
            Ok(Part::Key(key))
        }
        Term::Aggregate(aggregate) => {
            let aggregate = match aggregate {
                Aggregate::Rows => Aggregate::Rows,
                Aggregate::Of(function, expr) => Aggregate::Of(function, prepare(expr)?),
            };
            let known = grouping.aggregates.iter().position(|known| *known == aggregate);
            Ok(Part::Aggregate(known.unwrap_or_else(|| {
                grouping.aggregates.push(aggregate);
                grouping.aggregates.len() - 1
            })))
        }
    }
}

/// Replaces the name of a column by what the column is.
fn resolve(expr: Expr, select: &Select) -> Expr {
    match resolve_term(Term::Value(expr.clone()), select) {
        Term::Value(resolved) => resolved,
        Term::Aggregate(_) => expr,
    }
}

fn resolve_term(term: Term, select: &Select) -> Term {
    let Select::Columns(columns) = select else { return term };
    let named = match &term {
        Term::Value(Expr::Path(steps)) => match steps.as_slice() {
            [Step::Member(name)] => columns.iter().find(|column| column.name == *name),
            _ => None,
        },
        _ => None,
    };
    named.map_or(term, |column| column.term.clone())
}

/// Sorting by `created` means by time, however it is written.
fn prepare_key(expr: Expr) -> Result<Expr, QueryError> {
    if is_member(&expr, "created") { Ok(Expr::CreatedMicros) } else { prepare(expr) }
}

/// Resolves what is compared with `created` and `_xact_id`.
fn prepare(expr: Expr) -> Result<Expr, QueryError> {
    let boxed = |inner: Box<Expr>| prepare(*inner).map(Box::new);
    let all = |list: Vec<Expr>| list.into_iter().map(prepare).collect::<Result<Vec<_>, _>>();
    Ok(match expr {
        Expr::Compare(comparison, left, right) => {
            let (left, right) = sides(*left, *right)?;
            Expr::Compare(comparison, Box::new(left), Box::new(right))
        }
        Expr::In(item, list) if is_member(&item, "created") => {
            let list = list.into_iter().map(time).collect::<Result<_, _>>()?;
            Expr::In(Box::new(Expr::CreatedMicros), list)
        }
        Expr::In(item, list) if is_member(&item, "_xact_id") => {
            Expr::In(item, list.into_iter().map(transaction).collect())
        }
        Expr::In(item, list) => Expr::In(boxed(item)?, list),
        Expr::Not(inner) => Expr::Not(boxed(inner)?),
        Expr::And(list) => Expr::And(all(list)?),
        Expr::Or(list) => Expr::Or(all(list)?),
        Expr::IsNull(inner) => Expr::IsNull(boxed(inner)?),
        Expr::Like { text, pattern, ignore_case } => {
            Expr::Like { text: boxed(text)?, pattern, ignore_case }
        }
        Expr::Contains(whole, part) => Expr::Contains(boxed(whole)?, boxed(part)?),
        plain @ (Expr::Literal(_) | Expr::Path(_) | Expr::CreatedMicros) => plain,
    })
}

fn sides(left: Expr, right: Expr) -> Result<(Expr, Expr), QueryError> {
    Ok(match (left, right) {
        (left, Expr::Literal(value)) if is_member(&left, "created") => {
            (Expr::CreatedMicros, Expr::Literal(time(value)?))
        }
        (Expr::Literal(value), right) if is_member(&right, "created") => {
            (Expr::Literal(time(value)?), Expr::CreatedMicros)
        }
        (left, Expr::Literal(value)) if is_member(&left, "_xact_id") => {
            (left, Expr::Literal(transaction(value)))
        }
        (Expr::Literal(value), right) if is_member(&right, "_xact_id") => {
            (Expr::Literal(transaction(value)), right)
        }
        (left, right) => (prepare(left)?, prepare(right)?),
    })
}

pub(super) fn is_member(expr: &Expr, name: &str) -> bool {
    matches!(expr, Expr::Path(steps) if matches!(steps.as_slice(), [Step::Member(only)] if only == name))
}

/// A time with its zone, or in UTC; a day begins at midnight.
fn time(value: Value) -> Result<Value, QueryError> {
    let refused = || {
        let message = format!("compare it with a time such as 2026-11-25T12:00:00Z, not {value}");
        QueryError::new("created", message)
    };
    if value.is_null() {
        return Ok(value);
    }
    let text = value.as_str().ok_or_else(refused)?;
    let at = text.parse::<Timestamp>().ok().or_else(|| {
        let civil = text.parse::<DateTime>().ok();
        let civil = civil.or_else(|| text.parse::<Date>().ok().map(DateTime::from))?;
        TimeZone::UTC.to_timestamp(civil).ok()
    });
    Ok(at.ok_or_else(refused)?.as_microsecond().into())
}

/// Transaction ids are texts, but a query may well write the number.
fn transaction(value: Value) -> Value {
    match value.as_u64() {
        Some(number) => XactId::from_u64(number).to_string().into(),
        None => value,
    }
}

/// Adds the top-level members that an expression names.
fn collect(expr: &Expr, members: &mut BTreeSet<String>) {
    match expr {
        Expr::Path(steps) => {
            if let Some(Step::Member(name)) = steps.first() {
                members.insert(name.clone());
            }
        }
        Expr::Literal(_) | Expr::CreatedMicros => {}
        Expr::Not(inner) | Expr::IsNull(inner) | Expr::In(inner, _) => collect(inner, members),
        Expr::Like { text, .. } => collect(text, members),
        Expr::And(all) | Expr::Or(all) => all.iter().for_each(|expr| collect(expr, members)),
        Expr::Compare(_, left, right) | Expr::Contains(left, right) => {
            collect(left, members);
            collect(right, members);
        }
    }
}
