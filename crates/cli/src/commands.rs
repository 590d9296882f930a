//! One file per command.

pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod cells;
pub(crate) mod compare;
pub(crate) mod doctor;
pub(crate) mod eval;
pub(crate) mod export;
pub(crate) mod health;
pub(crate) mod key;
pub(crate) mod merge;
pub(crate) mod migrate_store;
pub(crate) mod plan;
pub(crate) mod profile;
pub(crate) mod serve;
pub(crate) mod spool;
pub(crate) mod timeline;
