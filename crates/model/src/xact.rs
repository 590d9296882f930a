//! Transaction ids: 19-digit decimal text that sorts by time.
//!
//! Layout observed in ids of the hosted service: the constant `0x0DE1` in the top 16 bits, unix
//! seconds in the next 32, a counter in the low 16. Clients take the string maximum of the ids
//! they read as a dataset's version, so the fixed width matters.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const TOP: u64 = 0x0DE1 << 48;

/// A transaction id, increasing over the life of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct XactId(u64);

/// A text that is not a 19-digit transaction id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a transaction id of 19 decimal digits")]
pub struct ParseXactIdError;

impl XactId {
    /// Returns the first id of a second (unix time).
    #[must_use]
    pub fn at(unix_seconds: u32) -> Self {
        Self(TOP | (u64::from(unix_seconds) << 16))
    }

    /// Returns the id after `self`, not before the given second.
    ///
    /// The counter overflows into the seconds, so ids keep increasing when the clock stands
    /// still, goes back, or when more than 65 536 ids are taken in one second.
    #[must_use]
    pub fn next(self, unix_seconds: u32) -> Self {
        Self(self.0 + 1).max(Self::at(unix_seconds))
    }

    /// Returns the second (unix time) in which the id was taken, or a little later where many were.
    #[must_use]
    pub fn unix_seconds(self) -> u32 {
        // Cut to the 32 bits that hold it.
        (self.0 >> 16) as u32
    }

    /// Returns the id as a number, for storage.
    #[must_use]
    pub fn as_u64(self) -> u64 {
        self.0
    }

    /// Restores an id from storage.
    #[must_use]
    pub fn from_u64(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for XactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:019}", self.0)
    }
}

impl FromStr for XactId {
    type Err = ParseXactIdError;

    fn from_str(text: &str) -> Result<Self, ParseXactIdError> {
        if text.len() != 19 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ParseXactIdError);
        }
        text.parse().map(Self).map_err(|_| ParseXactIdError)
    }
}

impl Serialize for XactId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for XactId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_19_digits_and_sort_as_text() {
        let early = XactId::at(1_700_000_000);
        let late = XactId::at(1_800_000_000);
        assert_eq!(early.to_string().len(), 19);
        assert!(early.to_string() < late.to_string());
        assert_eq!(early.to_string().parse(), Ok(early));
    }

    #[test]
    fn ids_increase_when_the_clock_goes_back() {
        let first = XactId::at(2_000).next(2_000);
        assert!(first.next(1_000) > first);
        assert!(first.next(3_000) >= XactId::at(3_000));
    }
}
