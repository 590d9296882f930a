//! `tracestate`: of other systems, passed on as it is.

use std::collections::HashSet;

/// Members that a list may have.
const MAX_MEMBERS: usize = 32;
/// What is passed on at most; a longer list loses members.
const MAX_BYTES: usize = 512;
/// Members longer than this go first.
const LONG_BYTES: usize = 128;
const MAX_KEY_BYTES: usize = 256;
const MAX_VALUE_BYTES: usize = 256;

/// A valid list, at most 32 members and 512 bytes; empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceState(String);

impl TraceState {
    /// Reads a header, or several joined by commas. `None` if a member is malformed, a key comes
    /// twice, or there are more than 32: then all of it is to be ignored. Members that do not fit
    /// into 512 bytes are left out whole, long ones first, then those at the end.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let is_space = [' ', '\t'];
        let members = header.split(',').map(|member| member.trim_matches(is_space));
        let mut members: Vec<&str> =
            members.filter(|member| !member.is_empty()).take(MAX_MEMBERS + 1).collect();
        let mut keys = HashSet::new();
        let valid = members.iter().all(|member| {
            member
                .split_once('=')
                .is_some_and(|(key, value)| is_key(key) && is_value(value) && keys.insert(key))
        });
        if !valid || members.len() > MAX_MEMBERS {
            return None;
        }
        while length(&members) > MAX_BYTES {
            let long = members.iter().rposition(|member| member.len() > LONG_BYTES);
            members.remove(long.unwrap_or(members.len() - 1));
        }
        Some(Self(members.join(",")))
    }

    /// The header; empty if there is nothing to say.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn length(members: &[&str]) -> usize {
    members.iter().map(|member| member.len() + 1).sum::<usize>().saturating_sub(1)
}

fn is_key(key: &str) -> bool {
    let begins = key.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let is_key_char = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-*/@".contains(&b);
    begins && key.len() <= MAX_KEY_BYTES && key.bytes().all(is_key_char)
}

fn is_value(value: &str) -> bool {
    let is_value_char = |b: u8| (0x20..=0x7e).contains(&b) && b != b',' && b != b'=';
    !value.is_empty() && value.len() <= MAX_VALUE_BYTES && value.bytes().all(is_value_char)
}
