//! `tidegate eval` with the real binary.

mod choice;
mod codes;
mod documented;
mod files;
mod interrupt;
mod joined;
mod network;
mod outputs;
mod repository;
mod resume;
mod shards;
pub(crate) mod support;
mod tasks;
