//! Reading the bytes of a slug.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    EVENT, LOOKUP, OBJECT_ID, ObjectRef, ObjectType, ROOT_SPAN_ID, ROW_ID, RowIds, SPAN_ID,
    SlugError, SpanComponents,
};

pub(super) fn components(bytes: &[u8]) -> Result<SpanComponents, SlugError> {
    let mut bytes = Bytes(bytes);
    match bytes.byte("version")? {
        2 => second(bytes),
        3 => third(bytes),
        4 => fourth(bytes),
        version => Err(SlugError::Version { version }),
    }
}

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn byte(&mut self, what: &'static str) -> Result<u8, SlugError> {
        let (first, rest) = self.0.split_first().ok_or(SlugError::CutOff(what))?;
        self.0 = rest;
        Ok(*first)
    }

    fn flag(&mut self, what: &'static str) -> Result<bool, SlugError> {
        match self.byte(what)? {
            0 => Ok(false),
            1 => Ok(true),
            found => Err(SlugError::Byte { what, found }),
        }
    }

    fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8], SlugError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(SlugError::CutOff(what))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], SlugError> {
        let taken = self.take(N, what)?;
        taken.try_into().map_err(|_| SlugError::CutOff(what))
    }

    fn uuid(&mut self, what: &'static str) -> Result<String, SlugError> {
        Ok(Uuid::from_bytes(self.array(what)?).to_string())
    }
}

/// Flags, then what they announce in a fixed order.
fn second(mut bytes: Bytes<'_>) -> Result<SpanComponents, SlugError> {
    let object_type = ObjectType::from_byte(bytes.byte("object type")?)?;
    let has_id = bytes.flag("mark of an object id")?;
    let has_lookup = bytes.flag("mark of a lookup")?;
    let has_row = bytes.flag("mark of a span")?;
    let row_is_uuid = bytes.flag("mark of a row id")?;
    let mut members = Map::new();
    if has_id {
        members.insert(OBJECT_ID.into(), bytes.uuid(OBJECT_ID)?.into());
    }
    if has_lookup {
        let length = u32::from_be_bytes(bytes.array(LOOKUP)?);
        let length = usize::try_from(length).map_err(|_| SlugError::CutOff(LOOKUP))?;
        let lookup: Value = serde_json::from_slice(bytes.take(length, LOOKUP)?)
            .map_err(|_| SlugError::Unreadable(LOOKUP))?;
        members.insert(LOOKUP.into(), lookup);
    }
    if has_row {
        members.insert(SPAN_ID.into(), bytes.uuid(SPAN_ID)?.into());
        members.insert(ROOT_SPAN_ID.into(), bytes.uuid(ROOT_SPAN_ID)?.into());
        let row_id = match row_is_uuid {
            true => bytes.uuid(ROW_ID)?,
            false => {
                String::from_utf8(bytes.0.to_vec()).map_err(|_| SlugError::Unreadable(ROW_ID))?
            }
        };
        members.insert(ROW_ID.into(), row_id.into());
    }
    assemble(object_type, members)
}

/// Entries of a UUID each, then JSON.
fn third(bytes: Bytes<'_>) -> Result<SpanComponents, SlugError> {
    entries(bytes, |field, bytes| Ok((name(field)?, bytes.uuid("ids")?)))
}

/// Entries of hex digits, then JSON.
fn fourth(bytes: Bytes<'_>) -> Result<SpanComponents, SlugError> {
    entries(bytes, |field, bytes| {
        let name = name(field)?;
        // What is not the span id has 16 bytes, and no dashes when it is written out: that is how
        // the published clients read it.
        let length = if name == SPAN_ID { 8 } else { 16 };
        let digits = bytes.take(length, "ids")?.iter().map(|byte| format!("{byte:02x}"));
        Ok((name, digits.collect()))
    })
}

fn entries<'a>(
    mut bytes: Bytes<'a>,
    read: impl Fn(u8, &mut Bytes<'a>) -> Result<(&'static str, String), SlugError>,
) -> Result<SpanComponents, SlugError> {
    let object_type = ObjectType::from_byte(bytes.byte("object type")?)?;
    let count = bytes.byte("number of ids")?;
    let mut members = Map::new();
    for _ in 0..count {
        let field = bytes.byte("ids")?;
        let (name, id) = read(field, &mut bytes)?;
        members.insert(name.into(), id.into());
    }
    if !bytes.0.is_empty() {
        let rest: Map<String, Value> =
            serde_json::from_slice(bytes.0).map_err(|_| SlugError::Unreadable("JSON"))?;
        members.extend(rest);
    }
    assemble(object_type, members)
}

fn name(field: u8) -> Result<&'static str, SlugError> {
    match field {
        1 => Ok(OBJECT_ID),
        2 => Ok(ROW_ID),
        3 => Ok(SPAN_ID),
        4 => Ok(ROOT_SPAN_ID),
        found => Err(SlugError::Byte { what: "name of an id", found }),
    }
}

/// Null and empty text count as absent, as they do for the published clients; so does a member
/// that they do not know.
fn assemble(
    object_type: ObjectType,
    mut members: Map<String, Value>,
) -> Result<SpanComponents, SlugError> {
    let mut text = |name: &'static str| match members.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
        Some(_) => Err(SlugError::Member(name)),
    };
    let object_id = text(OBJECT_ID)?;
    let ids = (text(ROW_ID)?, text(SPAN_ID)?, text(ROOT_SPAN_ID)?);
    let mut map = |name: &'static str| match members.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(_) => Err(SlugError::Member(name)),
    };
    let (lookup, propagated_event) = (map(LOOKUP)?, map(EVENT)?);
    let object = match (object_id, lookup) {
        (Some(id), None) => ObjectRef::Id(id),
        (None, Some(lookup)) => ObjectRef::Lookup(lookup),
        _ => return Err(SlugError::Object),
    };
    let row = match ids {
        (None, None, None) => None,
        (Some(row_id), Some(span_id), Some(root_span_id)) => {
            Some(RowIds { row_id, span_id, root_span_id })
        }
        _ => return Err(SlugError::RowIds),
    };
    Ok(SpanComponents { object_type, object, row, propagated_event })
}
