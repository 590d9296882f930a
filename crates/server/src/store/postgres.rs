//! Rows and objects in PostgreSQL, shared by any number of collectors.
//!
//! A collector keeps nothing that another one would miss: every answer comes from the database, and
//! what is told to watching pages goes through it (`NOTIFY`). Requests that arrive together are
//! committed together, as in the SQLite store. The index for lists and searches is kept in the same
//! database by whichever collector comes to it first, under a lock per object.
//!
//! Transaction ids increase over all collectors. What must be in the order of its ids takes a lock
//! before it takes one: rows of a dataset, since its versions are read by id.

mod blobs;
mod columns;
mod conflict;
mod database;
mod datasets;
mod deletion;
mod experiments;
mod functions;
pub(crate) mod import;
mod index;
mod keys;
mod locks;
mod migrate;
mod notices;
mod objects;
mod profiles;
mod read;
mod snapshots;
mod store;
mod tell;
#[cfg(test)]
mod testing;
mod upkeep;
mod versions;
mod write;
mod writer;

pub(crate) use database::name_of as name;
pub(crate) use migrate::OpenError;
pub(crate) use store::PostgresStore;
