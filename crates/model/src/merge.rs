//! The merge rules of the protocol: how a server applies a row to what it stored, and how a
//! client coalesces rows of one key before it sends them.
//!
//! Both rest on one deep merge, and one property ties them together (tested with random
//! sequences): *coalescing any runs of a sequence of rows and applying the results stores the
//! same row as applying the sequence one by one*.
//!
//! The published clients keep that property only for deltas whose values do not change type.
//! Where an object follows a scalar within one coalesced delta, [`coalesce`] adds the path to
//! `_merge_paths`, so that the server replaces there instead of recursing into an older object.

use serde_json::Value;

use crate::row::Row;

/// Members that steer a merge and are never stored.
pub const CONTROL_MEMBERS: [&str; 4] =
    ["_is_merge", "_merge_paths", "_array_delete", "_object_delete"];

/// Members that stay as the first row set them; absent stays absent.
const FIXED_MEMBERS: [&str; 4] = ["created", "span_id", "root_span_id", "_parent_id"];

/// Keys that a merge never takes from a delta, since the JavaScript clients never do.
const DROPPED_KEYS: [&str; 3] = ["__proto__", "constructor", "prototype"];

const PARENTS: &str = "span_parents";
const TAGS: &str = "tags";

type Path = Vec<String>;

/// Applies an incoming row to the stored one and returns what is stored afterwards; `None`
/// means the row does not exist (any more).
///
/// - `_object_delete: true` deletes.
/// - `_is_merge: true` deep-merges into the stored row, or creates it from the delta.
/// - Anything else replaces.
///
/// Control members are stripped from the result.
///
/// ```
/// use serde_json::json;
/// use tidegate_model::merge::apply;
/// # let object = |v: serde_json::Value| v.as_object().unwrap().clone();
/// let stored = object(json!({"id": "r", "input": {"a": 1}}));
/// let delta = object(json!({"id": "r", "input": {"b": 2}, "_is_merge": true}));
/// let row = apply(Some(stored), delta).unwrap();
/// assert_eq!(row["input"], json!({"a": 1, "b": 2}));
/// ```
#[must_use]
pub fn apply(stored: Option<Row>, incoming: Row) -> Option<Row> {
    if flag(&incoming, "_object_delete") {
        return None;
    }
    let mut row = match stored {
        Some(mut stored) if flag(&incoming, "_is_merge") => {
            let replace = replaced_paths(&incoming);
            let deletions = incoming.get("_array_delete").cloned();
            merge_rows(&mut stored, strip(incoming), &replace, &mut None);
            if let Some(deletions) = deletions {
                delete_from_arrays(&mut stored, &deletions);
            }
            stored
        }
        _ => incoming,
    };
    for member in CONTROL_MEMBERS {
        row.shift_remove(member);
    }
    Some(row)
}

/// Joins two rows of one key into one that has the same effect, `first` being the earlier.
///
/// # Errors
/// Gives both rows back if no single row has that effect: two deltas of which one carries
/// `_array_delete`. Send them in order instead.
pub fn coalesce(first: Row, second: Row) -> Result<Row, Box<(Row, Row)>> {
    if flag(&second, "_object_delete") || !flag(&second, "_is_merge") {
        return Ok(second);
    }
    if flag(&first, "_object_delete") {
        return Ok(apply(None, second).unwrap_or_default());
    }
    if !flag(&first, "_is_merge") {
        let first = apply(None, first);
        return Ok(apply(first, second).unwrap_or_default());
    }
    if first.contains_key("_array_delete") || second.contains_key("_array_delete") {
        return Err(Box::new((first, second)));
    }
    let replace = replaced_paths(&second);
    let mut paths = replaced_paths(&first);
    for path in &replace {
        if !paths.contains(path) {
            paths.push(path.clone());
        }
    }
    let mut merged = strip(first);
    let mut paths = Some(paths);
    merge_rows(&mut merged, strip(second), &replace, &mut paths);
    merged.insert("_is_merge".into(), true.into());
    if let Some(paths) = paths.filter(|paths| !paths.is_empty()) {
        merged.insert("_merge_paths".into(), paths.into_iter().map(Value::from).collect());
    }
    Ok(merged)
}

/// Whether a control member is set to `true`.
fn flag(row: &Row, member: &str) -> bool {
    row.get(member).and_then(Value::as_bool).unwrap_or(false)
}

fn strip(mut row: Row) -> Row {
    for member in CONTROL_MEMBERS {
        row.shift_remove(member);
    }
    row
}

/// Reads `_merge_paths`, keeping only the paths at which the row has a value: the others have
/// no effect, and would get one if a coalesced row carried them along.
fn replaced_paths(row: &Row) -> Vec<Path> {
    let Some(Value::Array(paths)) = row.get("_merge_paths") else { return Vec::new() };
    paths
        .iter()
        .filter_map(|path| {
            let path = path.as_array()?;
            path.iter().map(|key| key.as_str().map(str::to_owned)).collect::<Option<Path>>()
        })
        .filter(|path| value_at(row, path).is_some())
        .collect()
}

fn value_at<'a>(row: &'a Row, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(row.get(first)?, |value, key| value.as_object()?.get(key))
}

/// Merges a delta into a row, both without control members. `learned` collects the paths at
/// which a later apply must replace; it is `None` where the target is the stored row itself.
fn merge_rows(target: &mut Row, mut delta: Row, replace: &[Path], learned: &mut Option<Vec<Path>>) {
    for member in FIXED_MEMBERS {
        delta.shift_remove(member);
    }
    // `setSpanParents` sends a new list; every other delta repeats the old one or null.
    match delta.shift_remove(PARENTS) {
        None | Some(Value::Null) => {}
        Some(parents) => {
            target.insert(PARENTS.into(), parents);
        }
    }
    merge_objects(target, delta, replace, &mut Vec::new(), learned);
}

fn merge_objects(
    target: &mut Row,
    delta: Row,
    replace: &[Path],
    path: &mut Path,
    learned: &mut Option<Vec<Path>>,
) {
    for (key, value) in delta {
        if DROPPED_KEYS.contains(&key.as_str()) {
            continue;
        }
        path.push(key.clone());
        let whole = replace.contains(path);
        let is_tags = path.len() == 1 && key == TAGS;
        match (target.get_mut(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) if !whole => {
                merge_objects(old, new, replace, path, learned);
            }
            (Some(Value::Array(old)), Value::Array(new)) if is_tags && !whole => {
                union(old, new);
            }
            (old, value) => {
                // A scalar was to replace whatever the server has; what follows it here must
                // not be merged into that older value.
                let hides_older =
                    old.is_some() && (value.is_object() || (is_tags && value.is_array()));
                if let Some(learned) = learned.as_mut()
                    && hides_older
                    && !learned.contains(path)
                {
                    learned.push(path.clone());
                }
                target.insert(key, value);
            }
        }
        path.pop();
    }
}

/// Adds the values that are not there yet, in the order they are first seen.
fn union(old: &mut Vec<Value>, new: Vec<Value>) {
    for value in new {
        if !old.contains(&value) {
            old.push(value);
        }
    }
}

fn delete_from_arrays(row: &mut Row, deletions: &Value) {
    for deletion in deletions.as_array().into_iter().flatten() {
        let (Some(path), Some(unwanted)) = (
            deletion.get("path").and_then(Value::as_array),
            deletion.get("delete").and_then(Value::as_array),
        ) else {
            continue;
        };
        let mut keys = path.iter().filter_map(Value::as_str);
        let Some(first) = keys.next() else { continue };
        let target = keys.fold(row.get_mut(first), |value, key| value?.get_mut(key));
        if let Some(Value::Array(values)) = target {
            values.retain(|value| !unwanted.contains(value));
        }
    }
}

#[cfg(test)]
mod tests;
