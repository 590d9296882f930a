//! PyPI `braintrust` 0.46.0.

use crate::clients::{Client, World};
use crate::stored::{Stored, check_eval, check_logs};

fn assert_line(stdout: &str, expected: &str) {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let found = stdout.lines().any(|line| words(line) == words(expected));
    assert!(found, "no line {expected:?} in\n{stdout}");
}

#[test]
fn an_unmodified_eval_is_stored_and_summarized() {
    let world = World::start();
    let first = world.run(Client::PyPi, "eval", "first").success();
    assert_line(&first.stdout, "66.67% 'exact' score");
    assert_line(&first.stdout, "50.00% 'fragile' score");
    assert_line(&first.stdout, "3.00tok tokens");
    let link = format!("{}/app/local/p/python-project/experiments/python-first", world.url());
    assert!(first.stdout.contains(&link), "{}", first.stdout);

    let stored = Stored::experiment(world.url(), "python-project", "python-first");
    check_eval(&stored, |_| 2, ["A", "wrong", "C"]);
    // Three cases of five rows and the failing one of two, two trials each.
    assert_eq!(stored.len(), 2 * (3 * 5 + 2));

    let second = world.run(Client::PyPi, "eval", "second").success();
    assert_line(&second.stdout, "python-second compared to python-first:");
    assert_line(&second.stdout, "66.67% (-) 'exact' score (1 improvements, 1 regressions)");
    assert_line(&second.stdout, "50.00% (-) 'fragile' score (0 improvements, 0 regressions)");
    let stored = Stored::experiment(world.url(), "python-project", "python-second");
    check_eval(&stored, |_| 2, ["wrong", "B", "C"]);
}

#[test]
fn a_logger_is_stored() {
    let world = World::start();
    let finished = world.run(Client::PyPi, "logger", "").success();
    assert_eq!(finished.stdout, "");
    check_logs(&Stored::logs(world.url(), "python-logs"));
}
