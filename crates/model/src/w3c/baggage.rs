//! `baggage`: names and values of the application, for everybody down the line.

use std::fmt::{self, Write as _};

/// Members that are taken in and passed on.
const MAX_MEMBERS: usize = 64;
/// Bytes of the header that are passed on.
const MAX_BYTES: usize = 8192;

/// The member that says where rows of the trace belong: `project_id:…`, `project_name:…` or
/// `experiment_id:…`.
pub const BRAINTRUST_PARENT: &str = "braintrust.parent";

/// One member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaggageMember {
    key: String,
    value: String,
    /// What follows the value, from the first semicolon on, as it came.
    properties: String,
}

/// Members in their order, at most 64 in at most 8192 bytes; empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baggage {
    members: Vec<BaggageMember>,
    /// Length of the header that these make.
    bytes: usize,
}

impl BaggageMember {
    /// Makes a member of any value; `None` if the key is no token of HTTP, which no header could
    /// carry.
    #[must_use]
    pub fn new(key: &str, value: &str) -> Option<Self> {
        let member = || Self { key: key.into(), value: value.into(), properties: String::new() };
        is_token(key).then(member)
    }

    fn parse(text: &str) -> Option<Self> {
        let (pair, properties) = match text.find(';') {
            Some(at) => text.split_at(at),
            None => (text, ""),
        };
        let (key, value) = pair.split_once('=')?;
        let (key, value) = (trimmed(key), trimmed(value));
        let is_ours_to_pass_on = properties.bytes().all(|b| (0x20..=0x7e).contains(&b));
        if !is_token(key) || !value.bytes().all(is_value_byte) || !is_ours_to_pass_on {
            return None;
        }
        let properties = trimmed(properties).to_owned();
        Some(Self { key: key.to_owned(), value: decoded(value), properties })
    }

    /// The name.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The value, decoded.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for BaggageMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.key)?;
        for byte in self.value.bytes() {
            // Beyond what must be encoded: `=`, which some readers split at, `%` itself, and `:`,
            // as the other clients do.
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    f.write_char(char::from(byte))?;
                }
                _ => write!(f, "%{byte:02X}")?,
            }
        }
        f.write_str(&self.properties)
    }
}

impl Baggage {
    /// Takes in the members of a header. Malformed ones are left out, and those beyond the limits.
    pub fn add_header(&mut self, header: &str) {
        for member in header.split(',').filter_map(|text| BaggageMember::parse(trimmed(text))) {
            self.add(member);
        }
    }

    /// Adds a member at the end; whether it fits.
    pub fn add(&mut self, member: BaggageMember) -> bool {
        let length = member.to_string().len() + usize::from(!self.members.is_empty());
        let fits = self.members.len() < MAX_MEMBERS && self.bytes + length <= MAX_BYTES;
        if fits {
            self.bytes += length;
            self.members.push(member);
        }
        fits
    }

    /// These members, after one that takes the place of any of the same key.
    #[must_use]
    pub fn led_by(&self, first: BaggageMember) -> Self {
        let mut all = Self::default();
        let others = self.members.iter().filter(|member| member.key != first.key).cloned();
        let others: Vec<_> = others.collect();
        all.add(first);
        for member in others {
            all.add(member);
        }
        all
    }

    /// The value of a key; the last one if it comes more than once.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.members.iter().rfind(|member| member.key == key).map(BaggageMember::value)
    }

    /// All members.
    #[must_use]
    pub fn members(&self) -> &[BaggageMember] {
        &self.members
    }
}

impl fmt::Display for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, member) in self.members.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            write!(f, "{comma}{member}")?;
        }
        Ok(())
    }
}

fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// RFC 7230's token.
fn is_token(text: &str) -> bool {
    let is_char = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(is_char)
}

/// The specification's `baggage-octet`; a percent sign that begins no escape stands for itself.
fn is_value_byte(byte: u8) -> bool {
    (0x21..=0x7e).contains(&byte) && !b"\",;\\".contains(&byte)
}

/// Undoes percent-encoding; bytes that are no UTF-8 become U+FFFD.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => Some((*high, *low)),
            _ => None,
        };
        let digit = |byte: u8| char::from(byte).to_digit(16);
        match escaped.and_then(|(high, low)| digit(high).zip(digit(low))) {
            Some((high, low)) => {
                // Two digits are a byte.
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
