//! Exit codes: 0 done, 1 gate failed, 2 wrong usage, 3 failure, 4 gate undecided, 130 interrupted.

use std::fmt;
use std::process::ExitCode;

/// Why a command failed, and what the user can do.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: anyhow::Error,
    pub(crate) hint: String,
    code: u8,
}

pub(crate) const GATE_FAILED: u8 = 1;
const USAGE: u8 = 2;
pub(crate) const FAILED: u8 = 3;
pub(crate) const GATE_UNDECIDED: u8 = 4;
/// What shells report of a program that SIGINT has ended.
pub(crate) const INTERRUPTED: u8 = 130;

impl Failure {
    /// The command cannot be carried out as it was given.
    pub(crate) fn usage(error: anyhow::Error, hint: impl Into<String>) -> Self {
        Self { error, hint: hint.into(), code: USAGE }
    }

    /// A failure whose exit code is another than those of all commands.
    pub(crate) fn with_code(error: anyhow::Error, hint: impl Into<String>, code: u8) -> Self {
        Self { error, hint: hint.into(), code }
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        self.code
    }

    /// The command was right, the world was not.
    pub(crate) fn failed(error: anyhow::Error, hint: impl Into<String>) -> Self {
        Self { error, hint: hint.into(), code: FAILED }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error.into(), "check the limits of this system (ulimit -a)")
    }
}

impl fmt::Display for Failure {
    /// The error with its causes, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

pub(crate) fn code(failure: &Failure) -> ExitCode {
    ExitCode::from(failure.code)
}
