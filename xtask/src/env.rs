//! The only place that reads the environment.

/// Whether a variable is there and not blank.
#[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
pub(crate) fn is_set(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| !value.trim().is_empty())
}

/// The cargo that runs this, so that its toolchain is used throughout.
#[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
pub(crate) fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}
