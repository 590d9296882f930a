//! Everything that synchronizes threads in [`crate::budget`] and [`crate::doorbell`], by one
//! name, so that the package `tidegate-loom` can compile those files with loom's versions.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
pub(crate) use std::sync::{Arc, Condvar, Mutex, PoisonError};

pub(crate) use tokio::sync::Notify;
