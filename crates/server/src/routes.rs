//! HTTP: one module per resource, each thin — read, ask, reply.

mod auth;
mod encoding;
mod experiments;
mod health;
mod internal;
mod links;
mod logs;
mod metrics;
mod observe;
mod projects;
mod read;
mod reply;
mod request;
mod router;
mod session;
mod summary;
mod table;

pub use router::route_table;
pub(crate) use router::router;
