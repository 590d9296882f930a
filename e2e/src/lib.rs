//! Published Braintrust clients run unchanged against `tidegate serve`; see `tests/it`.
//!
//! The programs are in `js/` and `python/`; `cargo xtask setup` installs the clients they use
//! from the lock files beside them into `target/e2e`.
