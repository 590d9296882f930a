//! Gates and each exit code.
