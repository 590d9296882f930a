//! What tests share: the real binary as a child process, plain HTTP to it, and programs that run
//! with a deadline.
//!
//! Everything here panics with a message instead of returning errors: it runs only in tests.

mod http;
mod program;
mod server;

pub use http::{Reply, get, post, rows};
pub use program::{Finished, run};
pub use server::{ServerProcess, built_binary};
