//! The binary as it is used: real processes, real sockets, real signals.

mod bad_input;
mod kill;
mod serve;
mod support;
