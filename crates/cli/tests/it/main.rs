//! The binary as it is used: real processes, real sockets, real signals.

mod backup;
mod bad_input;
mod bench;
mod compare;
mod database;
mod eval;
mod export;
mod health;
mod key;
mod kill;
mod load;
mod logs;
mod merge;
mod plan;
mod profile;
mod profiled;
mod record;
mod runs;
mod serve;
mod spool;
mod support;
mod timeline;
mod what_if;
