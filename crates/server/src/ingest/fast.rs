//! Decoding without trees: one pass over the body finds the rows and their members, and a plain
//! row is stored as the text it came as.
//!
//! Gives up on anything unusual, so that every rule about such bodies has one place, the slow way
//! in [`super::decode`]. Whatever this way decodes, that one decodes to the same (tested).

use std::borrow::Cow;

use tidegate_model::merge::CONTROL_MEMBERS;
use tidegate_model::{Destination, Row, RowId};

use super::decode::{self, Decoded};
use super::scan::Scanner;
use crate::clock;
use crate::store::{Body, Change, Document, RowWrite, SERVER_MEMBERS, Trace, created_us};

/// Members of a row; looking for doubles takes time with the square of it.
const MEMBERS: usize = 40;

/// Bytes of a small row, for a first guess of how many there are.
const ROW_BYTES: usize = 256;

/// Members that say where a row belongs.
const PLACE_MEMBERS: [&str; 5] =
    ["experiment_id", "dataset_id", "prompt_session_id", "project_id", "log_id"];

/// Decodes a body; `None` if it is faulty or unusual.
pub(super) fn decode(text: &str) -> Option<Decoded> {
    let mut scanner = Scanner::new(text);
    let mut decoded = None;
    scanner.take(b'{')?;
    loop {
        match scanner.key()? {
            ("rows", _) if decoded.is_none() => decoded = Some(rows(&mut scanner, text)?),
            ("rows", _) | (_, true) => return None,
            _ => drop(scanner.value(1)?),
        }
        if !scanner.take_if(b',') {
            break;
        }
    }
    scanner.take(b'}')?;
    decoded.filter(|_| scanner.at_end())
}

fn rows<'a>(scanner: &mut Scanner<'a>, text: &'a str) -> Option<Decoded> {
    let guess = (text.len() / ROW_BYTES + 1).min(decode::ROWS);
    let mut decoded = Decoded { ids: Vec::with_capacity(guess), writes: Vec::with_capacity(guess) };
    scanner.take(b'[')?;
    if scanner.take_if(b']') {
        return Some(decoded);
    }
    let mut row = Members::default();
    let mut place = Place::default();
    loop {
        scanner.peek()?;
        if decoded.ids.len() == decode::ROWS {
            return None;
        }
        let start = scanner.at();
        let usual = row.read(scanner)?;
        let raw = &text[start..scanner.at()];
        let (id, write) = if usual {
            let id = row.id()?;
            let (destination, id_of_row) = (place.of(&row)?, RowId::from(id.as_ref()));
            (id, RowWrite { destination, id: id_of_row, change: row.change(raw)? })
        } else {
            let (id, write) = decode::one(raw).ok()?;
            (Cow::Owned(id), write)
        };
        decoded.ids.push(id.into_owned());
        decoded.writes.push(write);
        if !scanner.take_if(b',') {
            scanner.take(b']')?;
            return Some(decoded);
        }
    }
}

/// A member as it is written: the key without quotes, the value, and both with what is between.
struct Member<'a> {
    key: &'a str,
    value: &'a str,
    whole: &'a str,
}

/// The members of one row; used for one after another.
#[derive(Default)]
struct Members<'a>(Vec<Member<'a>>);

impl<'a> Members<'a> {
    /// Takes an object; `false` if it has many members, one twice, or escapes in a key.
    fn read(&mut self, scanner: &mut Scanner<'a>) -> Option<bool> {
        self.0.clear();
        let mut usual = true;
        scanner.take(b'{')?;
        if scanner.take_if(b'}') {
            return Some(true);
        }
        loop {
            scanner.peek()?;
            let start = scanner.at();
            let (key, escaped) = scanner.key()?;
            let value = scanner.value(1)?;
            usual &= !escaped && self.0.len() < MEMBERS && self.get(key).is_none();
            if usual {
                self.0.push(Member { key, value, whole: scanner.since(start) });
            }
            if !scanner.take_if(b',') {
                scanner.take(b'}')?;
                return Some(usual);
            }
        }
    }

    /// Returns a value as it is written.
    fn get(&self, key: &str) -> Option<&'a str> {
        self.0.iter().find(|member| member.key == key).map(|member| member.value)
    }

    /// Returns a value unless it is null.
    fn some(&self, key: &str) -> Option<&'a str> {
        self.get(key).filter(|value| *value != "null")
    }

    fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        let quoted = self.get(key).filter(|value| value.starts_with('"'))?;
        if quoted.contains('\\') {
            return serde_json::from_str::<String>(quoted).ok().map(Cow::Owned);
        }
        Some(Cow::Borrowed(&quoted[1..quoted.len() - 1]))
    }

    fn id(&self) -> Option<Cow<'a, str>> {
        self.text("id").filter(|id| !id.is_empty())
    }

    /// What the row asks for; `raw` is its text.
    fn change(&self, raw: &str) -> Option<Change> {
        let flag = |key| self.get(key) == Some("true");
        Some(match (flag("_object_delete"), flag("_is_merge")) {
            (true, _) => Change::Delete,
            (false, true) => Change::Merge(serde_json::from_str::<Row>(raw).ok()?),
            (false, false) => Change::Replace(self.document(raw)),
        })
    }

    fn document(&self, raw: &str) -> Document {
        let created = self.some("created").is_some();
        let stripped = |key: &str| {
            CONTROL_MEMBERS.contains(&key)
                || SERVER_MEMBERS.contains(&key)
                || (key == "created" && !created)
        };
        let text = if created && !self.0.iter().any(|member| stripped(member.key)) {
            Cow::Borrowed(raw)
        } else {
            let mut text = String::with_capacity(raw.len() + 48);
            for member in self.0.iter().filter(|member| !stripped(member.key)) {
                text.push(if text.is_empty() { '{' } else { ',' });
                text.push_str(member.whole);
            }
            if !created {
                // There is an id before it.
                text.push_str(",\"created\":\"");
                text.push_str(&clock::now_text());
                text.push('"');
            }
            text.push('}');
            Cow::Owned(text)
        };
        let comment = self.get("comment").is_some() && self.get("span_id").is_none();
        Document {
            created_us: created_us(self.text("created").as_deref()),
            is_root: self.is_root() && !comment,
            trace: self.text("root_span_id").map_or(Trace::None, |text| Trace::of(&text)),
            body: Body::of(text),
        }
    }

    /// As [`tidegate_model::row::is_root`].
    fn is_root(&self) -> bool {
        let no_parents = self.some("span_parents").is_none_or(|parents| {
            parents.strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with(']'))
        });
        no_parents && self.some("_parent_id").is_none()
    }
}

/// Where the row before belonged: mostly where the next one does.
#[derive(Default)]
struct Place<'a> {
    members: [Option<&'a str>; 5],
    destination: Option<Destination>,
}

impl<'a> Place<'a> {
    fn of(&mut self, row: &Members<'a>) -> Option<Destination> {
        let members = PLACE_MEMBERS.map(|key| row.get(key));
        if self.destination.is_none() || self.members != members {
            let mut given = Row::new();
            for (key, value) in PLACE_MEMBERS.into_iter().zip(members) {
                if let Some(value) = value {
                    given.insert(key.into(), serde_json::from_str(value).ok()?);
                }
            }
            self.destination = Some(Destination::of(&given).ok()?);
            self.members = members;
        }
        self.destination.clone()
    }
}
