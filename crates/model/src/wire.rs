//! Requests and replies of the protocol. Replies ignore unknown members; requests leave out
//! what is not set, since servers treat an absent member and null differently.

pub mod logs;
pub mod objects;
pub mod session;
pub mod summary;
pub mod uploads;
