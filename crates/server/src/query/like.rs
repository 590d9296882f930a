//! Patterns of `like`: `%` stands for any text, `_` for one character, `\` takes the next one as it
//! is.

/// Whether a whole text has the form of a pattern.
///
/// The pieces between `%` are looked for from left to right and each is taken where it first fits,
/// so the work is at most the length of the text times that of the pattern.
pub(super) fn matches(text: &str, pattern: &str) -> bool {
    let pieces = pieces(pattern);
    let Some((first, others)) = pieces.split_first() else { return text.is_empty() };
    let Some(rest) = after(text, first) else { return false };
    let Some((last, middle)) = others.split_last() else { return rest.is_empty() };
    let Some(rest) = before(rest, last) else { return false };
    middle.iter().try_fold(rest, |rest, piece| find(rest, piece)).is_some()
}

/// Splits a pattern at each `%`; `None` stands for any character. Never empty.
fn pieces(pattern: &str) -> Vec<Vec<Option<char>>> {
    let mut pieces = vec![Vec::new()];
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        let piece = match char {
            '%' => {
                pieces.push(Vec::new());
                continue;
            }
            '_' => None,
            '\\' => Some(chars.next().unwrap_or('\\')),
            other => Some(other),
        };
        if let Some(last) = pieces.last_mut() {
            last.push(piece);
        }
    }
    pieces
}

fn allows(wanted: Option<char>, char: char) -> bool {
    wanted.is_none_or(|wanted| wanted == char)
}

/// What follows a piece that a text begins with.
fn after<'t>(text: &'t str, piece: &[Option<char>]) -> Option<&'t str> {
    let mut chars = text.chars();
    let fits = piece.iter().all(|&wanted| chars.next().is_some_and(|char| allows(wanted, char)));
    fits.then_some(chars.as_str())
}

/// What precedes a piece that a text ends with.
fn before<'t>(text: &'t str, piece: &[Option<char>]) -> Option<&'t str> {
    let mut chars = text.chars();
    let mut back = piece.iter().rev();
    let fits = back.all(|&wanted| chars.next_back().is_some_and(|char| allows(wanted, char)));
    fits.then_some(chars.as_str())
}

/// What follows the first place where a piece fits.
fn find<'t>(text: &'t str, piece: &[Option<char>]) -> Option<&'t str> {
    let mut chars = text.chars();
    loop {
        if let Some(rest) = after(chars.as_str(), piece) {
            return Some(rest);
        }
        chars.next()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_the_whole_text() {
        for (text, pattern, expected) in [
            ("abc", "abc", true),
            ("abc", "ab", false),
            ("abc", "a%", true),
            ("abc", "%c", true),
            ("abc", "%b%", true),
            ("abc", "a_c", true),
            ("abc", "a_", false),
            ("äöü", "_ö_", true),
            ("", "", true),
            ("", "%", true),
            ("", "_", false),
            ("aa", "a%a", true),
            ("a", "a%a", false),
            ("abcabd", "%ab_%abd", true),
            ("mississippi", "m%ss%ss%pp_", true),
            ("mississippi", "m%ss%ss%ss%", false),
            ("100%", "100\\%", true),
            ("1000", "100\\%", false),
            ("a_b", "a\\_b", true),
            ("a\\", "a\\", true),
            ("%%", "%%%", true),
        ] {
            assert_eq!(matches(text, pattern), expected, "{text:?} like {pattern:?}");
        }
    }
}
