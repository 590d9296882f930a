//! The client over real sockets, against a server that follows a script.

mod keeping;
mod kill;
mod lifecycle;
mod options;
mod process;
mod prompts;
mod protocol;
mod reading;
mod spool;
mod support;
mod waiting;
mod wire;
