//! Texts of any size as parts of a report.

use serde_json::Value;

/// At most this many characters, with a mark of how many were cut.
pub(super) fn bounded(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => {
            let cut = text[end..].chars().count();
            format!("{}… [{cut} characters cut]", &text[..end])
        }
    }
}

/// At most this many characters on one line; what is cut ends with an ellipsis.
pub(super) fn one_line(text: &str, most: usize) -> String {
    let mut line = String::new();
    for (count, word) in text.split_whitespace().enumerate() {
        if count > 0 {
            line.push(' ');
        }
        line.push_str(word);
        // Whatever follows would be cut anyway.
        if line.len() > 4 * most {
            break;
        }
    }
    match line.char_indices().nth(most) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

/// A number of things, in the singular if it is one: `1 trial`, `2 trials`.
pub(crate) fn counted(count: u64, thing: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{s}")
}

/// A value as people read it: text as it is, everything else as JSON.
pub(super) fn readable(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_singular() {
        let counts = [0, 1, 2].map(|count| counted(count, "case"));
        assert_eq!(counts, ["0 cases", "1 case", "2 cases"]);
    }

    #[test]
    fn what_is_cut_is_marked() {
        assert_eq!(bounded("äöü", 3), "äöü");
        assert_eq!(bounded("äöüß!", 3), "äöü… [2 characters cut]");
        assert_eq!(one_line(" a\n b\tc ", 10), "a b c");
        assert_eq!(one_line("abc def", 5), "abc d…");
        assert_eq!(one_line(&"x".repeat(100_000), 2), "xx…");
    }
}
