//! What tests share: the real binary as a child process, plain HTTP to it, a real PostgreSQL, a
//! bucket, programs that run with a deadline, and an HTTP server that answers by a script.
//!
//! Everything here panics with a message instead of returning errors, unless a task runner may need
//! it as well: it runs only in tests.

mod env;
mod http;
pub mod postgres;
mod program;
mod random;
pub mod s3;
mod scripted;
mod server;
mod wait;
mod watchdog;

pub use env::{PG_BIN, POSTGRES, STORE};
pub use http::{Reply, get, post, put, rows, send};
pub use program::{Finished, run};
pub use random::fixed_port;
pub use scripted::{Answer, Request, ScriptedServer};
pub use server::{ServerProcess, built_binary};
