//! npm `braintrust` 3.35.0.

use crate::clients::World;
use crate::stored::{Stored, check_eval, check_logs};

/// The words of a summary line, as the reporter prints them.
fn line<'a>(stdout: &'a str, name: &str) -> Vec<&'a str> {
    let mut lines = stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let found = lines.find(|words| words.first() == Some(&name));
    found.unwrap_or_else(|| panic!("no line {name:?} in\n{stdout}"))
}

#[test]
fn an_unmodified_eval_is_stored_and_summarized() {
    let world = World::start();
    let first = world.javascript("eval.mjs", "first").success();
    assert_eq!(line(&first.stdout, "exact"), ["exact", "66.67%"]);
    assert_eq!(line(&first.stdout, "fragile"), ["fragile", "50.00%"]);
    assert_eq!(line(&first.stdout, "tokens"), ["tokens", "3tok"]);
    let link = format!("{}/app/local/p/js-project/experiments/js-first", world.url());
    assert!(first.stdout.contains(&link), "{}", first.stdout);

    let stored = Stored::experiment(world.url(), "js-project", "js-first");
    let trials = |input: &str| if input == "b" { 2 } else { 1 };
    check_eval(&stored, trials, ["A", "wrong", "C"]);
    // Four trials that run through, of five rows each, and root and task of the failing one.
    assert_eq!(stored.len(), 4 * 5 + 2);

    // One case got better and one worse, whatever the number of trials.
    let second = world.javascript("eval.mjs", "second").success();
    assert!(second.stdout.contains("js-first (baseline) <- js-second (comparison)"));
    assert_eq!(line(&second.stdout, "exact"), ["exact", "66.67%", "0.00%", "1", "1"]);
    assert_eq!(line(&second.stdout, "fragile"), ["fragile", "50.00%", "0.00%", "-", "-"]);
    let stored = Stored::experiment(world.url(), "js-project", "js-second");
    check_eval(&stored, trials, ["wrong", "B", "C"]);

    // A taken name gets a suffix, and the new run is compared with the last one.
    let third = world.javascript("eval.mjs", "second").success();
    assert!(third.stdout.contains("js-second (baseline) <- js-second-"), "{}", third.stdout);
}

#[test]
fn a_logger_is_stored() {
    let world = World::start();
    let finished = world.javascript("logger.mjs", "").success();
    assert_eq!(finished.stderr, "");
    check_logs(&Stored::logs(world.url(), "js-logs"));
}
