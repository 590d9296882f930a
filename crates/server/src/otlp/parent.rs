//! Where spans go: the header `x-bt-parent` and the attribute `braintrust.parent`.

use serde_json::{Map, Value};
use tidegate_model::Row;
use tidegate_model::slug::{ObjectRef, ObjectType, RowIds, SpanComponents};

/// Bytes of what a slug hands down to each row below its span. A request of ten thousand spans
/// has as many copies.
const EVENT_BYTES: usize = 4 << 10;

/// Where spans are sent: an object, and the span in it that they are below.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parent {
    pub(crate) object: ParentObject,
    pub(crate) above: Option<Above>,
}

/// A span that others are below.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Above {
    row: RowIds,
    /// What every span below records too.
    event: Map<String, Value>,
}

/// An object that spans are sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ParentObject {
    /// The logs of a project, by id.
    ProjectId(String),
    /// The logs of a project by name, which is made if there is none.
    ProjectName(String),
    /// An experiment, by id.
    ExperimentId(String),
    /// A playground, by id.
    PlaygroundId(String),
}

/// A text that names no object.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "parent {text:?} is not understood ({why}); write project_name:<name>, project_id:<id>, \
     experiment_id:<id>, playground_id:<id>, or what export() of a span gave"
)]
pub(crate) struct ParentFault {
    text: String,
    why: String,
}

impl Parent {
    /// Reads `kind:value`, or the slug of an exported span or object.
    pub(crate) fn parse(text: &str) -> Result<Self, ParentFault> {
        let text = text.trim();
        // As much as is needed to recognize it.
        let fault = |why: String| ParentFault { text: text.chars().take(80).collect(), why };
        let Some((kind, value)) = text.split_once(':') else {
            return Self::of_slug(text).map_err(fault);
        };
        let value = value.trim().to_owned();
        if value.is_empty() {
            return Err(fault("nothing follows the colon".into()));
        }
        let object = match kind {
            "project_id" => ParentObject::ProjectId(value),
            "project_name" => ParentObject::ProjectName(value),
            "experiment_id" => ParentObject::ExperimentId(value),
            "playground_id" => ParentObject::PlaygroundId(value),
            _ => return Err(fault("it starts with another word".into())),
        };
        Ok(Self { object, above: None })
    }

    fn of_slug(text: &str) -> Result<Self, String> {
        let slug: SpanComponents = text.parse().map_err(|error| format!("{error}"))?;
        let object = match (slug.object_type, slug.object) {
            (ObjectType::Experiment, ObjectRef::Id(id)) => ParentObject::ExperimentId(id),
            (ObjectType::ProjectLogs, ObjectRef::Id(id)) => ParentObject::ProjectId(id),
            (ObjectType::PlaygroundLogs, ObjectRef::Id(id)) => ParentObject::PlaygroundId(id),
            (kind, ObjectRef::Lookup(lookup)) => {
                let text = |name| lookup.get(name).and_then(Value::as_str).map(str::to_owned);
                let id = text("project_id").map(ParentObject::ProjectId);
                let named = id.or_else(|| text("project_name").map(ParentObject::ProjectName));
                named
                    .filter(|_| kind == ObjectType::ProjectLogs)
                    .or_else(|| text("experiment_id").map(ParentObject::ExperimentId))
                    .ok_or("the slug names no object by id or name")?
            }
        };
        let mut event = slug.propagated_event.unwrap_or_default();
        event.retain(|name, _| HANDED_DOWN.contains(&name.as_str()));
        if Value::from(event.clone()).to_string().len() > EVENT_BYTES {
            return Err(format!("what it hands down has more than {EVENT_BYTES} bytes"));
        }
        let above = slug.row.map(|row| Above { row, event });
        Ok(Self { object, above })
    }
}

/// Members that a slug hands down to the spans below; the others are a row's own.
const HANDED_DOWN: [&str; 2] = ["span_attributes", "metadata"];

impl Above {
    /// Puts a span below this one: into its trace, and if it has no parent yet, as a child.
    pub(crate) fn adopt(&self, row: &mut Row) {
        row.insert("root_span_id".into(), self.row.root_span_id.as_str().into());
        let orphan = row.get("span_parents").and_then(Value::as_array).is_none_or(Vec::is_empty);
        if orphan {
            let parents = vec![Value::from(self.row.span_id.as_str())];
            row.insert("span_parents".into(), parents.into());
        }
        for (name, handed) in &self.event {
            let Value::Object(handed) = handed else { continue };
            let own = row.entry(name.as_str()).or_insert_with(|| Map::new().into());
            if let Value::Object(own) = own {
                for (name, value) in handed {
                    own.entry(name.as_str()).or_insert_with(|| value.clone());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parents_are_kind_and_value() {
        let read = |text: &str| Parent::parse(text).ok().map(|parent| parent.object);
        let name = ParentObject::ProjectName("a:b".into());
        assert_eq!(read("project_name: a:b "), Some(name));
        assert_eq!(read("project_id:p"), Some(ParentObject::ProjectId("p".into())));
        assert_eq!(read("experiment_id:e"), Some(ParentObject::ExperimentId("e".into())));
        assert_eq!(read("playground_id:s"), Some(ParentObject::PlaygroundId("s".into())));
        for bad in ["", "project_name", "project_name:", "project_id: ", "dataset_id:d", "AwEB=="] {
            let error = Parent::parse(bad).expect_err(bad).to_string();
            assert!(error.contains("experiment_id:<id>"), "{error}");
        }
    }

    #[test]
    fn spans_go_below_an_exported_one() {
        let row = RowIds {
            row_id: "r".into(),
            span_id: "b7ad6b7169203331".into(),
            root_span_id: "0af7651916cd43dd8448eb211c80319c".into(),
        };
        let event = json!({"span_attributes": {"purpose": "scorer", "name": "x"}, "id": "evil"});
        let mut slug = SpanComponents {
            object_type: ObjectType::ProjectLogs,
            object: ObjectRef::Lookup(Map::from_iter([("project_name".into(), "p".into())])),
            row: Some(row),
            propagated_event: event.as_object().cloned(),
        };
        let parent = Parent::parse(&slug.to_string()).expect("a parent");
        assert_eq!(parent.object, ParentObject::ProjectName("p".into()));
        let above = parent.above.expect("a span");
        let row = json!({"id": "a", "root_span_id": "t", "span_parents": ["s"],
            "span_attributes": {"name": "own"}});
        let mut row = row.as_object().cloned().expect("an object");
        above.adopt(&mut row);
        let mut adopted = json!({"id": "a", "root_span_id": "0af7651916cd43dd8448eb211c80319c",
            "span_parents": ["s"], "span_attributes": {"name": "own", "purpose": "scorer"}});
        assert_eq!(Value::from(row.clone()), adopted);
        row.insert("span_parents".into(), json!([]));
        above.adopt(&mut row);
        adopted["span_parents"] = json!(["b7ad6b7169203331"]);
        assert_eq!(Value::from(row), adopted);

        let long = json!({"metadata": {"a": "x".repeat(5_000)}});
        slug.propagated_event = long.as_object().cloned();
        let error = Parent::parse(&slug.to_string()).expect_err("too long").to_string();
        assert!(error.contains("more than 4096 bytes"), "{error}");
    }
}
