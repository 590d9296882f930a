use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tidegate_analysis::NameMap;

use roxmltree::{Document, Node};
use serde_json::{Map, Value};
use tidegate_client::Receipt;

use super::*;
use crate::report::table::test_summary;

fn result(id: Option<&str>, trial: u32, error: Option<&str>) -> CaseResult<String, Value, Value> {
    CaseResult {
        case_id: id.map(str::to_owned),
        trial,
        input: Arc::new("two\nlines".into()),
        expected: None,
        output: None,
        error: error.map(str::to_owned),
        scores: NameMap::new(),
        classifications: BTreeMap::new(),
        classifier_errors: BTreeMap::new(),
        scorer_errors: BTreeMap::new(),
        metrics: BTreeMap::new(),
        metadata: Map::new(),
        tags: Vec::new(),
        duration: Duration::from_micros(1_500),
    }
}

fn gated(outcome: GateOutcome) -> GateResult {
    GateResult {
        name: "exact".into(),
        rule: "at least 0.9".into(),
        outcome,
        why: "it is <not>".into(),
        hint: Some("so & so".into()),
    }
}

fn outcome(error: &str) -> Outcome<String, Value, Value> {
    let mut scorer_failed = result(None, 1, None);
    scorer_failed.scorer_errors = [("judge".to_owned(), "no answer".to_owned())].into();
    Outcome {
        results: vec![result(Some("a \"b\" <c>"), 0, Some(error)), scorer_failed],
        summary: test_summary(),
        gates: vec![gated(GateOutcome::Fail), gated(GateOutcome::Undecided)],
        receipt: Receipt::default(),
    }
}

fn children<'a, 'd>(node: Node<'a, 'd>) -> Vec<Node<'a, 'd>> {
    node.children().filter(Node::is_element).collect()
}

/// The structure that readers agree on: which element may hold which, the attributes they need, and
/// counts that are true.
fn check(xml: &str) {
    let document = Document::parse(xml).unwrap_or_else(|error| panic!("{error}: {xml}"));
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "testsuites");
    for suite in children(root) {
        assert_eq!(suite.tag_name().name(), "testsuite");
        let tests = children(suite).into_iter().filter(|n| n.has_tag_name("testcase"));
        let tests: Vec<_> = tests.collect();
        let count = |name: &str| {
            let problems = tests.iter().flat_map(|test| children(*test));
            problems.filter(|problem| problem.has_tag_name(name)).count()
        };
        let number = |name| suite.attribute(name).expect(name).parse::<usize>().expect("a number");
        assert_eq!(number("tests"), tests.len());
        assert_eq!(number("failures"), count("failure"));
        assert_eq!(number("errors"), count("error"));
        assert_eq!(number("skipped"), count("skipped"));
        for test in tests {
            assert!(test.attribute("classname").is_some_and(|name| !name.is_empty()));
            assert!(test.attribute("name").is_some_and(|name| !name.is_empty()));
            test.attribute("time").expect("a time").parse::<f64>().expect("seconds");
            assert!(children(test).len() <= 1);
            for problem in children(test) {
                let name = problem.tag_name().name();
                assert!(["error", "failure", "skipped"].contains(&name), "{name}");
                assert!(problem.attribute("message").is_some());
            }
        }
        let last = children(suite).last().map(|node| node.tag_name().name().to_owned());
        assert!(matches!(last.as_deref(), Some("testcase" | "system-err")), "{last:?}");
    }
}

#[test]
fn the_document_is_the_usual_structure_written_out() {
    let xml = junit(&[TestSuite::of(&outcome("line 1\nline 2"), Undecided::Failure)]);
    check(&xml);
    let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="tidegate" tests="4" failures="2" errors="2" skipped="0" time="1.500000">
  <testsuite name="p / now" tests="4" failures="2" errors="2" skipped="0" time="1.500000">
    <testcase classname="p.cases" name="a &quot;b&quot; &lt;c&gt;" time="0.001500">
      <error message="line 1 line 2" type="task">line 1
line 2</error>
    </testcase>
    <testcase classname="p.cases" name="&quot;two\nlines&quot; (trial 1)" time="0.001500">
      <error message="judge: no answer" type="scorer">judge: no answer</error>
    </testcase>
    <testcase classname="p.gates" name="exact at least 0.9" time="0.000000">
      <failure message="exact at least 0.9: it is &lt;not&gt;; so &amp; so" type="gate">exact at least 0.9: it is &lt;not&gt;; so &amp; so</failure>
    </testcase>
    <testcase classname="p.gates" name="exact at least 0.9" time="0.000000">
      <failure message="exact at least 0.9: it is &lt;not&gt;; so &amp; so" type="undecided">exact at least 0.9: it is &lt;not&gt;; so &amp; so</failure>
    </testcase>
    <system-err>something is missing</system-err>
  </testsuite>
</testsuites>
"#;
    assert_eq!(xml, expected);
}

#[test]
fn every_character_survives_or_is_written_out() {
    // Every character below U+3000 and the forbidden ones above, as a task might print them.
    let all: String = ('\0'..'\u{3000}').chain(['\u{fffe}', '\u{ffff}', '\u{1f600}']).collect();
    for error in [all.as_str(), "]]>", "\u{1b}[31mred\u{1b}[0m", "a\rb\r\nc\td", "&#0; &amp;"] {
        let xml = junit(&[TestSuite::of(&outcome(error), Undecided::Skipped)]);
        check(&xml);
        let document = Document::parse(&xml).expect("well-formed");
        let problem = document.descendants().find(|n| n.has_tag_name("error")).expect("an error");
        let mut seen = String::new();
        for c in bounded(error, ERROR_CHARS).chars() {
            match c {
                '\n' | '\t' | '\r' => seen.push(c),
                '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => seen.extend(c.escape_unicode()),
                c => seen.push(c),
            }
        }
        assert_eq!(problem.text(), Some(seen.as_str()));
    }
}

#[test]
fn an_undecided_gate_may_count_as_skipped() {
    let xml = junit(&[TestSuite::of(&outcome("e"), Undecided::Skipped)]);
    check(&xml);
    assert!(xml.contains("<skipped message=\"undecided: exact at least 0.9"), "{xml}");
    check(&junit(&[]));
    let failed = junit(&[TestSuite::failed("p", "no such file")]);
    check(&failed);
    assert!(failed.contains("<error message=\"no such file\" type=\"run\">"), "{failed}");
}
