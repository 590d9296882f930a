//! Words of a row's text, for full-text search.
//!
//! Words are runs of letters and digits in lower case; in scripts that put no space between words
//! every character is one. Search queries are split by the same rule, so the tokenizer of the
//! database has nothing to decide. Trigrams, which would find parts of words, took three times the
//! space and time; `word*` finds beginnings.

use std::fmt;

use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::skeleton::Skeleton;

/// Bytes of each of input, output, expected and error that are searched: the beginning.
pub(crate) const FIELD_BYTES: usize = 1_024;

/// Longer words are no words but encoded data.
const WORD_BYTES: usize = 64;

/// Marks the word that says which object a row belongs to. A private-use character is no letter,
/// so no text has such a word.
const OBJECT_MARK: char = '\u{E000}';

/// The beginning of the text of each member that is searched, with the member's name.
pub(crate) fn fields(row: &Skeleton<'_>) -> impl Iterator<Item = (&'static str, String)> {
    [("input", row.input), ("output", row.output), ("expected", row.expected), ("error", row.error)]
        .into_iter()
        .filter_map(|(name, value)| Some((name, plain(value?, FIELD_BYTES))))
}

/// The word that every row of an object has.
pub(crate) fn object_word(object: i64) -> String {
    format!("{OBJECT_MARK}{object}")
}

/// What is indexed of a row: its words after that of its object, separated by spaces.
pub(crate) fn body(object: i64, row: &Skeleton<'_>) -> String {
    let mut body = object_word(object);
    for (_, text) in fields(row) {
        each_word(&text, |word, _| {
            body.push(' ');
            body.push_str(word);
        });
    }
    body
}

/// Calls `found` for each word, in lower case, with its place in the text.
pub(crate) fn each_word(text: &str, mut found: impl FnMut(&str, std::ops::Range<usize>)) {
    let mut word = String::new();
    let mut start = 0;
    let mut flush = |word: &mut String, range: std::ops::Range<usize>| {
        if !word.is_empty() && word.len() <= WORD_BYTES {
            found(word, range);
        }
        word.clear();
    };
    for (at, character) in text.char_indices() {
        if character.is_ascii_alphanumeric() {
            if word.is_empty() {
                start = at;
            }
            word.push(character.to_ascii_lowercase());
        } else if character.is_ascii() || !character.is_alphanumeric() {
            flush(&mut word, start..at);
        } else if stands_alone(character) {
            flush(&mut word, start..at);
            word.push(character);
            flush(&mut word, at..at + character.len_utf8());
        } else {
            if word.is_empty() {
                start = at;
            }
            word.extend(character.to_lowercase());
        }
    }
    flush(&mut word, start..text.len());
}

/// Scripts without spaces: Chinese, Japanese, Thai and their neighbours.
fn stands_alone(character: char) -> bool {
    matches!(character,
        '\u{0E00}'..='\u{0EFF}' | '\u{1780}'..='\u{17FF}' | '\u{3040}'..='\u{30FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}')
}

/// The strings, numbers and booleans of a value, one after the other, up to `limit` bytes.
fn plain(value: &RawValue, limit: usize) -> String {
    let mut collect = Collect { text: String::new(), limit };
    // The only error there can be is the one that ends the walk when the text is full: the value
    // was parsed before.
    drop(serde_json::Deserializer::from_str(value.get()).deserialize_any(&mut collect));
    collect.text
}

struct Collect {
    text: String,
    limit: usize,
}

impl Collect {
    fn push<E: serde::de::Error>(&mut self, text: &str) -> Result<(), E> {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        let room = self.limit.saturating_sub(self.text.len());
        self.text.push_str(&text[..text.floor_char_boundary(room)]);
        if text.len() >= room { Err(E::custom("full")) } else { Ok(()) }
    }
}

impl<'de> Visitor<'de> for &mut Collect {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.push(text)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.push(if value { "true" } else { "false" })
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.push(&value.to_string())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.push(&value.to_string())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.push(&value.to_string())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Seed(self))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_key::<serde::de::IgnoredAny>()?.is_some() {
            members.next_value_seed(Seed(self))?;
        }
        Ok(())
    }
}

struct Seed<'a>(&'a mut Collect);

impl<'de> serde::de::DeserializeSeed<'de> for Seed<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut words = Vec::new();
        each_word(text, |word, range| {
            assert_eq!(text[range].to_lowercase(), word);
            words.push(word.to_owned());
        });
        words
    }

    #[test]
    fn words_are_runs_of_letters_and_digits_in_lower_case() {
        assert_eq!(words("Paris, l'Été 42-b (x_y)"), ["paris", "l", "été", "42", "b", "x", "y"]);
        assert_eq!(words("東京 in Asien"), ["東", "京", "in", "asien"]);
        assert_eq!(words(&"x".repeat(65)), [""; 0]);
        assert_eq!(words("\u{E000}7 \u{E001}"), ["7"]);
    }

    #[test]
    fn a_body_has_the_values_of_all_members_but_not_their_names() {
        let document = r#"{"id":"secret","input":{"question":"Who?","n":[1,null,true]},
            "output":"Ada\nLovelace","expected":2.5,"error":"Boom: x","metadata":{"m":"no"}}"#;
        let body = |document| body(7, &Skeleton::of(document).expect("JSON"));
        assert_eq!(body(document), "\u{E000}7 who 1 true ada lovelace 2 5 boom x");
        assert_eq!(body(r#"{"id":"a","error":null}"#), "\u{E000}7");
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        let long = serde_json::json!({"input": ["é".repeat(600), "later"]}).to_string();
        let row = Skeleton::of(&long).expect("JSON");
        let fields: Vec<_> = fields(&row).collect();
        assert_eq!(fields.len(), 1);
        assert_eq!(fields[0].1.len(), FIELD_BYTES);
    }
}
