//! Lists that are written flat: `llm.input_messages.0.message.role` and the like.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::value;

/// How many parts of a name are taken apart; the rest of it is one name.
const PARTS: usize = 12;

/// Names that OpenInference wraps each item of a list in.
const WRAPPERS: [&str; 6] =
    ["message", "tool_call", "message_content", "document", "prompt", "completion"];

/// Texts that hold JSON.
const JSON_MEMBERS: [&str; 2] = ["json_schema", "metadata"];

#[derive(Default)]
struct Node {
    value: Option<Value>,
    /// By number or by name; numbers come first, in their order.
    members: BTreeMap<Part, Node>,
    /// Names in the order they came in.
    order: usize,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u64),
    Name(String),
}

impl Part {
    fn of(text: &str) -> Self {
        // `+1` and `01` are names.
        let number = text.parse::<u64>().ok().filter(|number| number.to_string() == text);
        number.map_or_else(|| Self::Name(text.to_owned()), Self::Number)
    }
}

/// Builds the list from names without their common start, as in `0.message.role`. Gaps between
/// the numbers are closed.
pub(super) fn list(entries: Vec<(String, Value)>) -> Value {
    let mut root = Node::default();
    for (at, (name, value)) in entries.into_iter().enumerate() {
        let mut node = &mut root;
        for part in name.splitn(PARTS, '.') {
            node = node.members.entry(Part::of(part)).or_default();
            if node.value.is_none() && node.members.is_empty() && node.order == 0 {
                node.order = at + 1;
            }
        }
        node.value = Some(value);
    }
    root.build()
}

impl Node {
    fn build(self) -> Value {
        if self.members.is_empty() {
            return self.value.unwrap_or_default();
        }
        if self.value.is_none() && self.members.keys().all(|part| matches!(part, Part::Number(_))) {
            return self.members.into_values().map(|item| unwrap(item.build())).collect();
        }
        let mut members: Vec<_> = self.members.into_iter().collect();
        members.sort_by_key(|(_, node)| node.order);
        let mut object = Map::new();
        // `a` and `a.b` in one span: the former becomes a member without a name.
        if let Some(value) = self.value {
            object.insert(String::new(), value);
        }
        for (part, node) in members {
            let name = match part {
                Part::Number(number) => number.to_string(),
                Part::Name(name) => name,
            };
            let mut member = node.build();
            if JSON_MEMBERS.contains(&name.as_str()) {
                member = value::parsed_if_nested(member);
            }
            object.insert(name, member);
        }
        object.into()
    }
}

/// Takes the wrapper off an item: `{"message": {"role": …}}` is `{"role": …}`.
fn unwrap(item: Value) -> Value {
    let Value::Object(mut members) = item else { return item };
    let mut inner = None;
    for wrapper in WRAPPERS {
        if let Some(Value::Object(found)) = members.get(wrapper) {
            inner = Some(found.clone());
            members.shift_remove(wrapper);
            break;
        }
    }
    let Some(mut inner) = inner else { return members.into() };
    // `contents` is the list form of `content`.
    if !inner.contains_key("content")
        && let Some(contents) = inner.shift_remove("contents")
    {
        inner.insert("content".into(), contents);
    }
    if let Some(Value::Object(image)) = inner.get_mut("image")
        && let Some(Value::Object(found)) = image.shift_remove("image")
    {
        image.extend(found);
    }
    for (name, member) in members {
        inner.entry(name).or_insert(member);
    }
    inner.into()
}
