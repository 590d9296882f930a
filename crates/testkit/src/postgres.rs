//! A real PostgreSQL 15 for tests.
//!
//! ```no_run
//! use tidegate_testkit::postgres::{Cluster, shared};
//! let database = shared().create_database();
//! let url = shared().url(&database);
//! // One of its own, that keeps what it has confirmed through `kill -9`.
//! let mut cluster = Cluster::durable();
//! cluster.kill();
//! cluster.start_again();
//! # drop(url);
//! ```

mod cluster;
mod databases;
mod programs;
mod server;

pub use cluster::Cluster;
pub use databases::{Store, database_of, ends_here, store};
pub use programs::find as find_programs;
pub use server::{Server, shared};
