//! The very files of the client, with loom's locks and atomics in place of the real ones.
//!
//! `budget.rs` and `doorbell.rs` of `crates/client` take everything that synchronizes from
//! `crate::sync`. Here that module is loom's, which runs each test through every interleaving of
//! its threads (within loom's bounds) and reports a deadlock where a wake-up is missed: time-outs
//! never fire in these models. The asynchronous waits are not modelled; their order of
//! "register, check, wait" is that of tokio's own documentation and is tested under paused time.

#[cfg(test)]
#[path = "../../crates/client/src/budget.rs"]
#[expect(dead_code, reason = "the models use a part of it")]
mod budget;
#[cfg(test)]
#[path = "../../crates/client/src/doorbell.rs"]
#[expect(dead_code, reason = "the models use a part of it")]
mod doorbell;
#[cfg(test)]
mod models;
#[cfg(test)]
mod sync;
