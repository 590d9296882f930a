//! The collector: takes rows over HTTP in Braintrust's wire protocol, merges and stores them, and
//! answers queries.
//!
//! A row goes `routes` → `ingest` → `store`, an answer `store` → `query` → `routes`. A 2xx to
//! `POST /logs3` means that the rows survive loss of power.
//!
//! ```no_run
//! # async fn example() -> Result<(), tidegate_server::StartError> {
//! use std::net::{Ipv4Addr, SocketAddr};
//! use tidegate_server::{Options, Role, start};
//!
//! let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
//! let collector = start(Options::new(".tidegate").listen(listen).role(Role::Embedded)).await?;
//! println!("listening on {}", collector.url());
//! # Ok(())
//! # }
//! ```

#![deny(missing_docs)]

mod app;
mod arrivals;
mod blobs;
mod clock;
mod data_dir;
mod elsewhere;
mod error;
mod functions;
#[doc(hidden)]
pub mod fuzzing;
mod handle;
mod ingest;
mod keyring;
mod keys;
mod lifecycle;
mod listener;
mod live;
pub mod maintenance;
mod metrics;
mod options;
mod otlp;
mod owners;
mod query;
mod routes;
mod shed;
mod stall;
mod start;
mod store;
mod sweeper;
#[cfg(test)]
mod typescript;
mod ui;

pub use arrivals::{Latency, Recorder, Recording, recorder};
#[cfg(feature = "s3")]
pub use blobs::BucketError;
pub use data_dir::{Holder, read_holder};
pub use error::{ShutdownError, StartError};
pub use handle::Handle;
pub use keyring::{Keyring, KeyringError};
pub use keys::admin::{CreatedKey, KeyInfo, NewKey};
pub use options::{Options, Role};
#[doc(hidden)]
pub use routes::route_table;
pub use start::start;
pub use store::{Scope, StoreError};
