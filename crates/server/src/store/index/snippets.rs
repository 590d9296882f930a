//! The parts of a row's text that a search found.

use super::wanted::Wanted;
use crate::store::Snippet;

/// Bytes of a snippet, roughly.
const SNIPPET_BYTES: usize = 200;

/// One snippet for each field that has something of what is wanted, around the first place.
pub(crate) fn snippets(fields: &[(&'static str, String)], wanted: &Wanted) -> Vec<Snippet> {
    let snippets = fields.iter().filter_map(|(field, text)| {
        let places = wanted.places(text);
        let (first, _) = *places.first()?;
        // A quarter before the place, so that it stands in a context, cut between characters.
        let start = text.floor_char_boundary(first.saturating_sub(SNIPPET_BYTES / 4));
        let end = text.ceil_char_boundary((start + SNIPPET_BYTES).min(text.len()));
        let inside = places.into_iter().filter(|(from, to)| *from >= start && *to <= end);
        Some(Snippet {
            field,
            text: text[start..end].to_owned(),
            matches: inside.map(|(from, to)| (from - start, to - start)).collect(),
        })
    });
    snippets.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snippets_surround_the_first_place() {
        let wanted = Wanted::of("needle").expect("a query");
        let text = format!("{} a Needle, {}", "é ".repeat(300), "x ".repeat(300));
        let found = snippets(&[("input", "no".into()), ("output", text)], &wanted);
        assert_eq!(found.len(), 1);
        let Snippet { field, text, matches } = &found[0];
        assert_eq!(*field, "output");
        assert!(text.len() <= SNIPPET_BYTES + 4, "{}", text.len());
        assert_eq!(matches.len(), 1);
        assert_eq!(&text[matches[0].0..matches[0].1], "Needle");
    }
}
