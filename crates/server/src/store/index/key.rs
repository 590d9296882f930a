//! Which trace a row belongs to.

use tidegate_model::TraceId;

/// A trace within its object, as `rows.root_span_id` holds it. A row without one is a trace by its
/// id, which other rows may name as theirs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum TraceKey {
    /// 32 hex digits, as bytes.
    Id([u8; 16]),
    Text(String),
}

impl From<&str> for TraceKey {
    fn from(text: &str) -> Self {
        match text.parse::<TraceId>() {
            Ok(id) => Self::Id(id.bits().to_be_bytes()),
            Err(_) => Self::Text(text.into()),
        }
    }
}

impl TraceKey {
    /// The id as clients write it.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Id(bytes) => TraceId::from_bits(u128::from_be_bytes(*bytes)).to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_the_spelling_of_ids() {
        for text in ["000000000000000000000000000000ab", "case-1", "", "00000000000000AB"] {
            assert_eq!(TraceKey::from(text).to_text(), text);
        }
    }
}
