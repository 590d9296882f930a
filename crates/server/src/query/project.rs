//! From the text of a row to what expressions see of it, and to a row of the answer.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::eval::{self, View};
use super::plan::{Output, Plan};
use crate::store::ScannedRow;

/// A stored row that is not JSON.
#[derive(Debug)]
pub(super) struct Fault(pub(super) serde_json::Error);

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self(error)
    }
}

/// What the filter and the sort of a plan need of a row; `None` if it does not pass the filter.
pub(super) fn view(plan: &Plan, row: &ScannedRow<'_>) -> Result<Option<View>, Fault> {
    let view = members(row, &plan.members)?;
    let passes = plan.filter.as_ref().is_none_or(|filter| eval::truth(filter, &view) == Some(true));
    Ok(passes.then_some(view))
}

/// Parses some members of a row and skips the others, which are most of the bytes.
fn members(row: &ScannedRow<'_>, wanted: &BTreeSet<String>) -> Result<View, Fault> {
    let mut members = Map::new();
    if !wanted.is_empty() {
        let mut json = serde_json::Deserializer::from_str(row.text);
        members = Members(wanted).deserialize(&mut json)?;
        // Not in the document, whatever a client sent.
        if wanted.contains("_xact_id") {
            members.insert("_xact_id".into(), row.xact.to_string().into());
        }
        if wanted.contains("is_root") {
            members.insert("is_root".into(), row.is_root.into());
        }
    }
    Ok(View { members, created_us: row.created_us })
}

/// Writes a row of the answer. `view` is of the same row.
pub(super) fn render(output: &Output, row: &ScannedRow<'_>, view: &View) -> Result<String, Fault> {
    match output {
        // Parsing the whole row to add two members would cost most of the time of a read. A
        // document always has members: id and created at least.
        Output::Star => {
            let (xact, is_root) = (row.xact, row.is_root);
            let rest = row.text.strip_prefix('{').unwrap_or(row.text);
            Ok(format!("{{\"_xact_id\":\"{xact}\",\"is_root\":{is_root},{rest}"))
        }
        Output::Columns { columns, members: wanted } => {
            let complete = wanted.iter().all(|name| view.members.contains_key(name));
            let parsed = if complete { None } else { Some(members(row, wanted)?) };
            let view = parsed.as_ref().unwrap_or(view);
            let columns = columns.iter();
            let columns =
                columns.map(|(name, expr)| (name.clone(), eval::value(expr, view).into_owned()));
            Ok(Value::Object(columns.collect()).to_string())
        }
    }
}

/// Reads an object's wanted members.
struct Members<'a>(&'a BTreeSet<String>);

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key_seed(Name(self.0))? {
            match name {
                Some(name) => drop(members.insert(name.to_owned(), map.next_value()?)),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(members)
    }
}

/// Reads a member's name without keeping it, unless it is wanted.
struct Name<'a>(&'a BTreeSet<String>);

impl<'de, 'a> DeserializeSeed<'de> for Name<'a> {
    type Value = Option<&'a str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<'a> Visitor<'_> for Name<'a> {
    type Value = Option<&'a str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.get(name).map(String::as_str))
    }
}
