//! What an expression is worth for one row, in the three-valued logic of SQL.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::ast::{Comparison, Expr, Step};
use super::{like, values};

/// What an expression can see of a row.
#[derive(Debug)]
pub(super) struct View {
    /// At least the members that expressions name.
    pub(super) members: Map<String, Value>,
    pub(super) created_us: i64,
}

impl View {
    pub(super) fn empty(created_us: i64) -> Self {
        Self { members: Map::new(), created_us }
    }
}

/// Whether a condition holds; `None` if that is unknown, and for anything that is neither true nor
/// false.
pub(super) fn truth(expr: &Expr, view: &View) -> Option<bool> {
    match expr {
        Expr::Not(inner) => truth(inner, view).map(|truth| !truth),
        // One that fails decides, whatever is unknown beside it.
        Expr::And(all) => decided(all, view, false),
        Expr::Or(all) => decided(all, view, true),
        Expr::Compare(comparison, left, right) => {
            compare(*comparison, &value(left, view), &value(right, view))
        }
        Expr::In(item, list) => contained(&value(item, view), list),
        Expr::IsNull(inner) => Some(value(inner, view).is_null()),
        Expr::Like { text, pattern, ignore_case } => {
            let text = value(text, view);
            let text = text.as_str()?;
            Some(if *ignore_case {
                like::matches(&text.to_lowercase(), &pattern.to_lowercase())
            } else {
                like::matches(text, pattern)
            })
        }
        Expr::Contains(whole, part) => contains(&value(whole, view), &value(part, view)),
        Expr::Literal(_) | Expr::Path(_) | Expr::CreatedMicros => value(expr, view).as_bool(),
    }
}

fn decided(all: &[Expr], view: &View, deciding: bool) -> Option<bool> {
    let mut unknown = false;
    for expr in all {
        match truth(expr, view) {
            Some(truth) if truth == deciding => return Some(deciding),
            Some(_) => {}
            None => unknown = true,
        }
    }
    (!unknown).then_some(!deciding)
}

/// The value of an expression; null where it is unknown.
pub(super) fn value<'a>(expr: &'a Expr, view: &'a View) -> Cow<'a, Value> {
    match expr {
        Expr::Literal(value) => Cow::Borrowed(value),
        Expr::Path(steps) => walk(steps, view).map_or(Cow::Owned(Value::Null), Cow::Borrowed),
        Expr::CreatedMicros => Cow::Owned(view.created_us.into()),
        condition => Cow::Owned(truth(condition, view).map_or(Value::Null, Value::Bool)),
    }
}

fn walk<'a>(steps: &[Step], view: &'a View) -> Option<&'a Value> {
    let (first, rest) = steps.split_first()?;
    let Step::Member(name) = first else { return None };
    rest.iter().try_fold(view.members.get(name)?, |value, step| match step {
        Step::Member(name) => value.as_object()?.get(name),
        Step::Index(index) => value.as_array()?.get(*index),
    })
}

/// Values of different kinds are not equal; which is the greater is unknown, as it is for lists and
/// objects.
fn compare(comparison: Comparison, a: &Value, b: &Value) -> Option<bool> {
    if a.is_null() || b.is_null() {
        return None;
    }
    let order = |wanted: fn(Ordering) -> bool| values::compare(a, b).map(wanted);
    match comparison {
        Comparison::Eq => Some(values::equal(a, b)),
        Comparison::Ne => Some(!values::equal(a, b)),
        Comparison::Lt => order(Ordering::is_lt),
        Comparison::Le => order(Ordering::is_le),
        Comparison::Gt => order(Ordering::is_gt),
        Comparison::Ge => order(Ordering::is_ge),
    }
}

fn contained(item: &Value, list: &[Value]) -> Option<bool> {
    if list.is_empty() {
        return Some(false);
    }
    if item.is_null() {
        return None;
    }
    if list.iter().any(|other| !other.is_null() && values::equal(item, other)) {
        return Some(true);
    }
    (!list.iter().any(Value::is_null)).then_some(false)
}

fn contains(whole: &Value, part: &Value) -> Option<bool> {
    match (whole, part) {
        (Value::Null, _) | (_, Value::Null) => None,
        (Value::Array(items), part) => Some(items.iter().any(|item| values::equal(item, part))),
        (Value::String(text), Value::String(part)) => Some(text.contains(part.as_str())),
        (Value::Object(members), Value::String(name)) => Some(members.contains_key(name)),
        _ => None,
    }
}
