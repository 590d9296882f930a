//! Slugs: what `export()` of a span gives, so that another process can continue its trace or
//! change its row.
//!
//! A slug is base64 of a version, the type of the object, ids in as few bytes as they take, and
//! JSON for the rest. Versions 2 to 4 are read. Version 4 is written, byte for byte as the
//! JavaScript SDK writes it. Slugs come from anywhere, headers of requests included: every length
//! is checked before it is used, and a text beyond [`MAX_SLUG_BYTES`] is refused unread.

mod read;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use crate::row::Destination;

/// Longest slug that is read, in bytes of its text.
pub const MAX_SLUG_BYTES: usize = 64 << 10;

/// The version that is written.
const VERSION: u8 = 4;

/// Padding is optional and unused bits may be set, as the decoders of the published clients have
/// it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What a slug says, named as in the published SDKs.
///
/// ```
/// use tidegate_model::slug::{ObjectType, SpanComponents};
///
/// // Written by the JavaScript SDK.
/// let slug = "BAEAeyJvYmplY3RfaWQiOiIwMTk4YzVhMi0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwYWIifQ==";
/// let components: SpanComponents = slug.parse()?;
/// assert_eq!(components.object_type, ObjectType::Experiment);
/// assert_eq!(components.object_id(), Some("0198c5a2-0000-7000-8000-0000000000ab"));
/// assert_eq!(components.row, None);
/// assert_eq!(components.to_string(), slug);
/// # Ok::<(), tidegate_model::slug::SlugError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SpanComponents {
    /// The type of the object that the rows belong to.
    pub object_type: ObjectType,
    /// Which object.
    pub object: ObjectRef,
    /// The span; `None` if the slug stands for the object as a whole.
    pub row: Option<RowIds>,
    /// What every span below this one records too.
    pub propagated_event: Option<Map<String, Value>>,
}

/// The type of the object in a slug; datasets have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectType {
    /// An experiment.
    Experiment,
    /// The logs of a project.
    ProjectLogs,
    /// The logs of a playground.
    PlaygroundLogs,
}

/// Which object a slug means.
#[derive(Debug, Clone, PartialEq)]
pub enum ObjectRef {
    /// By its id.
    Id(String),
    /// By what its id follows from: `project_name` or `project_id`, for the logs of a project whose
    /// id was not known when the slug was made.
    Lookup(Map<String, Value>),
}

/// The ids of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowIds {
    /// The id of the row.
    pub row_id: String,
    /// The span id: 16 hex digits, or a UUID from older clients.
    pub span_id: String,
    /// The trace id: 32 hex digits, or a UUID from older clients.
    pub root_span_id: String,
}

/// Why a text is no slug.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SlugError {
    /// It is not read at all.
    #[error("the slug has {bytes} bytes; at most {MAX_SLUG_BYTES} are read")]
    TooLong {
        /// Length of the text.
        bytes: usize,
    },
    /// It is not base64, and so not what `export()` gave.
    #[error("the slug is not base64: pass what `export()` gave, whole and unchanged")]
    NotBase64,
    /// A version that this crate does not read.
    #[error("the slug has version {version}; versions 2 to 4 are read")]
    Version {
        /// Its first byte.
        version: u8,
    },
    /// It was cut off.
    #[error("the slug ends within its {0}: pass what `export()` gave, whole and unchanged")]
    CutOff(&'static str),
    /// A type of object that this crate does not know.
    #[error("the slug names an object of the unknown type {0}")]
    ObjectType(u8),
    /// A byte that is none of those that may stand there.
    #[error("the slug has {found} as its {what}, which means nothing")]
    Byte {
        /// What the byte says.
        what: &'static str,
        /// The byte.
        found: u8,
    },
    /// Its JSON part is not JSON, or its text is not UTF-8.
    #[error("the {0} of the slug cannot be read")]
    Unreadable(&'static str),
    /// A member of a wrong type.
    #[error("{0} of the slug is not what it must be")]
    Member(&'static str),
    /// Not exactly one of `object_id` and `compute_object_metadata_args`.
    #[error("the slug must name its object by exactly one of an id and a lookup")]
    Object,
    /// Some of the ids of a span, but not all.
    #[error("the slug must have all of row_id, span_id and root_span_id, or none")]
    RowIds,
}

impl ObjectType {
    fn from_byte(byte: u8) -> Result<Self, SlugError> {
        match byte {
            1 => Ok(Self::Experiment),
            2 => Ok(Self::ProjectLogs),
            3 => Ok(Self::PlaygroundLogs),
            other => Err(SlugError::ObjectType(other)),
        }
    }

    fn byte(self) -> u8 {
        match self {
            Self::Experiment => 1,
            Self::ProjectLogs => 2,
            Self::PlaygroundLogs => 3,
        }
    }

    /// The destination of rows of an object of this type.
    #[must_use]
    pub fn destination(self, object_id: impl Into<String>) -> Destination {
        match self {
            Self::Experiment => Destination::Experiment(object_id.into()),
            Self::ProjectLogs => Destination::ProjectLogs(object_id.into()),
            Self::PlaygroundLogs => Destination::PlaygroundLogs(object_id.into()),
        }
    }
}

impl SpanComponents {
    /// What stands for an object as a whole; `None` for a dataset, which no slug can name.
    #[must_use]
    pub fn of(destination: &Destination) -> Option<Self> {
        let object_type = match destination {
            Destination::Experiment(_) => ObjectType::Experiment,
            Destination::ProjectLogs(_) => ObjectType::ProjectLogs,
            Destination::PlaygroundLogs(_) => ObjectType::PlaygroundLogs,
            Destination::Dataset(_) => return None,
        };
        let object = ObjectRef::Id(destination.object_id().to_owned());
        Some(Self { object_type, object, row: None, propagated_event: None })
    }

    /// The id of the object, if the slug has it.
    #[must_use]
    pub fn object_id(&self) -> Option<&str> {
        match &self.object {
            ObjectRef::Id(id) => Some(id),
            ObjectRef::Lookup(_) => None,
        }
    }

    /// Version 4, before base64.
    fn bytes(&self) -> Vec<u8> {
        let mut entries = Vec::new();
        let mut count = 0;
        let mut rest = Map::new();
        if let ObjectRef::Lookup(lookup) = &self.object {
            rest.insert(LOOKUP.into(), lookup.clone().into());
        }
        if let Some(event) = &self.propagated_event {
            rest.insert(EVENT.into(), event.clone().into());
        }
        if let ObjectRef::Id(id) = &self.object {
            rest.insert(OBJECT_ID.into(), id.as_str().into());
        }
        if let Some(row) = &self.row {
            rest.insert(ROW_ID.into(), row.row_id.as_str().into());
            let ids = [(3, SPAN_ID, &row.span_id, 8), (4, ROOT_SPAN_ID, &row.root_span_id, 16)];
            for (field, name, id, length) in ids {
                match hex(id, length) {
                    Some(bytes) => {
                        entries.push(field);
                        entries.extend(bytes);
                        count += 1;
                    }
                    None => drop(rest.insert(name.into(), id.as_str().into())),
                }
            }
        }
        let mut bytes = vec![VERSION, self.object_type.byte(), count];
        bytes.extend(entries);
        if !rest.is_empty() {
            bytes.extend(Value::Object(rest).to_string().into_bytes());
        }
        bytes
    }
}

const OBJECT_ID: &str = "object_id";
const ROW_ID: &str = "row_id";
const SPAN_ID: &str = "span_id";
const ROOT_SPAN_ID: &str = "root_span_id";
const LOOKUP: &str = "compute_object_metadata_args";
const EVENT: &str = "propagated_event";

/// The bytes of a hex id of this many bytes. One in upper case would come back changed, so it is
/// none: it travels as text.
fn hex(text: &str, length: usize) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if text.len() != 2 * length {
        return None;
    }
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

impl fmt::Display for SpanComponents {
    /// Writes the slug, in version 4.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(self.bytes()))
    }
}

impl FromStr for SpanComponents {
    type Err = SlugError;

    /// Reads a slug of version 2, 3 or 4, in standard or URL-safe base64, with or without padding
    /// and white space around it.
    fn from_str(slug: &str) -> Result<Self, SlugError> {
        if slug.len() > MAX_SLUG_BYTES {
            return Err(SlugError::TooLong { bytes: slug.len() });
        }
        let standard: String = slug
            .trim()
            .chars()
            .map(|c| match c {
                '-' => '+',
                '_' => '/',
                other => other,
            })
            .collect();
        let bytes = BASE64.decode(standard).map_err(|_| SlugError::NotBase64)?;
        read::components(&bytes)
    }
}
