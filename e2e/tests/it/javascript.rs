//! npm `braintrust` 3.35.0 and 3.3.0: `Eval` and `initLogger`.

use crate::clients::{Client, World};
use crate::stored::{Stored, check_eval, check_logs};

/// The words of a summary line, as the reporter prints them.
fn line<'a>(stdout: &'a str, name: &str) -> Vec<&'a str> {
    let mut lines = stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let found = lines.find(|words| words.first() == Some(&name));
    found.unwrap_or_else(|| panic!("no line {name:?} in\n{stdout}"))
}

#[test]
fn an_unmodified_eval_is_stored_and_summarized() {
    check_evals(Client::NPM, 2);
}

#[test]
fn an_unmodified_eval_of_an_older_package_is_stored_and_summarized() {
    // It runs every case once: it does not know trials of single cases.
    check_evals(Client::NPM_3_3, 1);
}

/// Three runs, the second with other answers; `b_trials` says how often case b runs.
fn check_evals(client: Client, b_trials: usize) {
    let world = World::start();
    let first = world.run(client, "eval", "first").success();
    assert_eq!(line(&first.stdout, "exact"), ["exact", "66.67%"]);
    assert_eq!(line(&first.stdout, "fragile"), ["fragile", "50.00%"]);
    assert_eq!(line(&first.stdout, "tokens"), ["tokens", "3tok"]);
    let link = format!("{}/app/local/p/js-project/experiments/js-first", world.url());
    assert!(first.stdout.contains(&link), "{}", first.stdout);

    let stored = Stored::experiment(world.url(), "js-project", "js-first");
    let trials = |input: &str| if input == "b" { b_trials } else { 1 };
    check_eval(&stored, trials, ["A", "wrong", "C"]);
    // Trials that run through, of five rows each, and root and task of the failing one.
    assert_eq!(stored.len(), (2 + b_trials) * 5 + 2);

    // One case got better and one worse, whatever the number of trials.
    let second = world.run(client, "eval", "second").success();
    assert!(second.stdout.contains("js-first (baseline) <- js-second (comparison)"));
    assert_eq!(line(&second.stdout, "exact"), ["exact", "66.67%", "0.00%", "1", "1"]);
    assert_eq!(line(&second.stdout, "fragile"), ["fragile", "50.00%", "0.00%", "-", "-"]);
    let stored = Stored::experiment(world.url(), "js-project", "js-second");
    check_eval(&stored, trials, ["wrong", "B", "C"]);

    // A taken name gets a suffix, and the new run is compared with the last one.
    let third = world.run(client, "eval", "second").success();
    assert!(third.stdout.contains("js-second (baseline) <- js-second-"), "{}", third.stdout);
}

#[test]
fn a_logger_is_stored() {
    check_logger(Client::NPM);
}

#[test]
fn a_logger_of_an_older_package_is_stored() {
    check_logger(Client::NPM_3_3);
}

fn check_logger(client: Client) {
    let world = World::start();
    let finished = world.run(client, "logger", "").success();
    assert_eq!(finished.stderr, "");
    check_logs(&Stored::logs(world.url(), "js-logs"));
}
