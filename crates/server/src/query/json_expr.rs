//! Expressions in JSON nodes: `{"op": …}`, or `{"btql": "<text>"}`.

use serde_json::{Map, Value};

use super::ast::{Comparison, Expr, MAX_DEPTH, MAX_NODES, MAX_PATTERN_CHARS, QueryError, Step};
use super::json::{list, op, present, text, whole_number};
use super::place::Place;
use super::sql;

type Object = Map<String, Value>;

/// What an error says of other nodes.
const OPS: &str = "and, or, not, eq, ne, lt, le, gt, ge, in, isnull, isnotnull, like, ilike, \
                   includes, contains, ident and literal";

/// Reads nodes and counts them.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    count: usize,
}

impl Nodes {
    pub(super) fn expr(&mut self, value: &Value, place: &Place<'_>) -> Result<Expr, QueryError> {
        self.at(value, place, 0)
    }

    fn at(&mut self, value: &Value, place: &Place<'_>, depth: usize) -> Result<Expr, QueryError> {
        if depth > MAX_DEPTH {
            return Err(place.refuse(format!("nested more than {MAX_DEPTH} deep")));
        }
        self.node(1, place)?;
        let node = value.as_object().ok_or_else(|| place.refuse("must be a node {\"op\": …}"))?;
        if let Some(source) = node.get("btql") {
            place.only(node, &["btql"])?;
            let place = place.member("btql");
            let source = text(source, &place)?;
            let read = sql::expression(&source);
            let (expr, nodes) = read.map_err(|error| error.within(&place.to_string()))?;
            self.node(nodes, &place)?;
            return Ok(expr);
        }
        let name = op(value).ok_or_else(|| place.member("op").refuse("must be a text"))?;
        if let Some(comparison) = comparison(name) {
            let (left, right) = self.sides(node, place, depth)?;
            return Ok(Expr::Compare(comparison, left, right));
        }
        match name {
            "and" => Ok(Expr::And(self.children(node, place, depth)?)),
            "or" => Ok(Expr::Or(self.children(node, place, depth)?)),
            "not" => Ok(Expr::Not(self.one(node, place, depth)?)),
            "isnull" => Ok(Expr::IsNull(self.one(node, place, depth)?)),
            "isnotnull" => Ok(Expr::Not(Box::new(Expr::IsNull(self.one(node, place, depth)?)))),
            "in" => {
                place.only(node, &["op", "left", "right", "loc"])?;
                let left = self.member(node, "left", place, depth)?;
                let items = literal(node.get("right"), &place.member("right"))?;
                let place = place.member("right");
                let items = list(items, &place)?;
                self.node(items.len(), &place)?;
                Ok(Expr::In(left, items.to_vec()))
            }
            "like" | "ilike" => {
                place.only(node, &["op", "left", "right", "loc"])?;
                let pattern = literal(node.get("right"), &place.member("right"))?;
                Ok(Expr::Like {
                    text: self.member(node, "left", place, depth)?,
                    pattern: checked_pattern(pattern, &place.member("right"))?,
                    ignore_case: name == "ilike",
                })
            }
            "includes" | "contains" => {
                if node.contains_key("haystack") {
                    place.only(node, &["op", "haystack", "needle", "loc"])?;
                    let haystack = self.member(node, "haystack", place, depth)?;
                    return Ok(Expr::Contains(
                        haystack,
                        self.member(node, "needle", place, depth)?,
                    ));
                }
                let (left, right) = self.sides(node, place, depth)?;
                Ok(Expr::Contains(left, right))
            }
            "ident" => {
                place.only(node, &["op", "name", "loc"])?;
                path(node.get("name").unwrap_or(&Value::Null), &place.member("name"))
            }
            "literal" => {
                place.only(node, &["op", "value", "loc"])?;
                let value = node.get("value").cloned();
                let value = value.ok_or_else(|| place.member("value").refuse("is missing"))?;
                Ok(Expr::Literal(value))
            }
            other => {
                let message = format!("{other:?} is not supported here; there are {OPS}");
                Err(place.member("op").refuse(message))
            }
        }
    }

    fn node(&mut self, more: usize, place: &Place<'_>) -> Result<(), QueryError> {
        self.count += more;
        if self.count > MAX_NODES {
            return Err(place.refuse(format!("more than {MAX_NODES} nodes in the query")));
        }
        Ok(())
    }

    fn sides(
        &mut self,
        node: &Object,
        place: &Place<'_>,
        depth: usize,
    ) -> Result<(Box<Expr>, Box<Expr>), QueryError> {
        place.only(node, &["op", "left", "right", "loc"])?;
        let left = self.member(node, "left", place, depth)?;
        Ok((left, self.member(node, "right", place, depth)?))
    }

    /// `children`, or `left` and `right`.
    fn children(
        &mut self,
        node: &Object,
        place: &Place<'_>,
        depth: usize,
    ) -> Result<Vec<Expr>, QueryError> {
        let Some(children) = present(node, "children") else {
            let (left, right) = self.sides(node, place, depth)?;
            return Ok(vec![*left, *right]);
        };
        place.only(node, &["op", "children", "loc"])?;
        let place = place.member("children");
        let children = list(children, &place)?.iter().enumerate();
        children.map(|(index, child)| self.at(child, &place.index(index), depth + 1)).collect()
    }

    fn one(
        &mut self,
        node: &Object,
        place: &Place<'_>,
        depth: usize,
    ) -> Result<Box<Expr>, QueryError> {
        place.only(node, &["op", "expr", "loc"])?;
        self.member(node, "expr", place, depth)
    }

    fn member(
        &mut self,
        node: &Object,
        name: &str,
        place: &Place<'_>,
        depth: usize,
    ) -> Result<Box<Expr>, QueryError> {
        let place = place.member(name);
        let value = node.get(name).ok_or_else(|| place.refuse("is missing"))?;
        Ok(Box::new(self.at(value, &place, depth + 1)?))
    }
}

/// The value of a literal node, or a bare list or text.
fn literal<'v>(node: Option<&'v Value>, place: &Place<'_>) -> Result<&'v Value, QueryError> {
    let value = match node {
        Some(Value::Object(object)) if op(node.unwrap_or(&Value::Null)) == Some("literal") => {
            place.only(object, &["op", "value", "loc"])?;
            object.get("value")
        }
        Some(value @ (Value::Array(_) | Value::String(_))) => Some(value),
        _ => None,
    };
    value.ok_or_else(|| place.refuse("must be a literal"))
}

fn checked_pattern(value: &Value, place: &Place<'_>) -> Result<String, QueryError> {
    let pattern = text(value, place)?;
    if pattern.chars().count() > MAX_PATTERN_CHARS {
        return Err(place.refuse(format!("more than {MAX_PATTERN_CHARS} characters")));
    }
    Ok(pattern)
}

/// Reads `["span_attributes", "type"]`; later steps may be indexes.
pub(super) fn path(names: &Value, place: &Place<'_>) -> Result<Expr, QueryError> {
    let names = list(names, place)?;
    if names.is_empty() || names.len() > MAX_DEPTH {
        return Err(place.refuse(format!("must have between 1 and {MAX_DEPTH} steps")));
    }
    let mut steps = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let place = place.index(index);
        steps.push(match name {
            Value::String(name) => Step::Member(name.clone()),
            Value::Number(_) if index > 0 => Step::Index(whole_number(name, 0, &place)?),
            _ => return Err(place.refuse("must be a member's name")),
        });
    }
    Ok(Expr::Path(steps))
}

fn comparison(op: &str) -> Option<Comparison> {
    match op {
        "eq" => Some(Comparison::Eq),
        "ne" => Some(Comparison::Ne),
        "lt" => Some(Comparison::Lt),
        "le" => Some(Comparison::Le),
        "gt" => Some(Comparison::Gt),
        "ge" => Some(Comparison::Ge),
        _ => None,
    }
}
