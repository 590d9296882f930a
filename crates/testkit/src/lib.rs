//! What tests share: the real binary as a child process, plain HTTP to it, programs that run
//! with a deadline, and an HTTP server that answers by a script.
//!
//! Everything here panics with a message instead of returning errors: it runs only in tests.

mod http;
mod program;
mod scripted;
mod server;

pub use http::{Reply, get, post, put, rows};
pub use program::{Finished, run};
pub use scripted::{Answer, Request, ScriptedServer};
pub use server::{ServerProcess, built_binary};
