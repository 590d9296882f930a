//! What a person sees. Progress and messages go to stderr; stdout is for data.

use std::fmt::Display;
use std::io::Write as _;

use crate::exit::Failure;

#[derive(Debug)]
pub(crate) struct Printer;

impl Printer {
    /// Says one line. A closed stderr leaves nobody to tell and stops nothing.
    pub(crate) fn say(&self, line: impl Display) {
        writeln!(std::io::stderr().lock(), "{line}").ok();
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        self.say(format_args!("error: {failure}"));
        self.say(format_args!("hint: {}", failure.hint));
    }
}
