//! The data directory: who has it, and how it changes hands.
//!
//! The operating system's lock on `collector.lock` decides; the file's content only says where the
//! holder listens. A crashed holder leaves content but no lock, so its directory is simply taken.

mod call;
mod handover;
mod lock;

pub(crate) use call::{TOKEN_HEADER, call};
pub(crate) use handover::{HANDOVER_PATH, HELLO_PATH, KEYS_PATH};
pub(crate) use lock::{DirectoryLock, is_held};
pub use lock::{Holder, read_holder};
