//! Pages that stay open while an evaluation runs: they follow it without a reload.

use std::time::Duration;

use tempfile::TempDir;
use tidegate_testkit::{built_binary, run};

use crate::clients::{World, browser, web};

#[test]
fn pages_follow_a_running_evaluation() {
    let world = World::start();
    let directory = TempDir::new().expect("a directory");
    let _one = browser();
    let mut watch = web("live.mjs");
    watch.arg(world.url()).arg(built_binary()).arg(directory.path());
    drop(run(&mut watch, Duration::from_secs(180)).success());
}
