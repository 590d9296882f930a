//! The command that resumes a run, for a terminal or a log to copy from.

use std::sync::{Mutex, PoisonError};

use crate::printer::Printer;

/// Arguments that the command to resume replaces or does without; whether a value follows.
const REPLACED: [(&str, bool); 5] = [
    ("--run-id", true),
    ("--resume", true),
    ("--only-errors", true),
    ("--cache", false),
    ("--watch", false),
];

/// Set while there is a run that can be resumed.
#[derive(Debug, Default)]
pub(crate) struct Again(Mutex<Option<String>>);

impl Again {
    pub(crate) fn set(&self, run: Option<&str>) {
        let command = run.map(|run| command(std::env::args().skip(1), run));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = command;
    }

    pub(crate) fn command(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says how to go on with what is not finished.
    pub(crate) fn say(&self, printer: &Printer) {
        if let Some(command) = self.command() {
            printer.say(format_args!("not finished; resume with: {command}"));
        }
    }
}

fn command(arguments: impl Iterator<Item = String>, run: &str) -> String {
    let mut words = vec!["tidegate".to_owned()];
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        let name = argument.split('=').next().unwrap_or_default();
        match REPLACED.iter().find(|(replaced, _)| *replaced == name) {
            None => words.push(quoted(&argument)),
            Some((_, true)) if !argument.contains('=') => drop(arguments.next()),
            Some(_) => {}
        }
    }
    words.extend(["--resume".to_owned(), quoted(run)]);
    words.join(" ")
}

/// As a shell takes it for one word.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=:,%+@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_the_one_that_was_typed_with_another_run() {
        let typed = ["eval", "a b.toml", "--run-id", "x", "--cache", "--resume=y", "--filter"];
        let typed = typed.into_iter().chain(["it's", "--watch"]).map(str::to_owned);
        let command = command(typed, "r-1");
        assert_eq!(command, r"tidegate eval 'a b.toml' --filter 'it'\''s' --resume r-1");
    }
}
