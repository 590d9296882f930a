//! Words, texts, numbers and signs of a query in SQL text.

use serde_json::Number;
use winnow::Parser;
use winnow::combinator::{alt, opt, repeat};
use winnow::error::EmptyError;
use winnow::token::{any, literal, take_while};

use super::ast::{MAX_TEXT_BYTES, QueryError};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A keyword or a name.
    Word(String),
    /// A name in `"` or backticks, which is never a keyword.
    Name(String),
    /// A text in `'`.
    Text(String),
    Number(Number),
    Sign(&'static str),
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Byte where it starts.
    pub(super) at: usize,
}

type Lexed<T> = Result<T, EmptyError>;

/// Longer signs first.
const SIGNS: [&str; 18] =
    ["<=", ">=", "<>", "!=", "==", "=", "<", ">", "(", ")", ",", ".", "*", "[", "]", "-", "+", ";"];

/// Splits a query into tokens, the last of which is [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, QueryError> {
    if text.len() > MAX_TEXT_BYTES {
        let message = format!("the query is longer than {MAX_TEXT_BYTES} bytes");
        return Err(QueryError::new("line 1, column 1", message));
    }
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        blank(&mut rest).unwrap_or(());
        let at = text.len() - rest.len();
        if rest.is_empty() {
            tokens.push(Token { kind: Kind::End, at });
            return Ok(tokens);
        }
        let kind = token(&mut rest).map_err(|_| QueryError::new(place(text, at), fault(rest)))?;
        tokens.push(Token { kind, at });
    }
}

/// Says where a byte is, for people: both counts start at one, columns are characters.
pub(super) fn place(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}")
}

fn fault(rest: &str) -> String {
    match rest.chars().next() {
        Some(quote @ ('\'' | '"' | '`')) => format!("nothing closes this {quote}"),
        Some(digit) if digit.is_ascii_digit() => "this is not a number".into(),
        Some('/') if rest.starts_with("/*") => "nothing closes this comment".into(),
        Some(other) => format!("unexpected character {other:?}"),
        None => "the query ends here".into(),
    }
}

/// Skips white space and comments.
fn blank(input: &mut &str) -> Lexed<()> {
    repeat(0.., alt((space, line_comment, comment))).parse_next(input)
}

fn space(input: &mut &str) -> Lexed<()> {
    take_while(1.., char::is_whitespace).void().parse_next(input)
}

fn line_comment(input: &mut &str) -> Lexed<()> {
    (literal("--"), take_while(0.., |c| c != '\n')).void().parse_next(input)
}

fn comment(input: &mut &str) -> Lexed<()> {
    literal("/*").parse_next(input)?;
    let end = input.find("*/").ok_or(EmptyError)?;
    *input = &input[end + 2..];
    Ok(())
}

fn token(input: &mut &str) -> Lexed<Kind> {
    alt((
        quoted("'", "''").map(Kind::Text),
        quoted("\"", "\"\"").map(Kind::Name),
        quoted("`", "``").map(Kind::Name),
        word,
        number,
        sign,
    ))
    .parse_next(input)
}

/// A text between quotes, in which a doubled quote stands for one.
fn quoted<'i>(
    quote: &'static str,
    doubled: &'static str,
) -> impl Parser<&'i str, String, EmptyError> {
    move |input: &mut &'i str| {
        let plain = take_while(1.., move |c: char| !quote.contains(c));
        let piece = alt((plain, literal(doubled).value(quote)));
        let pieces = repeat(0.., piece).fold(String::new, |mut text, piece: &str| {
            text.push_str(piece);
            text
        });
        let (_, text, _) = (literal(quote), pieces, literal(quote)).parse_next(input)?;
        Ok(text)
    }
}

fn word(input: &mut &str) -> Lexed<Kind> {
    let first = any.verify(|c: &char| c.is_alphabetic() || *c == '_');
    let more = take_while(0.., |c: char| c.is_alphanumeric() || c == '_');
    (first, more).take().map(|word: &str| Kind::Word(word.into())).parse_next(input)
}

fn number(input: &mut &str) -> Lexed<Kind> {
    let digits = |input: &mut &str| -> Lexed<()> {
        take_while(1.., |c: char| c.is_ascii_digit()).void().parse_next(input)
    };
    let exponent = (alt(('e', 'E')), opt(alt(('+', '-'))), digits);
    (digits, opt(('.', digits)), opt(exponent))
        .take()
        .verify_map(|text: &str| serde_json::from_str(text).ok())
        .map(Kind::Number)
        .parse_next(input)
}

fn sign(input: &mut &str) -> Lexed<Kind> {
    let found = SIGNS.into_iter().find(|sign| input.starts_with(sign)).ok_or(EmptyError)?;
    *input = &input[found.len()..];
    Ok(Kind::Sign(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        tokens(text).expect(text).into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn tokens_of_every_kind() {
        let word = |text: &str| Kind::Word(text.into());
        assert_eq!(
            kinds("a.\"b \"\"c\" >= 'it''s' -- not this\n/* nor this */ -1.5e3 é_1`x`"),
            [
                word("a"),
                Kind::Sign("."),
                Kind::Name("b \"c".into()),
                Kind::Sign(">="),
                Kind::Text("it's".into()),
                Kind::Sign("-"),
                Kind::Number(Number::from_f64(1500.0).expect("finite")),
                word("é_1"),
                Kind::Name("x".into()),
                Kind::End,
            ]
        );
    }

    #[test]
    fn faults_have_a_line_and_a_column() {
        let fault = |text: &str| tokens(text).expect_err(text).to_string();
        assert_eq!(fault("é\n x ~"), "line 2, column 4: unexpected character '~'");
        assert_eq!(fault("x = 'abc"), "line 1, column 5: nothing closes this '");
        assert_eq!(fault("/* x"), "line 1, column 1: nothing closes this comment");
        assert_eq!(fault("limit 01"), "line 1, column 7: this is not a number");
        assert_eq!(fault("a = 1e999"), "line 1, column 5: this is not a number");
        assert!(fault(&" ".repeat(MAX_TEXT_BYTES + 1)).contains("longer"));
    }
}
