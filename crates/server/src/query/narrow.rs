//! Conditions that a store can look up instead of looking at every row.

use serde_json::Value;
use tidegate_model::{RowId, XactId};

use super::ast::{Comparison, Expr};
use super::plan::is_member;
use crate::store::{Narrow, Range};

/// A longer list costs a store more than it saves.
const MAX_LIST: usize = 500;

/// Adds what a condition demands of indexed columns. The condition is still evaluated over what
/// the store returns, so anything may be left out here, but nothing demanded in addition.
pub(super) fn narrow(expr: &Expr, into: &mut Narrow) {
    match expr {
        Expr::And(all) => all.iter().for_each(|expr| narrow(expr, into)),
        Expr::Compare(comparison, left, right) => match (left.as_ref(), right.as_ref()) {
            (left, Expr::Literal(value)) => compared(*comparison, left, value, into),
            (Expr::Literal(value), right) => compared(comparison.flipped(), right, value, into),
            _ => {}
        },
        Expr::In(item, list) if list.len() <= MAX_LIST => {
            let texts = || list.iter().filter_map(Value::as_str).map(str::to_owned);
            if is_member(item, "id") {
                both(&mut into.ids, texts().map(|text| RowId::from(text.as_str())).collect());
            } else if is_member(item, "root_span_id") {
                both(&mut into.root_span_ids, texts().collect());
            }
        }
        Expr::Not(inner) if is_member(inner, "is_root") => root(false, into),
        path if is_member(path, "is_root") => root(true, into),
        _ => {}
    }
}

fn compared(comparison: Comparison, left: &Expr, value: &Value, into: &mut Narrow) {
    let equal = comparison == Comparison::Eq;
    if *left == Expr::CreatedMicros {
        if let Some(micros) = value.as_i64() {
            bound(&mut into.created_us, comparison, micros);
        }
    } else if is_member(left, "_xact_id") {
        if let Some(xact) = value.as_str().and_then(|text| text.parse::<XactId>().ok()) {
            bound(&mut into.xact, comparison, xact.as_u64());
        }
    } else if equal && let Some(wanted) = value.as_bool() {
        if is_member(left, "is_root") {
            root(wanted, into);
        }
    } else if equal && let Some(text) = value.as_str() {
        if is_member(left, "id") {
            both(&mut into.ids, vec![RowId::from(text)]);
        } else if is_member(left, "root_span_id") {
            both(&mut into.root_span_ids, vec![text.to_owned()]);
        }
    }
}

fn bound<T: Ord + Copy>(range: &mut Range<T>, comparison: Comparison, value: T) {
    match comparison {
        Comparison::Eq => {
            range.at_least(value);
            range.at_most(value);
        }
        // Strict bounds lose nothing by letting the value itself through.
        Comparison::Gt | Comparison::Ge => range.at_least(value),
        Comparison::Lt | Comparison::Le => range.at_most(value),
        Comparison::Ne => {}
    }
}

fn both<T: PartialEq>(known: &mut Option<Vec<T>>, wanted: Vec<T>) {
    match known {
        Some(known) => known.retain(|item| wanted.contains(item)),
        None => *known = Some(wanted),
    }
}

fn root(wanted: bool, into: &mut Narrow) {
    match into.is_root {
        // Both at once: no row is both.
        Some(known) if known != wanted => into.ids = Some(Vec::new()),
        _ => into.is_root = Some(wanted),
    }
}
