//! What the place of text can show.

use std::io::IsTerminal as _;

use crate::env::Environment;

/// Columns where nothing says how many there are.
const WIDTH: usize = 100;
/// Fewer columns than these are taken for so many.
const LEAST_WIDTH: usize = 60;
/// More are not used; what is wider is no terminal.
const MOST_WIDTH: usize = 1_000;

/// A place of text, usually stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terminal {
    /// Columns of a line.
    pub(crate) width: usize,
    /// Lines, if it is a terminal.
    pub(crate) height: Option<usize>,
    /// Whether the locale is UTF-8.
    pub(crate) unicode: bool,
    /// Whether escape sequences for colours may be written.
    pub(crate) colors: bool,
}

impl Terminal {
    /// What stdout is. `COLUMNS` wins over what the terminal says; colours are for terminals,
    /// unless `NO_COLOR` or `CLICOLOR` says otherwise.
    pub(crate) fn of_stdout(environment: &Environment) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let size = console::Term::stdout().size_checked().filter(|_| is_terminal);
        let columns = environment.get("COLUMNS").and_then(|columns| columns.trim().parse().ok());
        Self {
            width: width(columns, size.map(|(_, columns)| columns.into())),
            height: size.map(|(lines, _)| lines.into()),
            unicode: is_utf8(|name| environment.get(name)),
            colors: is_terminal && console::colors_enabled(),
        }
    }
}

fn width(wanted: Option<usize>, terminal: Option<usize>) -> usize {
    let width = wanted.filter(|columns| *columns > 0).or(terminal).unwrap_or(WIDTH);
    width.clamp(LEAST_WIDTH, MOST_WIDTH)
}

/// The first of the variables that is set decides, as in the C library.
fn is_utf8(get: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(get).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_width_has_bounds_and_the_variable_wins() {
        assert_eq!(width(None, None), 100);
        assert_eq!(width(Some(80), Some(200)), 80);
        assert_eq!(width(Some(0), Some(200)), 200);
        assert_eq!(width(Some(20), None), 60);
        assert_eq!(width(Some(usize::MAX), None), 1_000);
    }

    #[test]
    fn the_first_variable_of_the_locale_decides() {
        let locale = |set: &[(&str, &str)]| {
            let set: Vec<(String, String)> =
                set.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            is_utf8(|name| {
                set.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
            })
        };
        assert!(locale(&[("LANG", "en_US.UTF-8")]));
        assert!(locale(&[("LC_CTYPE", "C.utf8"), ("LANG", "C")]));
        assert!(!locale(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]));
        assert!(!locale(&[]));
    }
}
