//! What the fetch routes take instead of a query.

use serde_json::{Map, Value};
use tidegate_model::Destination;

use super::ast::{Comparison, Expr, Query, QueryError};
use super::json::{list, present, text, whole_number};
use super::json_expr::path;
use super::place::Place;

/// The body of a fetch: `limit`, `cursor`, `version` and `filters`, all of which may be null.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Paging(Map<String, Value>);

impl Paging {
    /// Reads the parameters of a URL, where numbers are texts.
    pub(crate) fn from_texts(
        limit: Option<String>,
        cursor: Option<String>,
        version: Option<String>,
    ) -> Self {
        let number = |text: String| text.parse::<u64>().map_or(Value::String(text), Value::from);
        let members = [
            ("limit", limit.map(number)),
            ("cursor", cursor.map(Value::from)),
            ("version", version.map(Value::from)),
        ];
        let present = members.into_iter().filter_map(|(name, value)| Some((name.into(), value?)));
        Self(present.collect())
    }
}

impl Query {
    /// Reads rows of an object, as the fetch routes do.
    pub(crate) fn of(object: Destination, Paging(body): &Paging) -> Result<Self, QueryError> {
        let root = Place::root();
        for (name, value) in body {
            let known = matches!(name.as_str(), "limit" | "cursor" | "version" | "filters");
            if !known && !value.is_null() {
                let message = "is not supported; known are limit, cursor, version and filters";
                return Err(root.member(name).refuse(message));
            }
        }
        let mut query = Self::all(object);
        if let Some(limit) = present(body, "limit") {
            query.limit = Some(whole_number(limit, 1, &root.member("limit"))?);
        }
        if let Some(cursor) = present(body, "cursor") {
            query.cursor = Some(text(cursor, &root.member("cursor"))?);
        }
        if let Some(version) = present(body, "version") {
            query.version = Some(text(version, &root.member("version"))?);
        }
        if let Some(filters) = present(body, "filters") {
            let place = root.member("filters");
            let filters = list(filters, &place)?.iter().enumerate();
            let all = filters.map(|(index, filter)| lookup(filter, &place.index(index)));
            query.filter = Some(Expr::And(all.collect::<Result<_, _>>()?));
        }
        Ok(query)
    }
}

/// Reads `{"type": "path_lookup", "path": ["input"], "value": …}`: the member equals the value.
fn lookup(filter: &Value, place: &Place<'_>) -> Result<Expr, QueryError> {
    let object = filter.as_object().ok_or_else(|| place.refuse("must be an object"))?;
    place.only(object, &["type", "path", "value"])?;
    if object.get("type").is_none_or(|kind| kind != "path_lookup") {
        return Err(place.member("type").refuse("must be \"path_lookup\""));
    }
    let path = path(object.get("path").unwrap_or(&Value::Null), &place.member("path"))?;
    let value = object.get("value").cloned().unwrap_or(Value::Null);
    Ok(if value.is_null() {
        Expr::IsNull(Box::new(path))
    } else {
        Expr::Compare(Comparison::Eq, Box::new(path), Box::new(Expr::Literal(value)))
    })
}
