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

pub use gate::Gate;
pub use server::{Object, Server, shared};

/// Where all buckets are; there is only one region.
const REGION: &str = "us-east-1";
