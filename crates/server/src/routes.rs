//! HTTP: one module per resource, each thin — read, ask, reply.

mod attachments;
mod auth;
mod blobs;
mod comparison;
mod datasets;
mod deletion;
mod encoding;
mod envelope;
mod events;
mod experiments;
mod health;
mod internal;
mod links;
mod list_params;
mod lists;
mod logs;
mod metrics;
mod object_info;
mod observe;
mod openapi;
mod overflow;
mod pages;
mod patch;
mod projects;
mod read;
mod reply;
mod request;
mod request_id;
mod router;
mod session;
mod snapshots;
mod summary;
mod table;

pub(crate) use overflow::LIFETIME as OVERFLOW_LIFETIME;
pub use router::route_table;
pub(crate) use router::router;
