//! Queries in JSON nodes: the body of `POST /btql`.
//!
//! A member that is not understood is refused by its name, since a condition left out would return
//! rows nobody asked for. Members beside `query`, which are hints, are accepted.

use serde_json::{Map, Value};
use tidegate_model::Destination;

use super::ast::{Aggregate, Columns, Function, MAX_KEYS, Query, QueryError, Select, Sort, Term};
use super::json_expr::Nodes;
use super::place::Place;
use super::sql;

type Object = Map<String, Value>;

/// Members of `query`, and the beginning of what an error says of others.
const MEMBERS: [&str; 10] = [
    "select",
    "from",
    "filter",
    "dimensions",
    "measures",
    "sort",
    "limit",
    "offset",
    "cursor",
    "version",
];

/// Reads the body of `POST /btql`, with its query in either form.
pub(crate) fn request(body: &Object) -> Result<Query, QueryError> {
    let root = Place::root();
    if let Some(format) = present(body, "fmt")
        && format != "json"
    {
        return Err(root.member("fmt").refuse("only \"json\" is supported"));
    }
    let place = root.member("query");
    let mut query = match body.get("query") {
        Some(Value::Object(members)) => query(members, &place)?,
        Some(Value::String(text)) => sql::query(text)?,
        _ => return Err(place.refuse("must be an object, or a text that begins with select")),
    };
    for name in ["version", "cursor"] {
        let Some(value) = present(body, name) else { continue };
        let text = Some(text(value, &root.member(name))?);
        let member = if name == "version" { &mut query.version } else { &mut query.cursor };
        if member.is_some() && *member != text {
            return Err(root.member(name).refuse("differs from the one in \"query\""));
        }
        *member = text;
    }
    Ok(query)
}

fn query(members: &Object, place: &Place<'_>) -> Result<Query, QueryError> {
    for (name, value) in members {
        if !MEMBERS.contains(&name.as_str()) && !value.is_null() {
            let message = format!("is not supported; known are {}", MEMBERS.join(", "));
            return Err(place.member(name).refuse(message));
        }
    }
    let from = present(members, "from").ok_or_else(|| {
        place.member("from").refuse("is missing: name an object, such as experiment('<id>')")
    })?;
    let mut nodes = Nodes::default();
    let mut query = Query::all(source(from, &place.member("from"))?);
    if let Some(filter) = present(members, "filter") {
        query.filter = Some(nodes.expr(filter, &place.member("filter"))?);
    }
    select(members, place, &mut nodes, &mut query)?;
    if let Some(sort) = present(members, "sort") {
        let place = place.member("sort");
        query.sort = keys(sort, &place, |entry, place| self::sort(entry, place, &mut nodes))?;
    }
    if let Some(limit) = present(members, "limit") {
        query.limit = Some(whole_number(limit, 1, &place.member("limit"))?);
    }
    if let Some(offset) = present(members, "offset") {
        query.offset = whole_number(offset, 0, &place.member("offset"))?;
    }
    for (name, member) in [("cursor", &mut query.cursor), ("version", &mut query.version)] {
        if let Some(value) = present(members, name) {
            *member = Some(text(value, &place.member(name))?);
        }
    }
    Ok(query)
}

/// Columns come from `select`, or from `dimensions` (which group) and `measures`.
fn select(
    members: &Object,
    place: &Place<'_>,
    nodes: &mut Nodes,
    query: &mut Query,
) -> Result<(), QueryError> {
    let mut columns = Columns::default();
    let mut grouped = false;
    for name in ["dimensions", "measures"] {
        let Some(entries) = present(members, name) else { continue };
        grouped = true;
        let place = place.member(name);
        for (index, entry) in list(entries, &place)?.iter().enumerate() {
            let place = place.index(index);
            let (name, term) = column(entry, &place, nodes)?;
            if let Term::Value(expr) = &term {
                if query.group.len() == MAX_KEYS {
                    return Err(place.refuse(format!("more than {MAX_KEYS} dimensions")));
                }
                query.group.push(expr.clone());
            }
            columns.add(name, term).map_err(|message| place.refuse(message))?;
        }
    }
    let Some(entries) = present(members, "select") else {
        if grouped {
            query.select = Select::Columns(columns.take());
        }
        return Ok(());
    };
    let place = place.member("select");
    if grouped {
        return Err(place.refuse("leave it out beside dimensions and measures"));
    }
    let entries = list(entries, &place)?;
    if entries.len() == 1 && op(&entries[0]) == Some("star") {
        return Ok(());
    }
    if entries.is_empty() {
        return Err(place.refuse("names no column; use [{\"op\": \"star\"}] for whole rows"));
    }
    for (index, entry) in entries.iter().enumerate() {
        let place = place.index(index);
        if op(entry) == Some("star") {
            return Err(place.refuse("select either star or columns"));
        }
        let (name, term) = column(entry, &place, nodes)?;
        columns.add(name, term).map_err(|message| place.refuse(message))?;
    }
    query.select = Select::Columns(columns.take());
    Ok(())
}

/// Reads `{expr, alias?}` or a bare expression.
fn column(
    entry: &Value,
    place: &Place<'_>,
    nodes: &mut Nodes,
) -> Result<(Option<String>, Term), QueryError> {
    let wrapped = entry.as_object().filter(|object| object.contains_key("expr"));
    let Some(object) = wrapped.filter(|object| !object.contains_key("op")) else {
        return Ok((None, term(entry, place, nodes)?));
    };
    place.only(object, &["expr", "alias"])?;
    let name = match present(object, "alias") {
        None => None,
        Some(alias) => Some(text(alias, &place.member("alias"))?),
    };
    Ok((name, term(&object["expr"], &place.member("expr"), nodes)?))
}

fn sort(entry: &Value, place: &Place<'_>, nodes: &mut Nodes) -> Result<Sort, QueryError> {
    let object = entry.as_object().ok_or_else(|| place.refuse("must be {expr, dir}"))?;
    place.only(object, &["expr", "dir", "loc"])?;
    let by = object.get("expr").ok_or_else(|| place.member("expr").refuse("is missing"))?;
    let descending = match present(object, "dir") {
        None => false,
        Some(Value::String(dir)) if dir.eq_ignore_ascii_case("asc") => false,
        Some(Value::String(dir)) if dir.eq_ignore_ascii_case("desc") => true,
        Some(_) => return Err(place.member("dir").refuse("must be \"asc\" or \"desc\"")),
    };
    Ok(Sort { by: term(by, &place.member("expr"), nodes)?, descending })
}

/// A value or an aggregate.
fn term(value: &Value, place: &Place<'_>, nodes: &mut Nodes) -> Result<Term, QueryError> {
    if op(value) != Some("function") {
        return Ok(Term::Value(nodes.expr(value, place)?));
    }
    let (name, arguments) = call(value, place)?;
    let function = Function::of(name).ok_or_else(|| {
        let message = format!("unknown function {name:?}; there are {}", Function::NAMES);
        place.refuse(message)
    })?;
    let aggregate = match arguments {
        [] if function == Function::Count => Aggregate::Rows,
        [one] if function == Function::Count && op(one) == Some("star") => Aggregate::Rows,
        [one] => Aggregate::Of(function, nodes.expr(one, &place.member("args").index(0))?),
        _ => return Err(place.member("args").refuse("must be one expression")),
    };
    Ok(Term::Aggregate(aggregate))
}

/// Reads the object of a query: a call, or its text, such as `dataset('<id>')`.
fn source(from: &Value, place: &Place<'_>) -> Result<Destination, QueryError> {
    if let Value::String(text) = from {
        return sql::source(text).map_err(|error| error.within(&place.to_string()));
    }
    if op(from) != Some("function") {
        return Err(place.refuse("must call a function on one object's id"));
    }
    let (name, arguments) = call(from, place)?;
    let place = place.member("args");
    let [argument] = arguments else {
        return Err(place.refuse("must be the id of one object"));
    };
    let id = match argument {
        Value::Object(node) if op(argument) == Some("literal") => node.get("value"),
        other => Some(other),
    };
    let id = id.and_then(Value::as_str).filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| place.index(0).refuse("must be a literal: the object's id"))?;
    Destination::from_kind(name, id).ok_or_else(|| {
        let message = format!(
            "unknown object {name:?}: use experiment, project_logs, dataset or playground_logs"
        );
        place.refuse(message)
    })
}

/// Takes a call apart into its name and its arguments.
fn call<'v>(value: &'v Value, place: &Place<'_>) -> Result<(&'v str, &'v [Value]), QueryError> {
    let object = value.as_object().ok_or_else(|| place.refuse("must be an object"))?;
    place.only(object, &["op", "name", "args", "shape", "loc"])?;
    if let Some(shape) = present(object, "shape")
        && shape != "spans"
    {
        return Err(place.member("shape").refuse("only \"spans\" is supported"));
    }
    let name = object.get("name").and_then(|name| match name {
        Value::String(name) => Some(name.as_str()),
        node => match node.get("name")?.as_array()?.as_slice() {
            [name] => name.as_str(),
            _ => None,
        },
    });
    let name = name.ok_or_else(|| place.member("name").refuse("must be an ident of one name"))?;
    let arguments = match object.get("args") {
        Some(Value::Array(arguments)) => arguments.as_slice(),
        None | Some(Value::Null) => &[],
        Some(_) => return Err(place.member("args").refuse("must be a list")),
    };
    Ok((name, arguments))
}

fn keys<T>(
    entries: &Value,
    place: &Place<'_>,
    mut one: impl FnMut(&Value, &Place<'_>) -> Result<T, QueryError>,
) -> Result<Vec<T>, QueryError> {
    let entries = list(entries, place)?;
    if entries.len() > MAX_KEYS {
        return Err(place.refuse(format!("more than {MAX_KEYS} expressions")));
    }
    let entries = entries.iter().enumerate();
    entries.map(|(index, entry)| one(entry, &place.index(index))).collect()
}

/// A member that is there and not null.
pub(super) fn present<'v>(object: &'v Object, name: &str) -> Option<&'v Value> {
    object.get(name).filter(|value| !value.is_null())
}

pub(super) fn op(node: &Value) -> Option<&str> {
    node.get("op")?.as_str()
}

pub(super) fn list<'v>(value: &'v Value, place: &Place<'_>) -> Result<&'v [Value], QueryError> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| place.refuse("must be a list"))
}

pub(super) fn text(value: &Value, place: &Place<'_>) -> Result<String, QueryError> {
    value.as_str().map(str::to_owned).ok_or_else(|| place.refuse("must be a text"))
}

pub(super) fn whole_number(
    value: &Value,
    least: u64,
    place: &Place<'_>,
) -> Result<usize, QueryError> {
    let number = value.as_u64().filter(|&number| number >= least);
    let number = number.and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| {
        let least = if least == 0 { "" } else { " above zero" };
        place.refuse(format!("must be a whole number{least}"))
    })
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
