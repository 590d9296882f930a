//! Profiles that were recorded: the evaluation of the published regression (40 cases × 8 spans,
//! four at once; each upload takes 250 ms and 4 ms per row) through three loggers, with
//! `tidegate bench upload --table seed --profile-dir`.

use tidegate_analysis::explain::{Explanation, explain};
use tidegate_analysis::profile::Profile;

fn explained(file: &str) -> Explanation {
    explain(&Profile::read(file.as_bytes()).expect("a profile"))
}

fn causes(explanation: &Explanation) -> Vec<&'static str> {
    explanation.diagnosis.iter().map(|finding| finding.cause.id()).collect()
}

#[test]
fn chunks_one_after_another_and_a_flush_in_each_task() {
    let found = explained(include_str!("../fixtures/serial-chunks.jsonl"));
    assert_eq!(causes(&found), ["flush_per_task", "serial_uploads"]);
}

#[test]
fn batches_of_a_hundred_rows() {
    let found = explained(include_str!("../fixtures/fixed-batches.jsonl"));
    assert_eq!(causes(&found), ["small_batches"]);
}

#[test]
fn even_batches_over_all_lanes() {
    let found = explained(include_str!("../fixtures/adaptive.jsonl"));
    assert_eq!(causes(&found), ["server_bound"]);
}
