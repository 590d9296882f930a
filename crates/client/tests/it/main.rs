//! The client over real sockets, against a server that follows a script.

mod kill;
mod lifecycle;
mod protocol;
mod spool;
mod support;
