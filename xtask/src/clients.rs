//! `examples/clients`: a workspace of its own, so that its many dependencies are in nobody else's lock
//! file.

use std::process::Command;

use crate::env;
use crate::step::{cargo, root};

pub(crate) const MANIFEST: &str = "examples/clients/Cargo.toml";

/// Builds and runs its examples. They start the binary, which must have been built.
pub(crate) fn test() -> Command {
    let mut test = cargo(&["test", "--manifest-path", MANIFEST]);
    // What both workspaces need is built once, and the binary is found beside the examples.
    if !env::is_set("CARGO_TARGET_DIR") {
        test.env("CARGO_TARGET_DIR", root().join("target"));
    }
    test
}
