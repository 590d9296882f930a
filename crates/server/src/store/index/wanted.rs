//! What a search asks for.

use std::fmt::Write as _;

use super::words::{each_word, object_word};

/// Words, phrases and beginnings of words that all must be in a row, and words that must not.
///
/// `paris "city of light" capit* -london`: quotation marks make a phrase, a star at the end of a
/// word stands for any ending, a minus before a word or phrase excludes it. Anything else that is
/// no letter or digit separates words, which then are a phrase: `foo-bar` is `"foo bar"`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    terms: Vec<Term>,
}

#[derive(Debug, PartialEq, Eq)]
struct Term {
    /// In lower case; more than one are a phrase.
    words: Vec<String>,
    /// Whether the last word is only a beginning.
    open: bool,
    excluded: bool,
}

/// How a full-text index is asked. Words have neither quotation marks nor backslashes in them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Syntax {
    /// Around each word.
    quote: char,
    and: &'static str,
    or: &'static str,
    /// Before a word that must not be there, after others.
    not: &'static str,
    /// After a word that is only a beginning.
    beginning: &'static str,
}

impl Syntax {
    /// FTS5 of SQLite.
    pub(crate) const FTS5: Self =
        Self { quote: '"', and: " AND ", or: " OR ", not: " NOT ", beginning: " *" };

    /// `tsquery` of PostgreSQL.
    #[cfg(feature = "postgres")]
    pub(crate) const TSQUERY: Self =
        Self { quote: '\'', and: " & ", or: " | ", not: " & !", beginning: ":*" };
}

/// Words of one query that count.
const MOST_WORDS: usize = 32;

impl Wanted {
    /// Reads a query; `None` if it asks for no word at all.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let mut terms: Vec<Term> = Vec::new();
        let (mut rest, mut count) = (text.trim_start(), 0);
        while !rest.is_empty() {
            let excluded = rest.len() > 1 && rest.starts_with('-');
            rest = if excluded { &rest[1..] } else { rest };
            let (part, after) = match rest.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => {
                    let end = rest.find(|c: char| c.is_whitespace() || c == '"');
                    rest.split_at(end.unwrap_or(rest.len()))
                }
            };
            let mut words = Vec::new();
            each_word(part, |word, _| words.push(word.to_owned()));
            words.truncate(MOST_WORDS - count);
            count += words.len();
            let open = part.ends_with('*');
            if !words.is_empty() {
                terms.push(Term { words, open, excluded });
            }
            rest = after.trim_start();
        }
        terms.iter().any(|term| !term.excluded).then_some(Self { terms })
    }

    /// Writes what the index can decide: which words are in a row, without their order.
    pub(crate) fn expression(&self, syntax: Syntax, objects: Option<&[i64]>) -> String {
        let Syntax { quote, and, or, not, beginning } = syntax;
        let mut expression = String::new();
        if let Some(objects) = objects {
            expression.push('(');
            for (index, object) in objects.iter().enumerate() {
                let or = if index > 0 { or } else { "" };
                // Writing to a string cannot fail, here and below.
                write!(expression, "{or}{quote}{}{quote}", object_word(*object)).expect("a string");
            }
            // No object at all: no row has this word.
            if objects.is_empty() {
                write!(expression, "{quote}\u{E000}{quote}").expect("a string");
            }
            expression.push(')');
        }
        for term in self.terms.iter().filter(|term| !term.excluded) {
            for (index, word) in term.words.iter().enumerate() {
                let and = if expression.is_empty() { "" } else { and };
                let star = term.open && index + 1 == term.words.len();
                let star = if star { beginning } else { "" };
                write!(expression, "{and}{quote}{word}{quote}{star}").expect("a string");
            }
        }
        // A phrase that is excluded is left to `holds`: its words may well be there.
        for term in self.terms.iter().filter(|term| term.excluded && term.words.len() == 1) {
            let star = if term.open { beginning } else { "" };
            write!(expression, "{not}{quote}{}{quote}{star}", term.words[0]).expect("a string");
        }
        expression
    }

    /// Whether the index cannot decide alone.
    pub(crate) fn has_phrases(&self) -> bool {
        self.terms.iter().any(|term| term.words.len() > 1)
    }

    /// Whether the texts of a row meet the query.
    pub(crate) fn holds(&self, fields: &[(&'static str, String)]) -> bool {
        self.terms.iter().all(|term| {
            let found = fields.iter().any(|(_, text)| !term.places(text).is_empty());
            found != term.excluded
        })
    }

    /// Byte ranges of what is wanted in a text, in order.
    pub(crate) fn places(&self, text: &str) -> Vec<(usize, usize)> {
        let wanted = self.terms.iter().filter(|term| !term.excluded);
        let mut places: Vec<_> = wanted.flat_map(|term| term.places(text)).collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}

impl Term {
    fn places(&self, text: &str) -> Vec<(usize, usize)> {
        let mut words: Vec<(String, std::ops::Range<usize>)> = Vec::new();
        each_word(text, |word, range| words.push((word.to_owned(), range)));
        let last = self.words.len() - 1;
        let fits = |window: &[(String, std::ops::Range<usize>)]| {
            window.iter().zip(&self.words).enumerate().all(|(index, ((word, _), wanted))| {
                if index == last && self.open { word.starts_with(wanted) } else { word == wanted }
            })
        };
        let found = words.windows(self.words.len()).filter(|window| fits(window));
        found.map(|window| (window[0].1.start, window[last].1.end)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(query: &str, text: &str) -> bool {
        Wanted::of(query).expect("a query").holds(&[("input", text.to_owned())])
    }

    #[test]
    fn queries_mean_what_they_say() {
        let text = "The capital of France is Paris, the City of Light.";
        for (query, expected) in [
            ("paris", true),
            ("PARIS capital", true),
            ("paris rome", false),
            ("\"city of light\"", true),
            ("\"light of city\"", false),
            ("city-of", true),
            ("capit*", true),
            ("apital", false),
            ("paris -rome", true),
            ("paris -\"of light\"", false),
            ("paris -\"light of\"", true),
            ("\"city of li*\"", true),
            ("\"unclosed", false),
        ] {
            assert_eq!(holds(query, text), expected, "{query}");
        }
        for empty in ["", "  ", "...", "-paris", "-", "\"\""] {
            assert_eq!(Wanted::of(empty), None, "{empty}");
        }
    }

    #[test]
    fn expressions_are_quoted() {
        let wanted = Wanted::of("a\"b c\" -d e* NEAR(").expect("a query");
        assert_eq!(
            wanted.expression(Syntax::FTS5, None),
            r#""a" AND "b" AND "c" AND "e" * AND "near" NOT "d""#
        );
        let one = Wanted::of("a").expect("a query");
        assert_eq!(one.expression(Syntax::FTS5, Some(&[7])), "(\"\u{E000}7\") AND \"a\"");
        #[cfg(feature = "postgres")]
        assert_eq!(
            wanted.expression(Syntax::TSQUERY, Some(&[7, 8])),
            "('\u{E000}7' | '\u{E000}8') & 'a' & 'b' & 'c' & 'e':* & 'near' & !'d'"
        );
    }
}
