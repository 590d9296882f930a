//! The client over real sockets, against a server that follows a script.

mod lifecycle;
mod protocol;
mod support;
