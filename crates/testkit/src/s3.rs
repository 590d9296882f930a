//! A real S3-compatible server for tests: moto, as a process of its own, which checks signatures.
//!
//! ```no_run
//! use tidegate_testkit::s3::{Gate, shared};
//! let bucket = shared().create_bucket();
//! // What a child process needs to reach it, and what has arrived there.
//! let environment = shared().environment();
//! assert!(shared().objects(&bucket).is_empty());
//! // The same server behind a door that can be shut.
//! let mut gate = Gate::before(shared());
//! gate.refuse();
//! gate.open();
//! # drop((environment, gate.environment()));
//! ```

mod gate;
mod process;
mod server;
mod sign;

use std::process::Command;

use crate::env;

pub use gate::Gate;
pub use server::{Object, Server, shared};

/// Where all buckets are; there is only one region.
const REGION: &str = "us-east-1";

/// Lets a program reach a server by [`Server::environment`] or [`Gate::environment`], and sees to it
/// that nothing of the developer's own settings reaches it.
pub fn configure(command: &mut Command, environment: &[(&str, String)]) {
    for name in env::names("AWS_") {
        command.env_remove(name);
    }
    command.envs(environment.iter().map(|(name, value)| (name, value)));
}
