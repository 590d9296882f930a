//! One file per command.

pub(crate) mod bench;
pub(crate) mod serve;
pub(crate) mod spool;
