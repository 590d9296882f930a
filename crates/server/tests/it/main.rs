//! The collector over real sockets and a real database.

mod attachments;
mod authorization;
mod btql;
mod datasets;
mod directory;
mod disk_full;
mod encoding;
mod events;
mod examples;
mod experiments;
mod harness;
mod ingest;
mod keys;
mod limits;
mod lists;
mod merging;
mod metrics;
mod overflow;
mod patch;
mod reading;
mod retention;
mod routes;
mod safety;
mod summary;
mod versions;
