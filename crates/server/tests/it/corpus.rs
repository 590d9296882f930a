//! The corpus of the fuzz targets, replayed: what was a finding once stays fixed.

use std::fs;
use std::path::Path;

use tidegate_server::fuzzing;

/// Runs a target on all its inputs; a panic is told with the name of the input.
fn replay(target: &str, run: impl Fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let inputs = fs::read_dir(&corpus).expect("a corpus");
    let mut count = 0;
    for input in inputs {
        let path = input.expect("an entry").path();
        let bytes = fs::read(&path).expect("an input");
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&bytes)));
        assert!(ended.is_ok(), "{} is a finding again", path.display());
        count += 1;
    }
    assert!(count >= 9, "only {count} inputs in {}", corpus.display());
}

#[test]
fn inputs_that_fuzzing_found_for_logs3_do_no_harm() {
    replay("logs3", fuzzing::logs3);
}

#[test]
fn inputs_that_fuzzing_found_for_otlp_do_no_harm() {
    replay("otlp", fuzzing::otlp);
}

#[test]
fn inputs_that_fuzzing_found_for_btql_in_json_do_no_harm() {
    replay("btql_json", fuzzing::btql_json);
}

#[test]
fn inputs_that_fuzzing_found_for_btql_in_sql_do_no_harm() {
    replay("btql_sql", |input| {
        if let Ok(text) = std::str::from_utf8(input) {
            fuzzing::btql_sql(text);
        }
    });
}
