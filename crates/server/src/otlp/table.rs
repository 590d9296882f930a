//! The tables of `docs/otlp.md` against the code: every line is a span and what becomes of it, and
//! everything the code knows has a line.

use opentelemetry_proto::tonic::trace::v1::span::Event;
use serde_json::{Map, Value, json};

use super::conventions::{
    CONTENT_EVENTS, DETAILS_EVENT, Form, INPUT, INPUT_EVENTS, METADATA, METRICS, OUTPUT,
    OUTPUT_EVENT, TOKEN_EVENTS, TYPES,
};
use super::origin::Origin;
use super::span::row;
use super::tests::{attributes, failed, span};

const DOCUMENT: &str = include_str!("../../../../docs/otlp.md");

/// A line of a table.
struct Line<'a> {
    section: &'a str,
    /// The attribute or event; of a flat list with `.N`.
    name: &'a str,
    example: Value,
    member: &'a str,
    value: Value,
}

fn lines() -> Vec<Line<'static>> {
    let mut section = "";
    let mut lines = Vec::new();
    for text in DOCUMENT.lines() {
        if let Some(title) = text.strip_prefix("### ") {
            section = title;
        }
        let cells: Vec<_> = text.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, _, example, member, value] = cells[..] else { continue };
        if !name.starts_with('`') {
            continue;
        }
        let code = |cell: &'static str| cell.trim_matches('`');
        let json = |cell: &'static str| {
            serde_json::from_str(code(cell)).unwrap_or_else(|error| panic!("{text}: {error}"))
        };
        let name = name.split(", ").next().map_or("", code);
        let (example, value) = (json(example), json(value));
        lines.push(Line { section, name, example, member: code(member), value });
    }
    lines
}

#[test]
fn every_line_of_the_tables_is_what_the_code_does() {
    let lines = lines();
    assert!(lines.len() > 120, "only {} lines were understood", lines.len());
    let mut wrong = Vec::new();
    for Line { section, name, example, member, value } in &lines {
        let given = match example.as_object() {
            Some(given) => given.clone(),
            None => Map::from_iter([((*name).to_owned(), example.clone())]),
        };
        let mut sent = span("1");
        if *section == "Events" {
            sent = failed(sent);
            sent.events = vec![Event {
                time_unix_nano: sent.start_time_unix_nano + 500_000_000,
                name: (*name).to_owned(),
                attributes: attributes(&given),
                ..Event::default()
            }];
        } else {
            sent.attributes = attributes(&given);
        }
        let row = Value::Object(row(&Origin::default(), sent).expect("a row").row);
        let found = match member.split_once('.') {
            Some((outer, inner)) => &row[outer][inner],
            None => &row[*member],
        };
        if found != value {
            wrong.push(format!("{name}: {member} is {found}, not {value}"));
        }
        // Mapped attributes are not kept twice, but for those that say more than the type does.
        let stays = *section == "Type of a span" || *member == format!("metadata.{name}");
        for name in given.keys().filter(|_| *section != "Events") {
            if row["metadata"].get(name).is_some() != stays {
                wrong.push(format!(
                    "{name}: in the metadata should be {stays}: {}",
                    row["metadata"]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn everything_the_code_knows_has_a_line() {
    let lines = lines();
    let mut missing = Vec::new();
    let mut need = |name: &str, member: &str| {
        if !lines.iter().any(|line| line.name == name && line.member == member) {
            missing.push(format!("{name} -> {member}"));
        }
    };
    METRICS.iter().for_each(|(name, member)| need(name, &format!("metrics.{member}")));
    METADATA.iter().for_each(|(name, member)| need(name, &format!("metadata.{member}")));
    for (table, member) in [(INPUT, "input"), (OUTPUT, "output")] {
        for (name, form) in table {
            let name = if *form == Form::List { format!("{name}.N") } else { (*name).to_owned() };
            need(&name, member);
        }
    }
    INPUT_EVENTS.iter().for_each(|(name, _)| need(name, "input"));
    need(OUTPUT_EVENT, "output");
    need(CONTENT_EVENTS[0].0, "input");
    need(CONTENT_EVENTS[1].0, "output");
    need(DETAILS_EVENT, "input");
    TOKEN_EVENTS.iter().for_each(|name| need(name, "metrics.time_to_first_token"));
    for (name, words) in TYPES {
        for (word, kind) in words {
            let has = lines.iter().any(|line| {
                line.name == name && line.example == json!(word) && line.value == json!(kind)
            });
            if !has {
                missing.push(format!("{name} = {word} -> {kind}"));
            }
        }
    }
    assert!(missing.is_empty(), "without a line in docs/otlp.md: {missing:#?}");
}
