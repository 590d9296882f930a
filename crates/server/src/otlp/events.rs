//! A span's events: messages, exceptions, first tokens; the rest is kept.

use opentelemetry_proto::tonic::trace::v1::span::Event;
use serde_json::{Map, Value, json};

use super::attributes::Attributes;
use super::conventions::{CONTENT_EVENTS, DETAILS_EVENT, INPUT_EVENTS, OUTPUT_EVENT, TOKEN_EVENTS};
use super::span::time_text;
use super::value;

/// What the events of a span say.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) input: Option<Value>,
    pub(super) output: Option<Value>,
    /// Nanoseconds since 1970.
    pub(super) first_token: Option<u64>,
    /// Type, message and stack of the last exception.
    pub(super) exception: Option<String>,
    /// All that is not a message, in order.
    pub(super) rest: Vec<Value>,
}

/// Sorts the events; what one of them says about the whole call becomes attributes.
pub(super) fn read(events: Vec<Event>, attributes: &mut Attributes) -> Events {
    let mut read = Events::default();
    let (mut asked, mut chosen) = (Vec::new(), Vec::new());
    for Event { time_unix_nano, name, attributes: own, .. } in events {
        let mut own = value::object(own);
        if let Some((_, role)) = INPUT_EVENTS.iter().find(|(event, _)| *event == name) {
            asked.push(message(own, role));
        } else if name == OUTPUT_EVENT {
            chosen.push(choice(own));
        } else if let Some((at, member)) = content(&name, &mut own) {
            let place = if at == 0 { &mut read.input } else { &mut read.output };
            *place = Some(value::parsed_if_nested(member));
        } else if name == DETAILS_EVENT {
            for (name, value) in own {
                attributes.put(name, value);
            }
        } else if TOKEN_EVENTS.contains(&name.as_str()) {
            // One per chunk of a stream: only the first tells something.
            read.first_token.get_or_insert(time_unix_nano);
        } else {
            if name == "exception" {
                read.exception = exception(&own).or(read.exception);
            }
            let mut kept = json!({"name": name, "time": time_text(time_unix_nano)});
            if !own.is_empty() {
                kept["attributes"] = own.into();
            }
            read.rest.push(kept);
        }
    }
    if !asked.is_empty() {
        read.input = Some(asked.into());
    }
    if !chosen.is_empty() {
        read.output = Some(chosen.into());
    }
    read
}

fn content(name: &str, own: &mut Map<String, Value>) -> Option<(usize, Value)> {
    let at = CONTENT_EVENTS.iter().position(|(event, _)| *event == name)?;
    Some((at, own.shift_remove(CONTENT_EVENTS[at].1)?))
}

/// `content`, `tool_calls` and the like, with the role of the event unless it says another.
fn message(mut own: Map<String, Value>, role: &str) -> Value {
    let role = own.shift_remove("role").unwrap_or_else(|| role.into());
    let mut message = Map::from_iter([("role".to_owned(), role)]);
    for (name, member) in own {
        // Said by the span already.
        if name != "gen_ai.system" && name != "gen_ai.provider.name" {
            message.insert(name, value::parsed_if_nested(member));
        }
    }
    message.into()
}

fn choice(own: Map<String, Value>) -> Value {
    let mut choice = Map::new();
    for (name, member) in own {
        if name != "gen_ai.system" && name != "gen_ai.provider.name" {
            choice.insert(name, value::parsed_if_nested(member));
        }
    }
    choice.into()
}

fn exception(own: &Map<String, Value>) -> Option<String> {
    let text = |name: &str| {
        own.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
    };
    let (kind, said) = (text("exception.type"), text("exception.message"));
    let head = match (kind, said) {
        (Some(kind), Some(said)) => format!("{kind}: {said}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => return None,
    };
    Some(match text("exception.stacktrace") {
        Some(stack) => format!("{head}\n\n{stack}"),
        None => head,
    })
}
