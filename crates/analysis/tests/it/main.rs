//! Analysis of whole profiles, as they are read from their lines.

mod build;
mod critical_path;
mod diagnosis;
mod emulate;
mod export;
mod recorded;
mod shape;
mod tracks;
