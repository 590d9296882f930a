//! What a person sees. Progress and messages go to stderr; stdout is for data.

use std::fmt::Display;
use std::io::Write as _;

use crate::exit::Failure;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer;

impl Printer {
    /// Says one line. A closed stderr leaves nobody to tell and stops nothing.
    pub(crate) fn say(&self, line: impl Display) {
        writeln!(std::io::stderr().lock(), "{line}").ok();
    }

    /// Prints data on stdout, with a line end.
    ///
    /// # Errors
    /// Whoever reads it has gone away.
    pub(crate) fn data(&self, data: impl Display) -> Result<(), Failure> {
        writeln!(std::io::stdout().lock(), "{data}").map_err(|error| {
            Failure::failed(error.into(), "whatever reads the output must read it to its end")
        })
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        self.say(format_args!("error: {failure}"));
        self.say(format_args!("hint: {}", failure.hint));
    }
}
