//! Members of a row's metadata, which the index does not have: the rows are asked.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::skeleton::damaged;
use crate::store::StoreError;

/// Finds a member of `metadata` by its path; `None` if it is missing or null. What is not on the
/// path is skipped unparsed.
pub(crate) fn member(document: &str, path: &[String]) -> Result<Option<Value>, StoreError> {
    #[derive(Deserialize)]
    struct Row<'a> {
        #[serde(borrow)]
        metadata: Option<&'a RawValue>,
    }
    let row: Row<'_> = serde_json::from_str(document).map_err(|error| damaged(&error))?;
    let Some(metadata) = row.metadata else { return Ok(None) };
    let mut value: Value = serde_json::from_str(metadata.get()).map_err(|error| damaged(&error))?;
    for step in path {
        let next = match &mut value {
            Value::Object(members) => members.get_mut(step),
            Value::Array(items) => step.parse::<usize>().ok().and_then(|at| items.get_mut(at)),
            _ => None,
        };
        match next {
            Some(next) => value = next.take(),
            None => return Ok(None),
        }
    }
    Ok(Some(value).filter(|value| !value.is_null()))
}

/// What a value is called: a text as it is, anything else as JSON.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_by_their_path() {
        let document =
            r#"{"id":"r","metadata":{"model":{"name":"m","n":[1,2.5]},"flag":true,"none":null}}"#;
        let of = |path: &str| {
            let path: Vec<_> = path.split('.').map(str::to_owned).collect();
            member(document, &path).expect("JSON").as_ref().map(text)
        };
        assert_eq!(of("model.name"), Some("m".into()));
        assert_eq!(of("model.n.1"), Some("2.5".into()));
        assert_eq!(of("flag"), Some("true".into()));
        assert_eq!(of("model.n"), Some("[1,2.5]".into()));
        for missing in ["none", "other", "model.name.x", "model.n.7", "flag.x"] {
            assert_eq!(of(missing), None, "{missing}");
        }
        assert_eq!(member(r#"{"id":"r"}"#, &["a".into()]).expect("JSON"), None);
    }
}
