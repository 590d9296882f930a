//! Cells as serde values: text is read as what the type asks for.

use std::fmt::{self, Display};

use serde::Deserializer;
use serde::de::value::StrDeserializer;
use serde::de::{self, IntoDeserializer, Visitor};
use serde_json::Value;

use super::records::Cell;

/// Why a cell is not what the type asks for.
#[derive(Debug)]
pub(super) struct CellError(String);

impl Display for CellError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CellError {}

impl de::Error for CellError {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Reads one cell. Numbers and truth values are parsed where the type is one, JSON where it is a
/// list or an object, a missing cell is `None` or null. Where any type will do it is text, since
/// `007` is as likely a name as a number, unless JSON was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct CellReader<'a> {
    pub(super) cell: &'a Cell,
    pub(super) json: bool,
}

impl<'a> CellReader<'a> {
    fn text(self) -> Result<&'a str, CellError> {
        match self.cell.is_missing() {
            true => Err(CellError("the cell is empty; write \"\" for an empty text".to_owned())),
            false => Ok(&self.cell.text),
        }
    }

    fn parsed<T: std::str::FromStr>(self, what: &str) -> Result<T, CellError> {
        let text = self.text()?;
        text.trim().parse().map_err(|_| CellError(format!("{text:?} is not {what}")))
    }

    /// The cell as a value of no certain type; `None` if it is missing.
    pub(super) fn value(self) -> Option<Value> {
        let text = &self.cell.text;
        match self.json {
            _ if self.cell.is_missing() => None,
            true => Some(serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into())),
            false => Some(text.as_str().into()),
        }
    }
}

impl<'a> IntoDeserializer<'a, CellError> for CellReader<'a> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Lets the reader of JSON do it, of the whole cell.
macro_rules! as_json {
    ($self:ident, $method:ident($($argument:expr),*)) => {{
        let text = $self.text()?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let value = reader.$method($($argument),*);
        value.and_then(|value| reader.end().map(|()| value)).map_err(|error| {
            CellError(format!("the cell is not JSON of the right kind: {error}"))
        })
    }};
}

macro_rules! number {
    ($($method:ident $visit:ident $type:ty, $what:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
            visitor.$visit(self.parsed::<$type>($what)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for CellReader<'de> {
    type Error = CellError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        match self.value() {
            None => visitor.visit_unit(),
            Some(Value::String(text)) => visitor.visit_string(text),
            Some(value) => value.deserialize_any(visitor).map_err(de::Error::custom),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        let text = self.text()?;
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => visitor.visit_bool(true),
            "false" | "0" => visitor.visit_bool(false),
            _ => Err(CellError(format!("{text:?} is neither true nor false"))),
        }
    }

    number! {
        deserialize_i8 visit_i8 i8, "a number from -128 to 127";
        deserialize_i16 visit_i16 i16, "a number of 16 bits";
        deserialize_i32 visit_i32 i32, "a number of 32 bits";
        deserialize_i64 visit_i64 i64, "a number of 64 bits";
        deserialize_u8 visit_u8 u8, "a number from 0 to 255";
        deserialize_u16 visit_u16 u16, "a number from 0 of 16 bits";
        deserialize_u32 visit_u32 u32, "a number from 0 of 32 bits";
        deserialize_u64 visit_u64 u64, "a number from 0 of 64 bits";
        deserialize_f32 visit_f32 f32, "a number";
        deserialize_f64 visit_f64 f64, "a number";
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        match self.cell.is_missing() {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, CellError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        as_json!(self, deserialize_seq(visitor))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, CellError> {
        as_json!(self, deserialize_tuple(len, visitor))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, CellError> {
        as_json!(self, deserialize_tuple_struct(name, len, visitor))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        as_json!(self, deserialize_map(visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CellError> {
        as_json!(self, deserialize_struct(name, fields, visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CellError> {
        let text = self.text()?;
        if text.trim_start().starts_with('{') {
            return as_json!(self, deserialize_enum(name, variants, visitor));
        }
        let name: StrDeserializer<'_, CellError> = text.into_deserializer();
        visitor.visit_enum(name)
    }

    serde::forward_to_deserialize_any! { ignored_any unit unit_struct }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        self.deserialize_str(visitor)
    }
}
