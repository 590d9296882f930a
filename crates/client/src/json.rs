//! A value as the text it is sent as.

use std::cell::RefCell;

use serde::Serialize;

/// Larger buffers are given back after use.
const KEEP_BYTES: usize = 1 << 20;

thread_local! {
    /// Values are written here first and copied in one piece: a vector that grows under the
    /// serializer moves a value of 1 KB four times.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// One JSON value in UTF-8, in as many bytes as it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Json(Box<[u8]>);

impl Json {
    /// Serializes a value.
    pub(crate) fn of<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Self> {
        let written = BUFFER.try_with(|buffer| {
            // Taken: the value's own `Serialize` records something else.
            let mut buffer = buffer.try_borrow_mut().ok()?;
            buffer.clear();
            let written = serde_json::to_writer(&mut *buffer, value);
            let json = written.map(|()| Self(buffer.as_slice().into()));
            if buffer.capacity() > KEEP_BYTES {
                *buffer = Vec::new();
            }
            Some(json)
        });
        // An error: the thread is ending, and its buffer is gone already.
        match written.ok().flatten() {
            Some(json) => json,
            None => serde_json::to_vec(value).map(|bytes| Self(bytes.into())),
        }
    }

    /// Serializes a value, or a text that says why it could not be.
    pub(crate) fn or_text<T: Serialize + ?Sized>(value: &T) -> Self {
        Self::of(value).unwrap_or_else(|error| {
            Self::of(&format!("<value could not be serialized: {error}>"))
                .expect("a string always serializes")
        })
    }

    /// The text.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
impl Json {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.0).expect("JSON is UTF-8")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_whose_serializer_records_another_one_is_written() {
        struct Nested;
        impl Serialize for Nested {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let inner = Json::of(&json!({"inner": true})).expect("serializes");
                serializer.serialize_str(inner.text())
            }
        }
        let json = Json::of(&[Nested]).expect("serializes");
        assert_eq!(json.text(), r#"["{\"inner\":true}"]"#);
        assert_eq!(Json::of("next").expect("serializes").text(), r#""next""#);
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let bad = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert!(Json::of(&bad).is_err());
        assert_eq!(Json::of(&1).expect("serializes").text(), "1");
    }
}
