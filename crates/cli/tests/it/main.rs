//! The binary as it is used: real processes, real sockets, real signals.

mod bad_input;
mod bench;
mod kill;
mod serve;
mod spool;
mod support;
