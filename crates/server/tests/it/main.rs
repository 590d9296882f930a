//! The collector over real sockets and a real database.

mod arrivals;
mod attachments;
mod authorization;
mod btql;
#[cfg(feature = "s3")]
mod bucket;
mod collection;
mod corpus;
mod database;
mod datasets;
mod deletion;
mod directory;
mod disk_full;
mod encoding;
mod events;
mod examples;
mod experiments;
mod figures;
mod fleet;
mod functions;
mod harness;
mod ingest;
mod keys;
mod limits;
mod links;
mod lists;
mod live;
mod merging;
mod metrics;
#[cfg(feature = "postgres")]
mod migrate_store;
mod otlp;
mod overflow;
mod patch;
mod profiles;
mod prompts;
mod reading;
mod retention;
mod routes;
mod safety;
mod sessions;
mod summary;
mod versions;
mod web;
