//! The SQLite store: one writer thread with group commit, a few readers.

mod blobs;
mod changes;
mod checkpoint;
mod collect;
mod datasets;
mod deletion;
mod documents;
mod experiments;
mod figures;
mod functions;
mod index;
mod keys;
mod live;
mod migrate;
mod objects;
pub(crate) mod offline;
mod open;
mod profiles;
mod readers;
mod row_tables;
mod scan;
mod snapshots;
mod store;
mod upkeep;
mod versions;
mod writer;

pub(crate) use open::{DATABASE_FILE, OpenError};
pub(crate) use store::{OpenFailure, SqliteStore};
