use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn rendered(text: &str, variables: &Value) -> Result<String, TemplateError> {
    render(&Template::parse(text)?, variables, &mut Limits::default())
}

fn problem(text: &str) -> String {
    Template::parse(text).expect_err("no template").to_string()
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    assert_eq!(problem("one\n  {{#a}} two"), "line 2, column 3: section \"a\" is not closed");
    assert_eq!(problem("päö {{x"), "line 1, column 5: the tag is not closed");
    assert_eq!(problem("{{#a}}\n{{/b}}"), "line 2, column 1: section \"a\" is closed as \"b\"");
    assert_eq!(problem("{{/b}}"), "line 1, column 1: section \"b\" is not open");
    assert!(problem("{{=x=}}").contains("expected two delimiters"));
    assert!(problem(&"{{#a}}".repeat(65)).contains("nested deeper than 64"));
    assert!(rendered(&("{{#a}}".repeat(64) + &"{{/a}}".repeat(64)), &json!({"a": 1})).is_ok());
}

#[test]
fn the_result_and_the_work_for_it_are_bounded() {
    let list: Vec<_> = (0..100).collect();
    let variables = json!({"l": list, "text": "x".repeat(100)});
    let each = Template::parse("{{#l}}{{text}}{{/l}}").expect("a template");
    let whole = render(&each, &variables, &mut Limits::of(10_000, 1_000));
    assert_eq!(whole.expect("within").len(), 10_000);
    let long = render(&each, &variables, &mut Limits::of(9_999, 1_000));
    assert!(matches!(long, Err(TemplateError::TooLong { .. })), "{long:?}");

    // A million times nothing.
    let nested = Template::parse("{{#l}}{{#l}}{{#l}}{{/l}}{{/l}}{{/l}}").expect("a template");
    let endless = render(&nested, &variables, &mut Limits::of(10, 100_000));
    assert_eq!(endless, Err(TemplateError::TooMuchWork));
}

#[test]
fn objects_in_raw_tags_are_json() {
    // The published SDK writes `[object Object]` there.
    let variables = json!({"o": {"a": 1}, "l": [{"a": 1}, 2]});
    assert_eq!(rendered("{{{o}}} {{&l}}", &variables).expect("text"), "{\"a\":1} {\"a\":1},2");
}

#[test]
fn a_missing_variable_is_one_whose_path_ends_early() {
    let variables = json!({"a": {"b": {}}, "n": null, "l": [0]});
    let first = |text| missing(&Template::parse(text).expect("a template"), &variables);
    assert_eq!(first("{{a}} {{a.b}} {{n}} {{l.0}} {{.}} {{#a}}{{x}}{{/a}}"), None);
    assert_eq!(first("{{a.b}} {{a.b.c.d}}"), Some("a.b.c.d"));
    assert_eq!(first("{{l.1}}"), Some("l.1"));
    assert_eq!(first("{{&n.x}}"), Some("n.x"));
}

#[test]
fn members_of_nothing_end_no_render() {
    let variables = json!({"l": [null, {"x": 1}], "n": null});
    assert_eq!(rendered("{{#l}}[{{x}}{{.}}]{{/l}}", &variables).expect("text"), "[][1{\"x\":1}]");
    assert_eq!(rendered("{{n.x.y}}{{l.0.x}}{{l.-1}}{{l.01}}", &variables).expect("text"), "");
    assert_eq!(rendered("{{x}}", &Value::Null).expect("text"), "");
}

proptest! {
    #[test]
    fn any_text_is_a_template_or_an_error(
        text in "([{}#^/&!=>. \na-c]|\\{\\{|\\}\\}|é){0,60}",
    ) {
        let variables = json!({"a": [1, {"b": "x"}], "b": {"c": true}, "c": ""});
        if let Ok(template) = Template::parse(&text) {
            missing(&template, &variables);
            render(&template, &variables, &mut Limits::of(1 << 20, 1 << 20)).ok();
        }
    }

    #[test]
    fn text_without_tags_stays_as_it_is(text in "[^{]{0,80}") {
        prop_assert_eq!(rendered(&text, &json!({})).expect("text"), text);
    }
}
