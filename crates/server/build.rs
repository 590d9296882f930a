//! Builds the crate again when the files of the web page change, new ones included.

#![allow(clippy::print_stdout, clippy::allow_attributes, reason = "how cargo is told")]

fn main() {
    println!("cargo::rerun-if-changed=../../ui/dist");
}
