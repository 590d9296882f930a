//! `--what-if`: measured beside predicted. How good predictions are is tested with the replay.

use serde_json::Value;

use super::{fixture, of_fixture, timeline};

#[test]
fn what_was_measured_stands_beside_what_is_predicted() {
    let change = ["--what-if", "strategy=adaptive"];
    let json = of_fixture("serial", &[&change[..], &["--format", "json"]].concat());
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let predicted = &json["what_if"];
    // Two rounds of requests that took 1.2 s each become one that takes a fraction.
    let wall_us = predicted["wall_us"].as_u64().expect("a number");
    assert!((250_000..600_000).contains(&wall_us), "{predicted:#}");
    assert_eq!(predicted["recorded_us"], json["wall_us"]);

    let text = of_fixture("serial", &change);
    let line = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).expect("a line");
        line[name.len()..].split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(line("wall").starts_with("2.46 s "), "{text}");
    assert_eq!(line("requests"), format!("8 {}", predicted["requests"]));
    assert_eq!(line("overlapping pairs"), format!("0 {}", predicted["overlapping_pairs"]));
    assert!(line("waited for flushes, summed").ends_with("s 0 s"), "{text}");
    assert!(text.contains("% less time; the recorded settings, replayed, take "), "{text}");
    let words: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for assumption in predicted["assumptions"].as_array().expect("an array") {
        assert!(words.contains(assumption.as_str().expect("text")), "{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert_eq!(of_fixture("serial", &[&change[..], &["--ascii"]].concat()), text.replace('·', "-"));
}

#[test]
fn settings_that_are_none_and_profiles_that_say_too_little_are_refused() {
    let file = fixture("serial");
    let file = file.to_str().expect("UTF-8");
    for (arguments, error) in [
        (&["--what-if", "lanes=many"][..], "is no whole number from 1 to 1024"),
        (&["--what-if", "lane=8"], "there is no such setting"),
        (&["--what-if", "lanes=8", "--follow"], "cannot be used with"),
        (&["--what-if", "lanes=8"], "lanes: means nothing to serial-chunks"),
        (&["--what-if", "strategy=adaptive", "--format", "svg"], "--what-if has figures"),
    ] {
        let finished = timeline(&[&[file], arguments].concat());
        assert_eq!(
            (finished.status.code(), finished.stdout.as_str()),
            (Some(2), ""),
            "{finished:#?}"
        );
        assert!(finished.stderr.contains(error), "{}", finished.stderr);
    }
    let directory = tempfile::TempDir::new().expect("a directory");
    let path = directory.path().join("server.jsonl");
    let text = std::fs::read_to_string(file).expect("readable");
    std::fs::write(&path, text.replacen("\"emulation\"", "\"server\"", 1)).expect("written");
    let finished = timeline(&[path.to_str().expect("UTF-8"), "--what-if", "strategy=adaptive"]);
    assert_eq!(finished.status.code(), Some(3), "{finished:#?}");
    assert!(finished.stderr.contains("hint: record the run itself"), "{}", finished.stderr);
}
