//! What spans of one resource and scope share.

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use serde_json::{Map, Value, json};

use super::value;

/// Bytes of resource and scope that each row may carry. A row for each span has a copy: without
/// a bound, a body of a megabyte could become gigabytes.
const SHARED_BYTES: usize = 16 << 10;
/// Bytes of a scope's name and of its version; longer ones are left out.
const SCOPE_BYTES: usize = 1_024;
/// Attributes without room that are told by name.
pub(super) const NAMES: usize = 8;

/// A resource as rows carry it.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    attributes: Map<String, Value>,
    /// Bytes that may still be added.
    left: usize,
    left_out: Vec<String>,
}

impl Shared {
    pub(super) fn new(resource: Resource) -> Self {
        let mut shared = Self { attributes: Map::new(), left: SHARED_BYTES, left_out: Vec::new() };
        shared.attributes = shared.fit(value::object(resource.attributes));
        shared
    }

    /// Keeps what there is room for.
    fn fit(&mut self, attributes: Map<String, Value>) -> Map<String, Value> {
        let mut kept = Map::new();
        for (name, value) in attributes {
            let bytes = name.len() + value.to_string().len();
            if bytes <= self.left {
                self.left -= bytes;
                kept.insert(name, value);
            } else if self.left_out.len() < NAMES {
                self.left_out.push(name.chars().take(80).collect());
            }
        }
        kept
    }
}

/// Where spans come from, as rows say it.
#[derive(Debug, Default)]
pub(super) struct Origin {
    /// `metadata.resource`.
    pub(super) resource: Map<String, Value>,
    /// `metadata.scope`: attributes of the scope.
    pub(super) scope: Map<String, Value>,
    /// `context`.
    pub(super) context: Map<String, Value>,
    /// Names of the first attributes that were too large to be kept.
    pub(super) left_out: Vec<String>,
}

impl Origin {
    pub(super) fn new(mut shared: Shared, scope: InstrumentationScope) -> Self {
        let attributes = shared.fit(value::object(scope.attributes));
        let short = |text: String| if text.len() <= SCOPE_BYTES { text } else { String::new() };
        let (name, version) = (short(scope.name), short(scope.version));
        let Shared { attributes: resource, left_out, .. } = shared;
        let context = context(&resource, &name, &version);
        Self { resource, scope: attributes, context, left_out }
    }
}

/// `span_origin`, as the SDKs write it: what made the spans, and the instrumentation in it.
fn context(resource: &Map<String, Value>, name: &str, version: &str) -> Map<String, Value> {
    let text = |name: &str| resource.get(name).and_then(Value::as_str);
    let sdk = text("braintrust.sdk.name").zip(Some(text("braintrust.sdk.version")));
    let sdk = sdk.or_else(|| text("telemetry.sdk.name").zip(Some(text("telemetry.sdk.version"))));
    let mut origin = Map::new();
    if let Some((name, version)) = sdk {
        origin.insert("name".into(), name.into());
        if let Some(version) = version {
            origin.insert("version".into(), version.into());
        }
    }
    if !name.is_empty() {
        let mut instrumentation = json!({ "name": name });
        if !version.is_empty() {
            instrumentation["version"] = version.into();
        }
        origin.insert("instrumentation".into(), instrumentation);
    }
    if origin.is_empty() {
        return Map::new();
    }
    Map::from_iter([("span_origin".to_owned(), origin.into())])
}
